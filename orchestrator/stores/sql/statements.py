"""The upserts, each one statement, in the words of MySQL and of SQLite."""

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import ColumnElement, Insert, Table, case, or_
from sqlalchemy.dialects import mysql, sqlite

from orchestrator.domain.catalogue.model import AltTextSource
from orchestrator.stores.sql.tables import alttags, categories, idf_snapshots

Rows = Sequence[Mapping[str, Any]] | Mapping[str, Any]

# In MySQL an assignment sees what those before it have assigned, so the columns of the guard come last: ``version``,
# then ``source``. Of a person's text that replaces a model's, ``source`` is the part that stays true until then.
_ALT_TEXT_ORDER = ("alt_text", "model", "prompt_version", "version", "source")


def put_categories(dialect: str, rows: Rows) -> Insert:
    """Insert the rows; one that is there gets the new name and heat."""
    return _replacing(dialect, categories, rows, ("name", "is_hot"))


def put_snapshot(dialect: str, row: Rows) -> Insert:
    """Insert a snapshot; one of the same content becomes the newest."""
    return _replacing(dialect, idf_snapshots, row, ("taken_at",))


def put_alt_text(dialect: str, row: Mapping[str, Any], source: AltTextSource) -> Insert:
    """Insert an alt text, or replace the one that is there if the new one comes before it.

    A person's text comes before a model's, whatever their versions; of two texts of one source the strictly newer one
    does. So the order in which they arrive makes no difference.
    """
    values = {**row, "source": source}
    if dialect == "sqlite":
        lite = sqlite.insert(alttags).values(values)
        replaced = {name: lite.excluded[name] for name in _ALT_TEXT_ORDER}
        guard = _comes_first(source, lite.excluded.version)
        return lite.on_conflict_do_update(index_elements=list(alttags.primary_key), set_=replaced, where=guard)
    insert = mysql.insert(alttags).values(values)
    comes_first = _comes_first(source, insert.inserted.version)
    return insert.on_duplicate_key_update(
        [(name, case((comes_first, insert.inserted[name]), else_=alttags.c[name])) for name in _ALT_TEXT_ORDER]
    )


def _comes_first(source: AltTextSource, version: ColumnElement[str]) -> ColumnElement[bool]:
    newer = version > alttags.c.version
    is_models = alttags.c.source == "model"
    return or_(is_models, newer) if source == "human" else is_models & newer


def _replacing(dialect: str, table: Table, rows: Rows, replaced: Sequence[str]) -> Insert:
    if dialect == "sqlite":
        lite = sqlite.insert(table).values(rows)
        return lite.on_conflict_do_update(
            index_elements=list(table.primary_key), set_={name: lite.excluded[name] for name in replaced}
        )
    insert = mysql.insert(table).values(rows)
    return insert.on_duplicate_key_update([(name, insert.inserted[name]) for name in replaced])
