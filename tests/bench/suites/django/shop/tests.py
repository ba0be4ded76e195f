"""A flush behind each test, as Django has it for tests with transactions."""

from django.contrib.auth.models import User
from django.test import TransactionTestCase

from shop.models import Bookmark, Project


class BookmarkTest(TransactionTestCase):
    def keep(self):
        user = User.objects.create(username="joe")
        project = Project.objects.create(name="lockstep")
        Bookmark.objects.create(user=user, project=project)
        self.assertEqual(Bookmark.objects.count(), 1)


for number in range(20):
    setattr(BookmarkTest, f"test_{number}",
            lambda self: BookmarkTest.keep(self))
