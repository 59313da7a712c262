"""The vision-language model is out of reach: enhancing and tagging do not notice, and what needs the model waits."""

import asyncio
import json
import time
from functools import partial
from pathlib import Path

import pytest

from tests.faults.figures import CHAOS, at_most
from tests.kit.checker import check
from tests.kit.deployment import Deployment, Options, Servers
from tests.kit.faultproxy import FaultProxy
from tests.kit.figures import Row, record
from tests.kit.gathering import read_ledger, wrong_ends
from tests.kit.load import DESCRIBE, TAG, UPDATE, healthy
from tests.kit.orchestrators import Orchestrator
from tests.kit.outside import Outside
from tests.kit.relevance_catalogue import seed_catalogue
from tests.kit.relevance_load import PlannedRelevance, relevance_job, wrong_ends_of
from tests.kit.watching import steady, total, until

LATENCY_S = 0.1
CONSUMERS = 3
PICTURES_PER_S = 3
TARGET_SHARE = 0.9
SHORT_SHARE = 0.6
"""A short window on a busy machine tells less: this much it must show in any case."""


@pytest.mark.parametrize(
    ("window_s", "least_share"),
    [(8.0, SHORT_SHARE), pytest.param(60.0, TARGET_SHARE, marks=[pytest.mark.chaos, pytest.mark.timeout(900)])],
)
async def test_enhancing_and_tagging_go_on_while_the_language_model_is_out_of_reach(
    all_servers: Servers, tmp_path: Path, window_s: float, least_share: float
) -> None:
    await seed_catalogue(all_servers)
    async with Deployment(all_servers, tmp_path, paced(window_s)) as deployment:
        await deployment.workers_ready()
        async with FaultProxy(deployment.model_ports["vlm"]) as proxy:
            through_proxy = {"vlm": [f"http://127.0.0.1:{proxy.port}"]}
            orchestrator = await deployment.start(endpoints=json.dumps(through_proxy))
            # More than can be enhanced in the time, so that only the pace of it matters.
            enhanced = healthy(round(2.5 * window_s * CONSUMERS / LATENCY_S), deployment.outside)
            await deployment.publish(enhanced)
            async with steady(deployment, partial(to_be_tagged, deployment.outside), PICTURES_PER_S) as described:
                await until(lambda: in_step(deployment, orchestrator), 30, "pictures to be described as they come")
                before = await ends_in(deployment, window_s)
                await proxy.black_hole()
                await until(lambda: all_wait(orchestrator), 10, "every consumer to wait for the model")
                meanwhile = await ends_in(deployment, window_s)
                await proxy.pass_through()
            await deployment.drained(60 + 3 * window_s)
        note(before, meanwhile, least_share, window_s)
        evidence = await deployment.evidence()
        verdict = check(evidence)
        print(verdict)
        charged = await charged_for_the_model(deployment)
        what = "jobs charged an attempt for a model out of reach"
        at_most(f"R22.charged.{window_s:g}s", what, len(charged), 0, len(described))
        assert verdict.clean, str(verdict)
        assert wrong_ends(evidence, enhanced) == [] and wrong_ends_of(evidence, described) == []
        assert charged == []
        # Those that had their answer already may still come to their end.
        assert meanwhile[DESCRIBE] <= CONSUMERS, "pictures were described by a model that is out of reach"
        for queue in (UPDATE, TAG):
            assert meanwhile[queue] >= least_share * before[queue], f"{queue}: {before} before, {meanwhile} meanwhile"


def paced(window_s: float) -> Options:
    """A deployment whose pace the workers set."""
    # The stubs' latency sets the pace, so that a machine with other work to do has time left. As in production, a
    # question may take longer than the model is away; else it would be the job's own failure.
    return Options(
        roads=("enhance", "relevance"),
        stub_workers=1,
        worker_latency_s=LATENCY_S,
        consumers=CONSUMERS,
        pool={"timeout_s": 4 * window_s},
        queue={"deadline_s": 8 * window_s},
    )


def to_be_tagged(outside: Outside, number: int) -> PlannedRelevance:
    """A picture that is sent for its tags, and then to be described."""
    return relevance_job(number, "healthy", outside, queue=TAG)


async def in_step(deployment: Deployment, orchestrator: Orchestrator) -> bool:
    """Whether pictures are described, and none waits to be tagged any more."""
    waiting = (await deployment.broker.depth(TAG)).ready
    return waiting == 0 and await total(orchestrator, "justlens_jobs_total", queue=DESCRIBE, outcome="done") > 0


async def all_wait(orchestrator: Orchestrator) -> bool:
    """Whether every consumer of the queue has a picture in hand that waits for its description."""
    return await total(orchestrator, "justlens_jobs_in_progress", queue=DESCRIBE) == CONSUMERS


async def ends_in(deployment: Deployment, seconds: float) -> dict[str, int]:
    """How many jobs come to their end in the next ``seconds``, by queue."""
    began_ms = time.time_ns() // 1_000_000
    await asyncio.sleep(seconds)
    ended_ms = time.time_ns() // 1_000_000
    rows = await asyncio.to_thread(read_ledger, deployment)
    ends = [(row["queue"], row["received_at"] + row["took_ms"]) for row in rows if row["outcome"] == "done"]
    return {
        queue: sum(1 for where, at in ends if where == queue and began_ms <= at <= ended_ms)
        for queue in (UPDATE, TAG, DESCRIBE)
    }


async def charged_for_the_model(deployment: Deployment) -> list[str]:
    """The jobs that needed more than one attempt to be described."""
    rows = await asyncio.to_thread(read_ledger, deployment)
    return [row["job_id"] for row in rows if row["queue"] == DESCRIBE and row["attempts"] > 1]


def note(before: dict[str, int], meanwhile: dict[str, int], least_share: float, window_s: float) -> None:
    """Write down which share of each rate was left."""
    for queue, name in ((UPDATE, "enhancing"), (TAG, "tagging")):
        share = round(meanwhile[queue] / before[queue], 2)
        row = Row(
            id=f"R22.{name}.{window_s:g}s",
            what=f"share of the rate of {name} that is left while the language model is away for {window_s:g} s",
            value=share,
            target=f">= {least_share}",
            holds=share >= least_share,
            n=str(before[queue]),
            spread="one run",
            peer="the same window before",
        )
        record(CHAOS, row)
