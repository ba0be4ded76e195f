"""As they are after all migrations."""

from django.db import models


class User(models.Model):
    seen = models.IntegerField(default=0)

    class Meta:
        db_table = "users"


class Project(models.Model):
    seen = models.IntegerField(default=0)
    nickname = models.TextField(null=True)

    class Meta:
        db_table = "projects"


class Comment(models.Model):
    body = models.TextField()

    class Meta:
        db_table = "comments"


class Rating(models.Model):
    user = models.ForeignKey(User, models.CASCADE, db_constraint=False)
    project = models.ForeignKey(Project, models.CASCADE, db_constraint=False)

    class Meta:
        db_table = "ratings"
