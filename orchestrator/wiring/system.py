"""Broker and stores, embedded or on servers: what every command needs."""

import re
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING
from urllib.parse import unquote

from pydantic import SecretStr

from orchestrator.clients.fetch.fetcher import ReadObject
from orchestrator.clients.workers.pool import WorkerPool
from orchestrator.config import Pipeline, Settings, load_pipeline
from orchestrator.domain.errors import ConfigurationError, JobRefused
from orchestrator.domain.pictures import Picture
from orchestrator.embedded.data_dir import own_data_dir
from orchestrator.runtime.local import LocalBroker
from orchestrator.runtime.ports import Broker
from orchestrator.stages import STAGES
from orchestrator.stores.embedded import EmbeddedDocuments
from orchestrator.stores.embedded.objects import FolderObjects
from orchestrator.stores.ports import Documents, Objects, VectorStore

if TYPE_CHECKING:
    from orchestrator.stores.sql import SqlCatalogue


class LateCatalogue:
    """The SQL store, opened at its first use: many commands never touch it, and its driver takes long to import."""

    def __init__(self, url: str, timeout_s: float) -> None:
        self._url = url
        self._timeout_s = timeout_s
        self._opened: SqlCatalogue | None = None

    def get(self) -> "SqlCatalogue":
        """The store. Connections are made when they are needed."""
        if self._opened is None:
            from orchestrator.stores.sql import SqlCatalogue

            self._opened = SqlCatalogue(self._url, timeout_s=self._timeout_s)
        return self._opened

    async def close(self) -> None:
        """Let go of it, if it was opened."""
        if self._opened is not None:
            await self._opened.close()


@dataclass(frozen=True, slots=True)
class System:
    """The parts that outlive a job. ``pools`` is empty in a process that calls no workers, ``read_object`` is None
    where no s3:// picture can be read, ``vectors`` where nobody opened them: see ``vectors_of``. ``health_url`` is
    where a process at work serves /livez, /readyz and /metrics."""

    settings: Settings
    pipeline: Pipeline
    broker: Broker
    documents: Documents
    objects: Objects
    late_catalogue: LateCatalogue
    pools: Mapping[str, WorkerPool] = field(default_factory=dict)
    read_object: ReadObject | None = None
    vectors: VectorStore | None = None
    health_url: str | None = None

    @property
    def catalogue(self) -> "SqlCatalogue":
        """Categories, alt texts and word frequencies."""
        return self.late_catalogue.get()


def load_checked_pipeline(settings: Settings) -> Pipeline:
    """queues.yaml, checked against the stages there are. Raises ConfigurationError with every mistake."""
    pipeline = load_pipeline(settings.queues_file, frozenset(STAGES))
    problems = [
        f"JUSTLENS_ENDPOINTS: no pool '{name}' under workers" for name in settings.endpoints.keys() - pipeline.workers
    ]
    problems += [
        f"queues.{name}.workers: the stage '{queue.stage}' calls the pool '{pool}'; name it"
        for name, queue in pipeline.queues.items()
        for pool in STAGES[queue.stage].pools
        if pool not in queue.workers
    ]
    longest_s = 0.8 * settings.ack_timeout_s
    problems += [
        f"queues.{name}.deadline_s: {queue.deadline_s:g} s is over 80 % of the broker's ack timeout"
        f" ({settings.ack_timeout_s:g} s, JUSTLENS_ACK_TIMEOUT_S); lower the one or raise the other"
        for name, queue in pipeline.queues.items()
        if queue.deadline_s > longest_s
    ]
    if problems:
        raise ConfigurationError(problems)
    return pipeline


def secrets_of(settings: Settings) -> list[str]:
    """Every secret value in force, for masking: also the bare passwords inside secret URLs.

    One of up to three characters is left out: it hides nowhere, and masking it would make every line unreadable.
    """
    values = [getattr(settings, name) for name in Settings.model_fields]
    secrets = [value.get_secret_value() for value in values if isinstance(value, SecretStr)]
    passwords = [password for secret in secrets for password in re.findall(r"://[^/:@]*:([^/]+)@", secret)]
    return [secret for secret in (*secrets, *passwords, *map(unquote, passwords)) if len(secret) > 3]


