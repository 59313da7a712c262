"""Checks of what lies across the network. Each has connections of its own and changes nothing that anybody reads."""

import uuid
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from importlib import import_module
from typing import TYPE_CHECKING

from orchestrator.cli.doctor.checks import Check, NotChecked, Wrong
from orchestrator.config import Pipeline, Settings
from orchestrator.domain.urls import without_secrets

if TYPE_CHECKING:
    from orchestrator.wiring import System

    Open = Callable[[], AbstractAsyncContextManager[System]]


def load_drivers() -> None:
    """Import them before the checks' clocks run: on a busy machine that takes seconds."""
    for module in ("runtime.rabbitmq", "stores.mongo", "stores.s3", "stores.sql.inspection", "stores.milvus"):
        import_module(f"orchestrator.{module}")


def store_checks(settings: Settings, load: Callable[[], Pipeline]) -> list[Check]:
    """MongoDB and S3."""

    @asynccontextmanager
    async def opened() -> "AsyncIterator[System]":
        from orchestrator.wiring import open_system

        async with open_system(settings, load()) as system:
            yield system

    return [*_document_checks(settings, opened), *_object_checks(settings, opened)]


def _document_checks(settings: Settings, opened: "Open") -> list[Check]:
    async def mongo() -> str:
        async with opened() as system:
            await system.documents.ping()
        return f"database {settings.mongo_database}"

    async def mongo_writes() -> str:
        async with opened() as system:
            # Removing what is not there needs the right to write, and writes nothing.
            await system.documents.forget_dead_letter("doctor", uuid.uuid4().hex)
        return "allowed"

    return [
        Check("mongodb", mongo, "Start MongoDB, or correct JUSTLENS_MONGO_URL."),
        Check(
            "mongodb writes", mongo_writes, "Give the user of JUSTLENS_MONGO_URL the role readWrite on the database."
        ),
    ]


def _object_checks(settings: Settings, opened: "Open") -> list[Check]:
    async def bucket() -> str:
        async with opened() as system:
            await system.objects.ping()
        return (
            f"bucket {settings.s3_bucket} at {without_secrets(settings.s3_endpoint) if settings.s3_endpoint else 'AWS'}"
        )

    async def bucket_writes() -> str:
        from orchestrator.stores.s3 import S3Objects

        async with opened() as system:
            if not isinstance(system.objects, S3Objects):
                raise NotChecked("the objects are in a folder")
            return "; ".join(["allowed", *await system.objects.find_shortcomings()])

    return [
        Check(
            "s3",
            bucket,
            "Create the bucket, or correct JUSTLENS_S3_ENDPOINT, JUSTLENS_S3_BUCKET and the access key.",
        ),
        Check(
            "s3 writes",
            bucket_writes,
            "Give the access key the rights to get and put objects in the bucket, or make the store take them.",
        ),
    ]


def endpoint_checks(settings: Settings, pipeline: Pipeline) -> list[Check]:
    """Every worker endpoint there is to reach: its readiness, and who it says that it is."""
    from orchestrator.operations.workers import endpoint_urls

    urls = endpoint_urls(settings, pipeline)
    return [_endpoint_check(pool, url) for pool, found in urls.items() for url in found]


def _endpoint_check(pool: str, url: str) -> Check:
    async def look() -> str:
        from orchestrator.clients.http import open_session
        from orchestrator.operations.workers import look_at

        async with open_session() as session:
            endpoint = await look_at(session, pool, url)
        if endpoint.mismatch:
            raise Wrong(endpoint.mismatch)
        if not endpoint.ready or endpoint.handshake is None:
            raise Wrong("it does not answer, or is not ready")
        return f"{endpoint.handshake.model}, release {endpoint.handshake.release}"

    return Check(
        f"worker {pool} {without_secrets(url)}",
        look,
        f"Start it (`justlens worker {pool}`), wait until it has loaded, or correct its URL in queues.yaml or"
        " JUSTLENS_ENDPOINTS.",
    )


def cdn_checks(settings: Settings) -> list[Check]:
    """The CDN, if there is one: whether anything answers there. Nothing is purged."""
    if settings.cdn_purge_url is None:
        return []
    url = settings.cdn_purge_url

    async def look() -> str:
        import aiohttp

        from orchestrator.clients.http import TRANSPORT_ERRORS, fault_of, open_session

        timeout = aiohttp.ClientTimeout(total=settings.cdn_timeout_s)
        try:
            async with (
                open_session() as session,
                session.head(url, timeout=timeout, allow_redirects=False) as response,
            ):
                status = response.status
        except TRANSPORT_ERRORS as error:
            raise Wrong(f"{without_secrets(url)}: {fault_of(error).detail}") from None
        if status >= 500:
            raise Wrong(f"{without_secrets(url)}: status {status}")
        return without_secrets(url)

    return [Check("cdn", look, "Correct JUSTLENS_CDN_PURGE_URL, or mend the way there; purges wait until it answers.")]
