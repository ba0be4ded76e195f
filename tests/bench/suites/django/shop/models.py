from django.contrib.auth.models import User
from django.db import models


class Project(models.Model):
    name = models.TextField()


class Bookmark(models.Model):
    user = models.ForeignKey(User, models.CASCADE)
    project = models.ForeignKey(Project, models.CASCADE)
