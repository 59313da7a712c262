"""The stores of a system without servers: documents on a SQLite file, objects in a folder."""

from orchestrator.stores.embedded.documents import EmbeddedDocuments

__all__ = ["EmbeddedDocuments"]
