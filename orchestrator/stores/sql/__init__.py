"""The catalogue's categories, alt texts and word frequencies on SQL: MySQL or MariaDB, or a SQLite file."""

from orchestrator.stores.sql.catalogue import SqlCatalogue

__all__ = ["SqlCatalogue"]
