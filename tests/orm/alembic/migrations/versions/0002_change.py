from alembic import op

revision = "0002"
down_revision = "0001"


def upgrade():
    op.drop_table("bookmarks")
    op.drop_column("comments", "project_id")
    op.drop_constraint("ratings_user_id_fkey", "ratings",
                       type_="foreignkey")
    op.create_foreign_key(None, "ratings", "projects", ["project_id"],
                          ["id"])
