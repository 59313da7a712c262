"""What a deployment for fault tests looks like: its servers, its options, and the configuration that follows."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from tests.kit.load import BULK, DESCRIBE, PROCESS, SCORE, SEO, TAG, UPDATE
from tests.kit.mongod import Mongod
from tests.kit.rabbitmq import RabbitMQ
from tests.kit.s3 import ACCESS_KEY, REGION, SECRET_KEY, S3Server

if TYPE_CHECKING:  # their drivers take seconds to import
    from tests.kit.mariadb import MariaDB
    from tests.kit.milvus import Milvus
    from tests.kit.rabbitmq_cluster import Cluster

Road = Literal["enhance", "relevance"]
MODELS = ("clip", "text", "vlm")


@dataclass(frozen=True, slots=True)
class Servers:
    """The real servers of a deployment. A port, if given, is that of a fault proxy the orchestrators go through.

    The relevance road needs MariaDB and Milvus too, each with a database of its own.
    """

    rabbitmq: "RabbitMQ | Cluster"
    vhost: str
    mongod: Mongod
    database: str
    s3: S3Server
    bucket: str
    amqp_port: int | None = None
    mongo_port: int | None = None
    s3_port: int | None = None
    mariadb: "MariaDB | None" = None
    sql_database: str = ""
    sql_port: int | None = None
    milvus: "Milvus | None" = None
    milvus_database: str = ""
    milvus_port: int | None = None


@dataclass(frozen=True, slots=True)
class Options:
    """What differs between tests. ``queue`` holds changes to every queue of queues.yaml, ``pool`` to every worker
    pool, ``environment`` more JUSTLENS_ settings without that prefix. ``worker_urls`` replaces the stub workers of
    the enhancement road."""

    roads: tuple[Road, ...] = ("enhance",)
    stub_workers: int = 2
    worker_latency_s: float = 0.0
    consumers: int = 4
    queue: Mapping[str, Any] | None = None
    pool: Mapping[str, Any] | None = None
    environment: Mapping[str, str] | None = None
    worker_urls: Sequence[str] = ()


def pipeline_document(
    options: Options, worker_ports: Sequence[int], model_ports: Mapping[str, int] | None = None
) -> dict[str, Any]:
    """The queues.yaml, with delays a test can wait for. ``model_ports`` are those of the relevance road's stubs."""
    defaults = {"deadline_s": 20, "retry_delays_s": [0.2, 0.5, 1], "delivery_limit": 20}
    queues: dict[str, Any] = {}
    endpoints: dict[str, list[str]] = {}
    if "enhance" in options.roads:
        queues |= _enhance_queues(options.consumers)
        endpoints["enhance"] = [*options.worker_urls] or [_url(port) for port in worker_ports]
    if "relevance" in options.roads:
        queues |= _relevance_queues(options.consumers)
        endpoints |= {name: [_url(port)] for name, port in (model_ports or {}).items()}
    # Pictures that fail on purpose must not eject a worker that does what it is told.
    pool = {"max_in_flight": 8, "timeout_s": 15, "eject_after": 1000, "probe_after_s": 1, **(options.pool or {})}
    return {
        "version": 1,
        "defaults": {**defaults, **(options.queue or {})},
        "queues": queues,
        "workers": {name: {"endpoints": urls, **pool} for name, urls in endpoints.items()},
    }


def _enhance_queues(consumers: int) -> dict[str, Any]:
    enhance = {"stage": "enhance", "workers": "enhance", "next": [UPDATE]}
    return {
        PROCESS: {**enhance, "consumers": consumers},
        BULK: {**enhance, "consumers": max(1, consumers // 2)},
        UPDATE: {"stage": "enhance_update", "consumers": consumers},
    }


def _relevance_queues(consumers: int) -> dict[str, Any]:
    return {
        DESCRIBE: {"stage": "describe", "workers": "vlm", "next": [TAG, SCORE, SEO], "consumers": consumers},
        TAG: {"stage": "tag", "workers": "clip", "next": [DESCRIBE], "consumers": consumers},
        SCORE: {"stage": "score", "workers": ["text", "clip"], "consumers": consumers},
        SEO: {"stage": "seo", "workers": "clip", "consumers": consumers},
    }


def _url(port: int) -> str:
    return f"http://127.0.0.1:{port}"


def settings_of(servers: Servers, queues_file: Path, purge_url: str) -> dict[str, str]:
    """Settings by the names of their fields."""
    return {
        "mode": "servers",
        "queues_file": str(queues_file),
        "amqp_url": servers.rabbitmq.amqp_url(servers.vhost, port=servers.amqp_port),
        "management_url": servers.rabbitmq.management_url,
        "mongo_url": servers.mongod.url_through(servers.mongo_port or servers.mongod.port),
        "mongo_database": servers.database,
        "s3_endpoint": f"http://127.0.0.1:{servers.s3_port or servers.s3.port}",
        "s3_bucket": servers.bucket,
        "s3_region": REGION,
        "s3_access_key": ACCESS_KEY,
        "s3_secret_key": SECRET_KEY,
        "cdn_purge_url": purge_url,
        "drain_s": "10",
        "log_level": "info",
        "log_format": "json",
        **_relevance_settings(servers),
    }


def _relevance_settings(servers: Servers) -> dict[str, str]:
    if servers.mariadb is None or servers.milvus is None:
        return {}
    return {
        "sql_url": servers.mariadb.url(servers.sql_database, port=servers.sql_port),
        "milvus_url": servers.milvus.url_of(servers.milvus_database, servers.milvus_port),
    }


def variables(settings: Mapping[str, str]) -> dict[str, str]:
    """The same as environment variables."""
    return {f"JUSTLENS_{name.upper()}": value for name, value in settings.items()}
