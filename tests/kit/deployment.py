"""One deployment of JustLens on real servers, for fault tests: its own vhost, database, bucket, workers and outside."""

import asyncio
import json
import random
import socket
import time
from collections.abc import Iterable
from contextlib import AsyncExitStack
from dataclasses import replace
from pathlib import Path
from typing import Self

import yaml

from orchestrator.config import load_settings
from orchestrator.domain.errors import PublishUnconfirmed, Unavailable
from orchestrator.runtime.ports import Message
from orchestrator.runtime.rabbitmq import RabbitBroker
from orchestrator.wiring import load_checked_pipeline
from tests.kit.blueprint import MODELS, pipeline_document, settings_of, variables
from tests.kit.blueprint import Options as Options
from tests.kit.blueprint import Servers as Servers
from tests.kit.checker import Verdict, check
from tests.kit.events import EVENTS_QUEUE, Heard, listen
from tests.kit.evidence import Evidence, JobKey
from tests.kit.gathering import gather
from tests.kit.load import Planned
from tests.kit.orchestrators import Orchestrator, Processes
from tests.kit.outside import Outside
from tests.kit.ports import free_port
from tests.kit.process import wait_until

QUIET_S = 2.5
"""How long the queues must look empty: the broker's own counts are up to two seconds old."""
COUNTS_LATE_S = 8.0
OUTSIDE_SETTINGS = {"fetch_allow_networks": '["127.0.0.0/8"]', "fetch_host_parallel": "0", "fetch_host_per_second": "0"}
"""Every image of a load comes from one host, which may be asked as fast as can be."""


