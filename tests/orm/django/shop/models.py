"""As they are after both migrations."""

from django.db import models


class User(models.Model):
    seen = models.IntegerField(default=0)

    class Meta:
        db_table = "users"


class Project(models.Model):
    seen = models.IntegerField(default=0)

    class Meta:
        db_table = "projects"


class Comment(models.Model):
    body = models.TextField()

    class Meta:
        db_table = "comments"


class Rating(models.Model):
    user = models.ForeignKey(User, models.CASCADE, db_constraint=False)
    project = models.ForeignKey(Project, models.CASCADE)

    class Meta:
        db_table = "ratings"
