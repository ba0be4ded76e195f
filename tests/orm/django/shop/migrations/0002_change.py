from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("shop", "0001_initial")]
    operations = [
        migrations.DeleteModel(name="Bookmark"),
        migrations.RemoveField(model_name="comment", name="project"),
        migrations.AlterField(
            model_name="rating", name="user",
            field=models.ForeignKey(
                db_constraint=False, on_delete=models.CASCADE,
                to="shop.user")),
        migrations.AlterField(
            model_name="rating", name="project",
            field=models.ForeignKey(
                on_delete=models.CASCADE, to="shop.project")),
    ]
