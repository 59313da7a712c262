"""The tables, as the newest migration leaves them."""

from typing import Any

from sqlalchemy import BigInteger, Boolean, CheckConstraint, Column, Index, Integer, MetaData, String, Table, Text
from sqlalchemy.dialects import mysql

ID_LENGTH = 128
VERSION_LENGTH = 128
NAME_LENGTH = 255
ALT_TEXT_LENGTH = 1000
MODEL_LENGTH = 255

# Text compares by its bytes: two spellings are two values, and versions order the same way as in every other store.
_OPTIONS: dict[str, Any] = {"mysql_engine": "InnoDB", "mysql_charset": "utf8mb4", "mysql_collate": "utf8mb4_bin"}

metadata = MetaData()

categories = Table(
    "categories",
    metadata,
    Column("business_id", String(ID_LENGTH), primary_key=True),
    Column("category_id", String(ID_LENGTH), primary_key=True),
    Column("name", String(NAME_LENGTH), nullable=False),
    Column("is_hot", Boolean, nullable=False),
    Index("categories_name", "name"),
    **_OPTIONS,
)

alttags = Table(
    "alttags",
    metadata,
    Column("business_id", String(ID_LENGTH), primary_key=True),
    Column("image_id", String(ID_LENGTH), primary_key=True),
    Column("alt_text", String(ALT_TEXT_LENGTH), nullable=False),
    Column("source", String(8), nullable=False),
    Column("model", String(MODEL_LENGTH), nullable=False),
    Column("prompt_version", String(VERSION_LENGTH), nullable=False),
    Column("version", String(VERSION_LENGTH), nullable=False),
    CheckConstraint("source IN ('model', 'human')", name="alttags_source"),
    **_OPTIONS,
)

idf_snapshots = Table(
    "idf_snapshots",
    metadata,
    Column("version", String(VERSION_LENGTH), primary_key=True),
    Column("taken_at", BigInteger, nullable=False, comment="Unix ms"),
    Column("documents", Integer, nullable=False),
    Column("frequencies", Text().with_variant(mysql.MEDIUMTEXT(), "mysql", "mariadb"), nullable=False, comment="JSON"),
    Index("idf_snapshots_taken_at", "taken_at"),
    **_OPTIONS,
)
