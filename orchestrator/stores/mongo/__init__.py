"""Documents on MongoDB."""

from orchestrator.stores.mongo.documents import MongoDocuments

__all__ = ["MongoDocuments"]
