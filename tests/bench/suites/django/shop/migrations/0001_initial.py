import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models


def key(to):
    return models.ForeignKey(to, django.db.models.deletion.CASCADE)


class Migration(migrations.Migration):
    dependencies = [migrations.swappable_dependency(settings.AUTH_USER_MODEL)]
    operations = [
        migrations.CreateModel("Project", [
            ("id", models.AutoField(primary_key=True)),
            ("name", models.TextField())]),
        migrations.CreateModel("Bookmark", [
            ("id", models.AutoField(primary_key=True)),
            ("user", key(settings.AUTH_USER_MODEL)),
            ("project", key("shop.project"))]),
        migrations.CreateModel("Rating", [
            ("id", models.AutoField(primary_key=True)),
            ("user", key(settings.AUTH_USER_MODEL)),
            ("project", key("shop.project"))]),
    ]
