"""A system at work: workers, pools, consumers, health. Leaving the context drains it."""

import math
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import asdict, dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import structlog
from aiohttp import ClientSession

from orchestrator.clients.cdn import CdnPurger, FilePurger
from orchestrator.clients.endpoints import WorkerPool
from orchestrator.clients.enhance import EnhanceClient
from orchestrator.clients.fetch import FetchLimits, SafeFetcher
from orchestrator.clients.http import open_session
from orchestrator.config import Pipeline, Settings
from orchestrator.domain.decoding import decode_job
from orchestrator.observe import Metrics
from orchestrator.runtime.children import ChildWorker
from orchestrator.runtime.health import Readiness, serve_health
from orchestrator.runtime.lane import Engine, Lane
from orchestrator.runtime.lifecycle import Consumers
from orchestrator.runtime.patience import Drain, Patience
from orchestrator.stages import STAGES, bind
from orchestrator.stores.apply import StoreApplier, StoredOriginals
from orchestrator.wiring.system import System, open_system, plain_secret

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Running:
    """A system at work. ``health_url`` is where /livez, /readyz and /metrics are served."""

    system: System
    metrics: Metrics
    consumers: Consumers
    health_url: str


@asynccontextmanager
async def started(settings: Settings, pipeline: Pipeline, drain: Drain) -> AsyncIterator[Running]:
    """Everything of one orchestrator process, at work. At the end jobs finish or are handed back, and all is closed."""
    async with AsyncExitStack() as stack:
        system = await stack.enter_async_context(open_system(settings, pipeline))
        await Patience(drain, math.inf).insist(system.documents.ensure_indexes)
        session = await stack.enter_async_context(open_session())
        system = replace(system, pools=await _open_pools(system, session, stack))
        engine = Engine(
            broker=system.broker,
            ledger=system.documents,
            dead_letters=system.documents,
            applier=StoreApplier(system.documents, system.objects, _purger(settings, session).purge),
            metrics=Metrics(),
            drain=drain,
            ack_timeout_s=settings.ack_timeout_s,
        )
        engine.metrics.watch_workers(system.pools)
        consumers = Consumers(_lanes(pipeline, await _open_ports(system, stack)), engine)
        readiness = partial(_readiness, system, consumers)
        runner, url = await serve_health(settings.http_host, settings.http_port, engine.metrics.registry, readiness)
        stack.push_async_callback(runner.cleanup)
        consumers.start()
        stack.push_async_callback(consumers.drain, settings.drain_s)
        log.info("started", mode=settings.mode, health=url, queues=list(pipeline.queues))
        yield Running(system, engine.metrics, consumers, url)


async def _open_pools(system: System, session: ClientSession, stack: AsyncExitStack) -> Mapping[str, WorkerPool]:
    """The worker pools that queues use. Embedded, workers are children unless the environment names endpoints."""
    pools: dict[str, WorkerPool] = {}
    for name in system.pipeline.pools_in_use():
        spec = system.pipeline.workers[name]
        own_children = system.settings.mode == "embedded" and name not in system.settings.endpoints
        urls = [] if own_children else system.settings.endpoints.get(name, list(spec.endpoints))
        pools[name] = WorkerPool(name, spec.model_copy(update={"endpoints": tuple(urls)}), session, service=name)
        if own_children:
            child = ChildWorker(name, partial(_replace_endpoint, pools[name]), system.settings.log_file)
            await child.start()
            stack.push_async_callback(child.stop)
        await pools[name].start()
        stack.push_async_callback(pools[name].close)
    return pools


def _replace_endpoint(pool: WorkerPool, url: str) -> None:
    pool.replace_endpoints([url])


async def _open_ports(system: System, stack: AsyncExitStack) -> Mapping[str, Any]:
    """The ports that stages name as parameters."""
    settings = system.settings
    limits = FetchLimits(settings.fetch_max_bytes, settings.fetch_timeout_s, settings.fetch_max_redirects)
    fetcher = SafeFetcher(
        limits,
        allow_networks=settings.fetch_allow_networks,
        read_object=system.read_object,
        file_root=Path("/") if settings.mode == "embedded" else None,
    )
    stack.push_async_callback(fetcher.close)
    return {
        "fetcher": fetcher,
        "originals": StoredOriginals(system.objects),
        "enhancer": EnhanceClient(system.pools["enhance"]),
    }


def _purger(settings: Settings, session: ClientSession) -> CdnPurger | FilePurger:
    if settings.cdn_purge_url is None and settings.mode == "embedded":
        return FilePurger(settings.data_dir / "purged.jsonl")
    token = plain_secret(settings.cdn_token)
    return CdnPurger(session, purge_url=settings.cdn_purge_url, token=token, timeout_s=settings.cdn_timeout_s)


def _lanes(pipeline: Pipeline, ports: Mapping[str, Any]) -> list[Lane]:
    return [
        Lane(
            queue=name,
            consumers=spec.consumers,
            deadline_s=spec.deadline_s,
            retry_delays_s=spec.retry_delays_s,
            successors=pipeline.successors(name),
            decode=partial(decode_job, STAGES[spec.stage].job_type),
            run=bind(STAGES[spec.stage], ports),
        )
        for name, spec in pipeline.queues.items()
    ]


async def _readiness(system: System, consumers: Consumers) -> Readiness:
    """Ready means: the broker is attached, every consumer too, and each pool has a worker that can be asked."""
    health = consumers.health()
    broker = system.broker.attached()
    return Readiness(
        broker and all(h.attached == h.wanted for h in health),
        {"broker": broker, "queues": [asdict(h) for h in health]},
    )
