"""What /metrics says is what happened: its counters agree with what is found afterwards, its names with the manual."""

import asyncio
import re
from collections import Counter
from pathlib import Path

from prometheus_client.parser import text_string_to_metric_families

from orchestrator import observe
from orchestrator.operations import connected
from tests.faults.figures import at_most
from tests.kit.checker import check
from tests.kit.deployment import Deployment, Options, Servers
from tests.kit.evidence import JobKey
from tests.kit.gathering import read_ledger, wrong_ends
from tests.kit.load import mixed
from tests.kit.watching import sum_of

JOBS = 250
ENDS = ("done", "dead", "retried", "stamped", "duplicate", "handed_back")


def per_queue(keys: frozenset[JobKey] | Counter[JobKey]) -> Counter[str]:
    return Counter(key.queue for key in keys)


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
        ledger = await asyncio.to_thread(read_ledger, deployment)
        async with connected(deployment.settings, deployment.pipeline) as call:
            stats = await call("dlq.stats", {})

        done, dead = per_queue(evidence.done), per_queue(frozenset(evidence.dead))
        failed = Counter({queue: 0 for queue in deployment.pipeline.queues})
        for row in ledger:
            failed[row["queue"]] += row["attempts"] - 1
        stamped = Counter(job.queue for job in load if job.kind == "unstamped")
        found = {
            (queue, end): expected[queue]
            for queue in deployment.pipeline.queues
            for end, expected in zip(ENDS, (done, dead, failed, stamped, Counter(), Counter()), strict=True)
        }
        said = {(queue, end): sum_of(text, "justlens_jobs_total", queue=queue, end=end) for queue, end in found}
        wrong = {key: (said[key], found[key]) for key in found if said[key] != found[key]}
        at_most("S18.wrong_counters", "counters of /metrics that are not what is found", len(wrong), 0, len(found))
        assert wrong == {}, "(said, found)"
        assert min(sum(expected.values()) for expected in (done, dead, failed, stamped)) > 0
        for queue in deployment.pipeline.queues:
            assert sum_of(text, "justlens_retries_total", queue=queue) == failed[queue]
            assert sum_of(text, "justlens_job_seconds_count", queue=queue) == sum(found[queue, end] for end in ENDS)
            assert sum_of(text, "justlens_consumers", queue=queue) == deployment.pipeline.queues[queue].consumers
        for row in stats:
            about = {"queue": row["queue"], "reason": row["reason"]}
            assert sum_of(text, "justlens_dead_letters_total", **about) == row["count"], about
        assert sum_of(text, "justlens_dead_letters_total") == sum(row["count"] for row in stats)
        for name in ("justlens_jobs_in_progress", "justlens_waiting", "justlens_worker_in_flight"):
            assert sum_of(text, name) == 0, name
        assert sum_of(text, "justlens_worker_state", state="ready") == len(deployment.worker_ports)


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
