"""No property that another publisher may set stops a queue, charges a neighbour or locks an error queue."""

import asyncio
from collections.abc import Sequence
from pathlib import Path

import pytest

from orchestrator.domain.queue_names import error_queue
from tests.faults.figures import at_most
from tests.kit.cli import Cli
from tests.kit.deployment import Deployment, Servers
from tests.kit.gathering import peek, read_ledger, update_key
from tests.kit.load import PROCESS, Planned, healthy
from tests.kit.raw_publishing import PROPERTIES, RawPublisher

NEIGHBOURS = 200
NEVER_TAKEN = ("header_float_nan", "delivery_mode_0", "delivery_mode_7")
"""What RabbitMQ itself does not take: it closes the publisher's channel or connection and confirms nothing."""
CASES = tuple(name for name in PROPERTIES if name not in NEVER_TAKEN)
REFUSED = {"empty_body", "header_attempt_as_text"}
"""Cases that die of what they say themselves; every other one is a job like any."""


async def test_odd_properties_stop_no_queue_and_charge_no_neighbour(servers: Servers, tmp_path: Path) -> None:
    async with Deployment(servers, tmp_path) as deployment:
        await deployment.workers_ready()
        orchestrator = await deployment.start()
        neighbours = healthy(NEIGHBOURS, deployment.outside)
        odd = healthy(len(CASES), deployment.outside, start=1 + NEIGHBOURS)
        await deployment.publish(neighbours[:100])
        await asyncio.to_thread(publish_cases, servers, PROCESS, odd)
        await deployment.publish(neighbours[100:])
        took_s = await deployment.drained(30)
        evidence = await deployment.evidence()
        right = [job for name, job in zip(CASES, odd, strict=True) if name not in REFUSED]
        not_done = [job.key for job in (*neighbours, *right) if update_key(job) not in evidence.done]
        at_most("R32.not_done", "healthy jobs not done beside odd properties", len(not_done), 0, len(odd) + NEIGHBOURS)
        assert not_done == []
        assert {row["attempts"] for row in read_ledger(deployment) if row["outcome"] == "done"} == {1}
        letters = await peek(deployment, error_queue(PROCESS))
        assert sorted(str(letter.headers["x-error-code"]) for letter in letters) == ["bad_header", "not_json"]
        print(f"drained {took_s:.1f} s after the last publish")
        assert "broker_away" not in orchestrator.tail()


async def test_dead_letters_with_odd_properties_are_listed_replayed_and_dropped(
    servers: Servers, tmp_path: Path
) -> None:
    async with Deployment(servers, tmp_path) as deployment:
        cli = Cli(tmp_path, deployment.environment())
        cases = tuple(name for name in CASES if name != "expires_in_10_s")  # on a slow machine it would
        odd = healthy(len(cases), deployment.outside)
        await asyncio.to_thread(publish_cases, servers, error_queue(PROCESS), odd, cases)
        listed = await asyncio.to_thread(cli.json, "dlq", "list", "--limit", "100")
        assert len(listed) == len(cases)
        letter_id = listed[0]["letter_id"]
        shown = await asyncio.to_thread(cli.json, "dlq", "show", PROCESS, letter_id)
        assert shown["letter_id"] == letter_id
        dropped = await asyncio.to_thread(cli.json, "dlq", "drop", "--id", letter_id, "--yes")
        assert dropped["count"] == 1
        replayed = await asyncio.to_thread(cli.json, "dlq", "replay")
        assert replayed["count"] == len(cases) - 1
        assert len(await peek(deployment, PROCESS)) == len(cases) - 1


@pytest.mark.parametrize("case", NEVER_TAKEN)
def test_what_the_broker_itself_does_not_take_is_not_confirmed(servers: Servers, case: str) -> None:
    with (
        RawPublisher(servers.rabbitmq.port, servers.vhost) as publisher,
        pytest.raises(ConnectionError, match=r"INTERNAL_ERROR|PRECONDITION_FAILED"),
    ):
        publisher.publish(case, PROCESS, b"{}")


def publish_cases(servers: Servers, queue: str, jobs: Sequence[Planned], cases: Sequence[str] = CASES) -> None:
    """Publish one job for each case of odd properties."""
    with RawPublisher(servers.rabbitmq.port, servers.vhost) as publisher:
        for case, job in zip(cases, jobs, strict=True):
            publisher.publish(case, queue, b"" if case == "empty_body" else job.body)
