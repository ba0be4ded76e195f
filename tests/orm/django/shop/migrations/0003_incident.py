from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("shop", "0002_change")]
    operations = [
        migrations.AlterField(
            model_name="rating", name="project",
            field=models.ForeignKey(
                db_constraint=False, on_delete=models.CASCADE,
                to="shop.project")),
        migrations.RemoveField(model_name="user", name="nickname"),
    ]
