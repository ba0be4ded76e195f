from django.db import migrations, models


def key():
    return ("id", models.AutoField(auto_created=True, primary_key=True,
                                   serialize=False, verbose_name="ID"))


def reference(model, **options):
    return models.ForeignKey(on_delete=models.CASCADE, to=f"shop.{model}",
                             **options)


class Migration(migrations.Migration):
    initial = True
    operations = [
        migrations.CreateModel(
            name="User",
            fields=[key(), ("seen", models.IntegerField(default=0)),
                    ("nickname", models.TextField(null=True))],
            options={"db_table": "users"}),
        migrations.CreateModel(
            name="Project",
            fields=[key(), ("seen", models.IntegerField(default=0)),
                    ("nickname", models.TextField(null=True))],
            options={"db_table": "projects"}),
        migrations.CreateModel(
            name="Bookmark",
            fields=[key(), ("user", reference("user")),
                    ("project", reference("project"))],
            options={"db_table": "bookmarks"}),
        migrations.CreateModel(
            name="Comment",
            fields=[key(), ("body", models.TextField()),
                    ("project", reference("project"))],
            options={"db_table": "comments"}),
        migrations.CreateModel(
            name="Rating",
            fields=[key(), ("user", reference("user")),
                    ("project", reference("project", db_constraint=False))],
            options={"db_table": "ratings"}),
    ]
