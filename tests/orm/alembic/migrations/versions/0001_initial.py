import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None


def upgrade():
    for name in "users", "projects":
        op.create_table(
            name, sa.Column("id", sa.Integer, primary_key=True),
            sa.Column("seen", sa.Integer, nullable=False,
                      server_default="0"),
            sa.Column("nickname", sa.Text))
    op.create_table(
        "bookmarks", sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("user_id", sa.Integer, sa.ForeignKey("users.id"),
                  nullable=False),
        sa.Column("project_id", sa.Integer, sa.ForeignKey("projects.id"),
                  nullable=False))
    op.create_table(
        "comments", sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("body", sa.Text, nullable=False),
        sa.Column("project_id", sa.Integer, sa.ForeignKey("projects.id"),
                  nullable=False))
    op.create_table(
        "ratings", sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("user_id", sa.Integer, sa.ForeignKey("users.id"),
                  nullable=False),
        sa.Column("project_id", sa.Integer, nullable=False))
