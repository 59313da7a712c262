"""Every vector store: a Milvus Lite file and a real Milvus."""

from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from orchestrator.stores.milvus import MilvusVectors
from orchestrator.stores.ports import VectorStore
from tests.kit.milvus import Milvus


@pytest.fixture(scope="session")
def shared_database(milvus: Milvus) -> Iterator[str]:
    """A database for all tests of the contract: to make a collection anew for each would take 3 s every time."""
    milvus.ensure_running()
    name = milvus.make_database()
    yield milvus.url_of(name)
    milvus.drop_database(name)


@pytest.fixture(params=["file", "server"])
async def vectors(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[VectorStore]:
    """An empty store."""
    if request.param == "file":
        store = await MilvusVectors.open(tmp_path / "vectors", timeout_s=20)
    else:
        store = await MilvusVectors.connect(request.getfixturevalue("shared_database"), timeout_s=20)
        await empty(store)
    yield store
    await store.close()


async def empty(store: MilvusVectors) -> None:
    for name in await store._collections._names():
        everything = {"expression": "put_at >= 0"}
        await store._connection.ask(store._connection.handler.delete, name, **everything)