@asynccontextmanager
async def open_system(settings: Settings, pipeline: Pipeline) -> AsyncIterator[System]:
    """Open broker and stores, and close them at the end.

    Embedded: raises DataDirInUse when another process owns the data directory. Servers: connections are made when
    they are first used, so nothing needs to be up yet.
    """
    async with AsyncExitStack() as stack:
        open_parts = _open_embedded if settings.mode == "embedded" else _open_servers
        yield await open_parts(settings, pipeline, stack)


async def _open_embedded(settings: Settings, pipeline: Pipeline, stack: AsyncExitStack) -> System:
    stack.enter_context(own_data_dir(settings.data_dir))
    broker = await LocalBroker(settings.data_dir / "broker.sqlite", pipeline).open()
    stack.push_async_callback(broker.close)
    documents = await EmbeddedDocuments.open(settings.data_dir / "documents.sqlite")
    stack.push_async_callback(documents.close)
    objects = await FolderObjects.open(settings.data_dir / "objects")
    stack.push_async_callback(objects.close)
    url = f"sqlite+aiosqlite:///{(settings.data_dir / 'catalogue.sqlite').resolve()}"
    return System(settings, pipeline, broker, documents, objects, _catalogue(url, settings, stack))


def _catalogue(url: str, settings: Settings, stack: AsyncExitStack) -> LateCatalogue:
    catalogue = LateCatalogue(url, settings.store_timeout_s)
    stack.push_async_callback(catalogue.close)
    return catalogue


async def _open_servers(settings: Settings, pipeline: Pipeline, stack: AsyncExitStack) -> System:
    # The drivers belong to the extra "servers": the embedded core installs and runs without them.
    from orchestrator.runtime.rabbitmq import RabbitBroker
    from orchestrator.stores.mongo import MongoDocuments
    from orchestrator.stores.s3 import S3Objects

    broker = RabbitBroker(settings)
    stack.push_async_callback(broker.close)
    mongo_url = settings.mongo_url.get_secret_value()
    documents = MongoDocuments(mongo_url, settings.mongo_database, timeout_s=settings.store_timeout_s)
    stack.push_async_callback(documents.close)
    objects = await S3Objects.open(
        settings.s3_bucket,
        region=settings.s3_region,
        timeout_s=settings.store_timeout_s,
        endpoint=settings.s3_endpoint,
        access_key=plain_secret(settings.s3_access_key),
        secret_key=plain_secret(settings.s3_secret_key),
    )
    stack.push_async_callback(objects.close)

    async def read_object(bucket: str, key: str) -> Picture | None:
        if bucket not in settings.fetch_s3_buckets:
            raise JobRefused(
                "bucket_refused", f"pictures may not come from bucket {bucket}; see JUSTLENS_FETCH_S3_BUCKETS"
            )
        return await objects.read_from(bucket, key, settings.fetch_max_bytes)

    catalogue = _catalogue(settings.sql_url.get_secret_value(), settings, stack)
    return System(settings, pipeline, broker, documents, objects, catalogue, read_object=read_object)


@asynccontextmanager
async def vectors_of(system: System) -> AsyncIterator[VectorStore]:
    """The vector store of ``system``: the one that is open already, or one opened for as long as it is used."""
    if system.vectors is not None:
        yield system.vectors
        return
    from orchestrator.stores.milvus import MilvusVectors  # takes seconds to import, and few commands need it

    settings = system.settings
    if settings.mode == "embedded":
        vectors = await MilvusVectors.open(settings.data_dir / "vectors", timeout_s=settings.store_timeout_s)
    else:
        url, token = settings.milvus_url.get_secret_value(), plain_secret(settings.milvus_token)
        vectors = await MilvusVectors.connect(url, timeout_s=settings.store_timeout_s, token=token)
    try:
        yield vectors
    finally:
        await vectors.close()


def plain_secret(secret: SecretStr | None) -> str | None:
    """The secret itself, for the one who hands it to a driver."""
    return None if secret is None else secret.get_secret_value()
