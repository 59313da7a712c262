"""The API on a free port, over embedded stores in the test's own folder."""

import asyncio
import shutil
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import httpx
import pytest

from orchestrator.api import ApiOptions, ApiServices, create_app, serve_api
from orchestrator.api.options import parse_keys
from orchestrator.config import parse_pipeline
from orchestrator.domain.outcome import SetRelevance, SetSection
from orchestrator.operations.publishing import publish_confirmed
from orchestrator.runtime.local import LocalBroker
from orchestrator.stores.embedded import EmbeddedDocuments
from orchestrator.stores.embedded.objects import FolderObjects
from orchestrator.stores.sql import SqlCatalogue

KEYS = """{
    "reader": {"key": "reader-0123456789", "scopes": ["read"]},
    "publisher": {"key": "publisher-0123456789", "scopes": ["publish"]},
    "admin": {"key": "admin-0123456789", "scopes": ["admin"]}
}"""
PIPELINE = """
version: 1
queues:
  image_enhance_process: {stage: enhance, next: [image_enhance_update]}
  image_enhance_update: {stage: enhance_update}
  image_relevance_process: {stage: describe}
"""
OPTIONS = ApiOptions(keys=parse_keys(KEYS), read_timeout_s=10, publish_timeout_s=10)
BUSINESS = "shop"
VERSION = "1763683200000-019a9f4e-6d2c-7c3a-9b1e-5f0d8a7c2e41"
SHA256 = "ab" * 32


def key_of(role: str) -> dict[str, str]:
    """The header of a role; none for nobody."""
    return {} if role == "nobody" else {"Authorization": f"Bearer {role}-0123456789"}


@dataclass(frozen=True, slots=True)
class Stores:
    """What the API reads and writes, for a test to fill and to look at."""

    documents: EmbeddedDocuments
    objects: FolderObjects
    catalogue: SqlCatalogue
    broker: LocalBroker
    services: ApiServices

    async def know(
        self, image_id: str, *, business: str = BUSINESS, version: str = VERSION, **sections: Mapping[str, Any]
    ) -> None:
        """Write sections of an image's document."""
        for name, value in sections.items():
            await self.documents.set_section(SetSection(business, image_id, name, version, value))

    async def score(self, image_id: str, *, version: str = VERSION, sha256: str | None = None, **scores: float) -> None:
        """Write an image's scores by category, made of the content with this hash."""
        rows = [{"category_id": name.lstrip("c"), "name": name, "score": score} for name, score in scores.items()]
        value = {
            "url": f"https://cdn.example.com/{image_id}.jpg",
            "quality": 0.5,
            "source_sha256": sha256,
            "scores": rows,
        }
        await self.documents.set_relevance(SetRelevance(BUSINESS, image_id, version, value))


@pytest.fixture(scope="session")
def empty_catalogue(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A database with its tables and nothing in them: making them takes longer than most tests here."""
    path = tmp_path_factory.mktemp("catalogue") / "empty.sqlite"

    async def make() -> None:
        catalogue = SqlCatalogue(f"sqlite+aiosqlite:///{path}", timeout_s=20)
        await catalogue.ensure_schema()
        await catalogue.close()

    asyncio.run(make())
    return path


@pytest.fixture
async def stores(tmp_path: Path, empty_catalogue: Path) -> AsyncIterator[Stores]:
    pipeline = parse_pipeline(PIPELINE, frozenset({"enhance", "enhance_update", "describe"}))
    broker = await LocalBroker(tmp_path / "broker.sqlite", pipeline).open()
    documents = await EmbeddedDocuments.open(tmp_path / "documents.sqlite")
    objects = await FolderObjects.open(tmp_path / "objects")
    copy = shutil.copy(empty_catalogue, tmp_path / "catalogue.sqlite")
    catalogue = SqlCatalogue(f"sqlite+aiosqlite:///{copy}", timeout_s=20)
    await catalogue.ping()  # connecting, cut off by the time limit of a read, would outlive the test in its thread
    services = ApiServices(
        documents=documents,
        objects=objects,
        alt_texts=catalogue,
        publish=partial(publish_confirmed, broker),
        queues={"enhance": "image_enhance_process", "relevance": "image_relevance_process"},
        next_queues={name: tuple(spec.next) for name, spec in pipeline.queues.items()},
        pings={"documents": documents.ping, "objects": objects.ping, "sql": catalogue.ping},
    )
    try:
        yield Stores(documents, objects, catalogue, broker, services)
    finally:
        for store in (catalogue, objects, documents, broker):
            await store.close()


@asynccontextmanager
async def served(services: ApiServices, options: ApiOptions = OPTIONS) -> AsyncIterator[httpx.AsyncClient]:
    """A client of a real server on a free port; it sends the reader's key unless told otherwise."""
    server = await serve_api(create_app(services, options), "127.0.0.1", 0)
    try:
        async with httpx.AsyncClient(base_url=server.url, timeout=20, headers=key_of("reader")) as client:
            yield client
    finally:
        await server.aclose()


@pytest.fixture
async def client(stores: Stores) -> AsyncIterator[httpx.AsyncClient]:
    async with served(stores.services) as client:
        yield client


class Away:
    """A store of which some methods do something else: ``Away(documents, find_relevance=failing)``."""

    def __init__(self, store: Any, **methods: Callable[..., Awaitable[Any]]) -> None:
        self._store = store
        self._methods = methods

    def __getattr__(self, name: str) -> Any:
        return self._methods.get(name) or getattr(self._store, name)


def degraded(stores: Stores, **parts: Any) -> ApiServices:
    """The services with some parts replaced."""
    return replace(stores.services, **parts)
