"""Every document store: the embedded one and a real mongod."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from orchestrator.stores.embedded import EmbeddedDocuments
from orchestrator.stores.mongo import MongoDocuments
from orchestrator.stores.ports import Documents


@pytest.fixture(params=["embedded", "mongo"])
async def documents(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Documents]:
    store: Documents
    if request.param == "embedded":
        store = await EmbeddedDocuments.open(tmp_path / "documents.sqlite")
    else:
        database = request.getfixturevalue("mongo_database")
        store = MongoDocuments(request.getfixturevalue("mongod").url, database, timeout_s=20)
    await store.ensure_indexes()
    await store.ensure_indexes()
    yield store
    await store.close()
