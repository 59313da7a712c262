"""What a deployment for fault tests looks like: its servers, its options, and the configuration that follows."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.kit.load import BULK, PROCESS, UPDATE
from tests.kit.mongod import Mongod
from tests.kit.rabbitmq import RabbitMQ
from tests.kit.s3 import ACCESS_KEY, REGION, SECRET_KEY, S3Server


@dataclass(frozen=True, slots=True)
class Servers:
    """The real servers of a deployment. A port, if given, is that of a fault proxy the orchestrators go through."""

    rabbitmq: RabbitMQ
    vhost: str
    mongod: Mongod
    database: str
    s3: S3Server
    bucket: str
    amqp_port: int | None = None
    mongo_port: int | None = None
    s3_port: int | None = None


@dataclass(frozen=True, slots=True)
class Options:
    """What differs between tests. ``queue`` holds changes to every queue of queues.yaml, ``pool`` to the worker pool,
    ``environment`` more JUSTLENS_ settings without that prefix. ``worker_urls`` replaces the stub workers."""

    stub_workers: int = 2
    worker_latency_s: float = 0.0
    consumers: int = 4
    queue: Mapping[str, Any] | None = None
    pool: Mapping[str, Any] | None = None
    environment: Mapping[str, str] | None = None
    worker_urls: Sequence[str] = ()


def pipeline_document(options: Options, worker_ports: Sequence[int]) -> dict[str, Any]:
    """The queues.yaml, with delays a test can wait for."""
    defaults = {"deadline_s": 20, "retry_delays_s": [0.2, 0.5, 1], "delivery_limit": 20}
    some, few = options.consumers, max(1, options.consumers // 2)
    enhance = {"stage": "enhance", "workers": "enhance", "next": [UPDATE]}
    urls = [*options.worker_urls] or [f"http://127.0.0.1:{port}" for port in worker_ports]
    # Pictures that fail on purpose must not eject a worker that does what it is told.
    pool = {"endpoints": urls, "max_in_flight": 8, "timeout_s": 15, "eject_after": 1000, "probe_after_s": 1}
    return {
        "version": 1,
        "defaults": {**defaults, **(options.queue or {})},
        "queues": {
            PROCESS: {**enhance, "consumers": some},
            BULK: {**enhance, "consumers": few},
            UPDATE: {"stage": "enhance_update", "consumers": some},
        },
        "workers": {"enhance": {**pool, **(options.pool or {})}},
    }


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
    }


def variables(settings: Mapping[str, str]) -> dict[str, str]:
    """The same as environment variables."""
    return {f"JUSTLENS_{name.upper()}": value for name, value in settings.items()}
