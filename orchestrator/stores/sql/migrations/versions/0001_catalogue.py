"""Categories, alt texts and snapshots of word frequencies."""

from typing import Any

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import mysql

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

_OPTIONS: dict[str, Any] = {"mysql_engine": "InnoDB", "mysql_charset": "utf8mb4", "mysql_collate": "utf8mb4_bin"}


def upgrade() -> None:
    """Create the three tables."""
    op.create_table(
        "categories",
        sa.Column("business_id", sa.String(128), primary_key=True),
        sa.Column("category_id", sa.String(128), primary_key=True),
        sa.Column("name", sa.String(255), nullable=False),
        sa.Column("is_hot", sa.Boolean(), nullable=False),
        sa.Index("categories_name", "name"),
        **_OPTIONS,
    )
    op.create_table(
        "alttags",
        sa.Column("business_id", sa.String(128), primary_key=True),
        sa.Column("image_id", sa.String(128), primary_key=True),
        sa.Column("alt_text", sa.String(1000), nullable=False),
        sa.Column("source", sa.String(8), nullable=False),
        sa.Column("model", sa.String(255), nullable=False),
        sa.Column("prompt_version", sa.String(128), nullable=False),
        sa.Column("version", sa.String(128), nullable=False),
        sa.CheckConstraint("source IN ('model', 'human')", name="alttags_source"),
        **_OPTIONS,
    )
    op.create_table(
        "idf_snapshots",
        sa.Column("version", sa.String(128), primary_key=True),
        sa.Column("taken_at", sa.BigInteger(), nullable=False, comment="Unix ms"),
        sa.Column("documents", sa.Integer(), nullable=False),
        sa.Column(
            "frequencies",
            sa.Text().with_variant(mysql.MEDIUMTEXT(), "mysql", "mariadb"),
            nullable=False,
            comment="JSON",
        ),
        sa.Index("idf_snapshots_taken_at", "taken_at"),
        **_OPTIONS,
    )


def downgrade() -> None:
    """Drop them, with what they hold."""
    op.drop_table("idf_snapshots")
    op.drop_table("alttags")
    op.drop_table("categories")
