"""Documents on a SQLite file."""

from orchestrator.stores.embedded.documents import EmbeddedDocuments

__all__ = ["EmbeddedDocuments"]
