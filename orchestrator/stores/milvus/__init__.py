"""Vectors in Milvus: on a server, or in a Milvus Lite file of an embedded run."""

from orchestrator.stores.milvus.vectors import MilvusVectors

__all__ = ["MilvusVectors"]