class Deployment:
    """``async with Deployment(servers, tmp_path) as deployment``: topology applied, workers up, no orchestrator yet."""

    def __init__(self, servers: Servers, folder: Path, options: Options | None = None) -> None:
        self.servers = servers
        self.folder = folder
        self.options = options or Options()
        self.outside = Outside()
        enhance, relevance = ("enhance" in self.options.roads), ("relevance" in self.options.roads)
        stubs = 0 if self.options.worker_urls or not enhance else self.options.stub_workers
        self.worker_ports = [free_port() for _ in range(stubs)]
        self.model_ports = {name: free_port() for name in MODELS} if relevance else {}
        self.processes = Processes(folder)
        self.jobs: list[Planned] = []
        self.confirmed: set[JobKey] = set()
        self.unknown: set[JobKey] = set()
        self.heard: Heard = Heard()
        self._stack = AsyncExitStack()

    async def __aenter__(self) -> Self:
        try:
            self._stack.callback(self.processes.close)
            await self._stack.enter_async_context(self.outside)
            for port in self.worker_ports:
                self.processes.start_worker(port, self.options.worker_latency_s)
            for name, port in self.model_ports.items():
                self.processes.start_model(name, port, self.options.worker_latency_s)
            direct = replace(self.servers, amqp_port=None)
            document = pipeline_document(self.options, self.worker_ports, self.model_ports)
            self.queues_file.write_text(yaml.safe_dump(document))
            self.settings = load_settings(**self._settings(direct))
            self.pipeline = load_checked_pipeline(self.settings)
            self.broker = RabbitBroker(self.settings)
            self._stack.push_async_callback(self.broker.close)
            await self.broker.apply_topology(self.pipeline)
            if self.model_ports:
                await asyncio.to_thread(listen, self.servers.rabbitmq, self.servers.vhost)
        except BaseException:
            await self._stack.aclose()
            raise
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._stack.aclose()

    @property
    def queues_file(self) -> Path:
        """The pipeline of this deployment."""
        return self.folder / "queues.yaml"

    def environment(self) -> dict[str, str]:
        """The JUSTLENS_ variables of an orchestrator, or of the command line, of this deployment."""
        own = {**self._settings(self.servers), **OUTSIDE_SETTINGS}
        return variables({**own, **(self.options.environment or {})})

    def _settings(self, servers: Servers) -> dict[str, str]:
        return settings_of(servers, self.queues_file, self.outside.purge_url)

    async def start(
        self, *, crash_at: str | None = None, image: str | None = None, ready: bool = True, **settings: str
    ) -> Orchestrator:
        """Start an orchestrator and, with ``ready``, wait until it is. ``settings`` go before the deployment's own.

        With ``crash_at`` it runs under tests.faults.crashing: it ends at that point, such as ``after_publish_next:3``,
        and begins another life; an empty text only lets it begin another life after each ``kill_life``. With
        ``image`` (``business_id/image_id``) only passes for that image count.
        """
        extra = {"CRASH_AT": crash_at, "CRASH_IMAGE": image}
        environment = self.environment() | variables(settings)
        environment |= {name: value for name, value in extra.items() if value}
        launcher = "tests.faults.relevance.crashing" if self.model_ports else "tests.faults.crashing"
        process = self.processes.start_orchestrator(environment, "orchestrator" if crash_at is None else launcher)
        if ready:
            await process.ready()
        return process

    async def workers_ready(self) -> None:
        """Return when every stub worker listens."""
        for port in (*self.worker_ports, *self.model_ports.values()):
            await asyncio.to_thread(wait_until, lambda port=port: _listens(port), 20, "a stub worker to listen")

    async def publish(self, jobs: Iterable[Planned], *, copies: int = 1, in_flight: int = 64) -> None:
        """Publish each job ``copies`` times and note what the broker answered."""
        permits = asyncio.Semaphore(in_flight)
        jobs = list(jobs)
        self.jobs += jobs

        async def one(job: Planned) -> None:
            async with permits:
                await self._publish(job)

        await asyncio.gather(*(one(job) for job in jobs for _ in range(copies)))

    async def _publish(self, job: Planned) -> None:
        """Until the broker took it; an answer that stays away is noted as unknown, and the job published again."""
        while True:
            try:
                await self.broker.publish(job.queue, Message(job.body, {}, job.job_id))
            except PublishUnconfirmed:
                self.unknown.add(job.key)
            except Unavailable:
                await asyncio.sleep(0.2 + 0.2 * random.random())
            else:
                self.confirmed.add(job.key)
                return

    async def totals(self) -> dict[str, int]:
        """Messages per queue of the broker (its names), in transit included, as the broker last counted. A queue whose
        numbers it has lost sight of for the moment, as under load, is not there."""
        path = f"/api/queues/{self.servers.vhost}?columns=name,messages"
        found = await asyncio.to_thread(self.servers.rabbitmq.api, "GET", path)
        return {queue["name"]: int(queue["messages"]) for queue in found if queue.get("messages") is not None}

    async def drained(self, timeout_s: float = 60.0) -> float:
        """Wait until nothing is left to do in any main or retry queue. Seconds until that began.

        Raises AssertionError with what is left.
        """
        began = time.monotonic()
        empty_since: float | None = None
        while empty_since is None or time.monotonic() - empty_since < QUIET_S:
            left = {name: total for name, total in (await self._left()).items() if total}
            now = time.monotonic()
            empty_since = None if left else (empty_since or now)
            assert now - began < timeout_s + QUIET_S, f"not drained after {timeout_s} s: {json.dumps(left)}"
            await asyncio.sleep(0.1)
        return empty_since - began

    async def _left(self) -> dict[str, int]:
        mine = {name: total for name, total in (await self.totals()).items() if name != EVENTS_QUEUE}
        totals = {name: total for name, total in mine.items() if not name.startswith("error.")}
        ready = {queue: (await self.broker.depth(queue)).ready for queue in self.pipeline.queues}
        uncounted = {queue: 1 for queue in self.pipeline.queues if queue not in mine}
        return uncounted | {name: max(total, ready.get(name, 0)) for name, total in totals.items()}

    async def evidence(self) -> Evidence:
        """What was published, and what is found now. Call it when the system has come to rest.

        The broker's totals come late: what does not add up is looked at again for some seconds.
        """
        deadline = time.monotonic() + COUNTS_LATE_S
        while check(found := await gather(self)).unaccounted and time.monotonic() < deadline:
            await asyncio.sleep(0.5)
        return found

    async def verdict(self) -> Verdict:
        """The checker's judgement of the run so far."""
        return check(await self.evidence())


def _listens(port: int) -> bool:
    try:
        socket.create_connection(("127.0.0.1", port), timeout=1).close()
    except OSError:
        return False
    return True
