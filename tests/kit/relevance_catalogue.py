"""The catalogue of a deployment's businesses."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from orchestrator.domain.catalogue.model import Category

if TYPE_CHECKING:
    from tests.kit.blueprint import Servers

CATEGORIES: Mapping[str, tuple[Category, ...]] = {
    "hot": (Category("c1", "Coffee shop", is_hot=True), Category("c2", "Furniture"), Category("c3", "C++ school")),
    "plain": (Category("c1", "Book shop"), Category("c2", "The")),
    "unknown": (),
}
"""By business: one with a hot category, one without, one that the catalogue does not know."""


async def seed_catalogue(servers: "Servers", categories: Mapping[str, Sequence[Category]] = CATEGORIES) -> None:
    """Make the tables if need be, and write the categories of these businesses down."""
    from orchestrator.stores.sql import SqlCatalogue

    assert servers.mariadb is not None
    catalogue = SqlCatalogue(servers.mariadb.url(servers.sql_database), timeout_s=20)
    try:
        await catalogue.ensure_schema()
        await catalogue.put_categories([(business, one) for business, some in categories.items() for one in some])
        await catalogue.take_idf_snapshot()
    finally:
        await catalogue.close()
