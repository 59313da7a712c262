"""What /metrics says is what happened: its counters agree with what is found afterwards, its names with the manual."""

import asyncio
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from prometheus_client.parser import text_string_to_metric_families

from orchestrator import observe
from orchestrator.operations import connected
from tests.faults.figures import at_most
from tests.kit.checker import check
from tests.kit.deployment import Deployment, Options, Servers
from tests.kit.evidence import Evidence
from tests.kit.gathering import read_ledger, wrong_ends
from tests.kit.load import Planned, mixed
from tests.kit.watching import sum_of

JOBS = 160


async def test_the_counters_say_what_the_checker_finds_and_every_metric_is_documented(
    servers: Servers, tmp_path: Path, seed: int
) -> None:
    async with Deployment(servers, tmp_path, Options(consumers=8)) as deployment:
        await deployment.workers_ready()
        orchestrator = await deployment.start()
        load = mixed(seed, JOBS, deployment.outside)
        await deployment.publish(load)
        await deployment.drained(60)
        text = await orchestrator.metrics()
        evidence = await deployment.evidence()
        verdict = check(evidence)
        print(verdict)
        assert_documented(text)
        assert verdict.clean, str(verdict)
        assert wrong_ends(evidence, load) == []
        assert_counted(text, deployment, await expected_counts(deployment, load, evidence))
        async with connected(deployment.settings, deployment.pipeline) as call:
            assert_letters_counted(text, await call("dlq.stats", {}))
        for name in ("justlens_jobs_in_progress", "justlens_waiting", "justlens_worker_in_flight"):
            assert sum_of(text, name) == 0, name
        assert sum_of(text, "justlens_worker_state", state="ready") == len(deployment.worker_ports)


async def expected_counts(
    deployment: Deployment, load: Sequence[Planned], evidence: Evidence
) -> dict[tuple[str, str], int]:
    """How many deliveries of each queue came to which end, by what is found afterwards."""
    failed = Counter[str]()
    for row in await asyncio.to_thread(read_ledger, deployment):
        failed[row["queue"]] += row["attempts"] - 1
    by_end = {
        "done": Counter(key.queue for key in evidence.done),
        "dead": Counter(key.queue for key in evidence.dead),
        "retried": failed,
        "identity_assigned": Counter(job.queue for job in load if job.kind == "unstamped"),
    }
    assert all(by_end.values()), "the load has to have every kind of end"
    none = {end: Counter[str]() for end in ("duplicate", "released")}
    return {
        (queue, end): counts[queue] for end, counts in (by_end | none).items() for queue in deployment.pipeline.queues
    }


def assert_counted(text: str, deployment: Deployment, expected: Mapping[tuple[str, str], int]) -> None:
    """The counters by queue and end, and what has to agree with them."""
    said = {(queue, end): sum_of(text, "justlens_jobs_total", queue=queue, outcome=end) for queue, end in expected}
    wrong = {key: (said[key], expected[key]) for key in expected if said[key] != expected[key]}
    at_most("S18.wrong_counters", "counters of /metrics that are not what is found", len(wrong), 0, len(expected))
    assert wrong == {}, "(said, found)"
    for queue, spec in deployment.pipeline.queues.items():
        settled = sum(number for (name, _), number in expected.items() if name == queue)
        assert sum_of(text, "justlens_retries_total", queue=queue) == expected[queue, "retried"]
        assert sum_of(text, "justlens_job_seconds_count", queue=queue) == settled
        assert sum_of(text, "justlens_consumers", queue=queue) == spec.consumers


def assert_letters_counted(text: str, stats: Sequence[Mapping[str, Any]]) -> None:
    """The dead letters by queue and reason."""
    for row in stats:
        about = {"queue": row["queue"], "reason": row["reason"]}
        assert sum_of(text, "justlens_dead_letters_total", **about) == row["count"], about
    assert sum_of(text, "justlens_dead_letters_total") == sum(row["count"] for row in stats)


def assert_documented(text: str) -> None:
    """Every family that is served is in the manual, with its labels, and the other way round."""
    assert observe.__doc__ is not None
    lines = re.findall(r"^(justlens_\w+?)(?:_total)?(?:\{([\w,]+)\})?\s", observe.__doc__, re.MULTILINE)
    documented = {name: set(labels.split(",")) - {""} for name, labels in lines}
    families = {family.name: family for family in text_string_to_metric_families(text)}
    served = {name for name in families if name.removesuffix("_created") == name}
    assert served == documented.keys()
    assert {name.removesuffix("_created") for name in families} == served
    for name in served:
        labels = {label for sample in families[name].samples for label in sample.labels} - {"le"}
        assert labels in (set(), documented[name]), name
