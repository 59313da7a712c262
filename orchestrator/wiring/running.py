"""A system at work: workers, pools, consumers, health. Leaving the context drains it."""

import asyncio
import math
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import asdict, dataclass, replace
from functools import partial
from typing import Any

import structlog
from aiohttp import ClientSession

from orchestrator.clients.canaries.canary import canary_for
from orchestrator.clients.cdn import CdnPurger, FilePurger
from orchestrator.clients.http import open_session
from orchestrator.clients.workers.pool import WorkerPool
from orchestrator.config import Pipeline, Settings
from orchestrator.config.prompt_examples import load_prompt_examples
from orchestrator.domain.decoding import decode_job
from orchestrator.domain.prompts.selection import Prompting
from orchestrator.embedded.child_worker import ChildWorker
from orchestrator.listening import open_listener, url_of
from orchestrator.observe import Metrics, is_pretty
from orchestrator.runtime.delivery_deadline import DeliveryDeadline, Drain
from orchestrator.runtime.engine import BoundQueue, Engine
from orchestrator.runtime.health import Readiness, serve_health
from orchestrator.runtime.lifecycle import Consumers
from orchestrator.stages import STAGES, bind
from orchestrator.stores.apply import StoreApplier
from orchestrator.wiring.ports import VLM, open_ports
from orchestrator.wiring.system import System, plain_secret, vectors_of

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Running:
    """A system at work."""

    system: System
    metrics: Metrics
    consumers: Consumers


@asynccontextmanager
async def started(system: System, drain: Drain) -> AsyncIterator[Running]:
    """The work of one orchestrator process on an open system. At the end jobs finish or are released.

    Raises ConfigurationError for a file of prompt examples that cannot be used, or a health port that cannot be had,
    before anything is started.
    """
    settings, pipeline = system.settings, system.pipeline
    prompting = Prompting(settings.prompt, load_prompt_examples(settings.prompt_examples_file))
    async with AsyncExitStack() as stack:
        listener = open_listener(settings.http_host, settings.http_port, "JUSTLENS_HTTP_HOST", "JUSTLENS_HTTP_PORT")
        stack.callback(listener.close)
        retry_while_unavailable = DeliveryDeadline(drain, math.inf).retry_while_unavailable
        await retry_while_unavailable(system.documents.ensure_indexes)
        relevance = any(STAGES[queue.stage].road == "relevance" for queue in pipeline.queues.values())
        if relevance:
            await retry_while_unavailable(system.catalogue.ensure_schema)
            system = replace(system, vectors=await stack.enter_async_context(vectors_of(system)))
        session = await stack.enter_async_context(open_session())
        system = replace(system, pools=await _open_pools(system, session, stack))
        engine = Engine(
            broker=system.broker,
            ledger=system.documents,
            dead_letters=system.documents,
            applier=_applier(system, session),
            metrics=Metrics(),
            drain=drain,
            ack_timeout_s=settings.ack_timeout_s,
        )
        engine.metrics.watch_workers(system.pools)
        consumers = Consumers(_bind_queues(pipeline, {**open_ports(system, stack), "prompting": prompting}), engine)
        readiness = partial(_readiness, system, consumers)
        runner = await serve_health(listener, engine.metrics.registry, readiness)
        stack.push_async_callback(runner.cleanup)
        consumers.start()
        stack.push_async_callback(consumers.drain, settings.drain_s)
        system = replace(system, health_url=url_of(listener))
        log.info("started", mode=settings.mode, health=system.health_url, queues=list(pipeline.queues))
        yield Running(system, engine.metrics, consumers)


def _applier(system: System, session: ClientSession) -> StoreApplier:
    return StoreApplier(
        system.documents,
        system.objects,
        _purger(system.settings, session).purge,
        announce=system.broker.announce,
        vectors=system.vectors,
        alt_texts=None if system.vectors is None else system.catalogue,
    )


async def _open_pools(system: System, session: ClientSession, stack: AsyncExitStack) -> Mapping[str, WorkerPool]:
    """The worker pools that queues use. Embedded, workers are children unless the environment names endpoints."""
    settings = system.settings
    pools: dict[str, WorkerPool] = {}
    children: list[ChildWorker] = []
    for name in system.pipeline.pools_in_use():
        if name == VLM and settings.triton_url is not None:
            continue
        spec = system.pipeline.workers[name]
        own_child = settings.mode == "embedded" and name not in settings.endpoints
        urls = [] if own_child else settings.endpoints.get(name, list(spec.endpoints))
        spec = spec.model_copy(update={"endpoints": tuple(urls)})
        pools[name] = WorkerPool(name, spec, session, service=name, canary=partial(canary_for, name))
        if own_child:
            log_format = "pretty" if is_pretty(settings.log_format, settings.log_file) else "json"
            set_endpoint = partial(_replace_endpoint, pools[name])
            children.append(ChildWorker(name, set_endpoint, settings.log_file, log_format))
            stack.push_async_callback(children[-1].stop)
    await asyncio.gather(*(child.start() for child in children))
    for pool in pools.values():
        stack.push_async_callback(pool.close)
        await pool.start()
    return pools


def _replace_endpoint(pool: WorkerPool, url: str) -> None:
    pool.replace_endpoints([url])


def _purger(settings: Settings, session: ClientSession) -> CdnPurger | FilePurger:
    if settings.cdn_purge_url is None and settings.mode == "embedded":
        return FilePurger(settings.data_dir / "purged.jsonl")
    token = plain_secret(settings.cdn_token)
    return CdnPurger(session, purge_url=settings.cdn_purge_url, token=token, timeout_s=settings.cdn_timeout_s)


def _bind_queues(pipeline: Pipeline, ports: Mapping[str, Any]) -> list[BoundQueue]:
    return [
        BoundQueue(
            name=name,
            consumers=spec.consumers,
            deadline_s=spec.deadline_s,
            retry_delays_s=spec.retry_delays_s,
            next_queues=pipeline.next_queues(name),
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
