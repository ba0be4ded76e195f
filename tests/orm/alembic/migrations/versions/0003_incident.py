from alembic import op

revision = "0003"
down_revision = "0002"


def upgrade():
    op.drop_constraint("ratings_project_id_fkey", "ratings",
                       type_="foreignkey")
    op.drop_column("users", "nickname")
