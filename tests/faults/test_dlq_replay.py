"""Replaying dead letters: nothing is lost however often the operator's command is killed, and nothing happens twice."""

import asyncio
import random
import sys
from collections.abc import Awaitable, Callable
from functools import partial
from pathlib import Path

import pytest

from orchestrator.cli.exits import ExitCode
from orchestrator.domain.queue_names import error_queue
from orchestrator.embedded.control_socket import Call
from orchestrator.operations import connected
from orchestrator.runtime.ports import Message
from tests.faults.figures import at_most
from tests.kit.checker import check
from tests.kit.cli import Cli
from tests.kit.deployment import Deployment, Options, Servers
from tests.kit.gathering import peek
from tests.kit.load import PROCESS, Planned, healthy, planned
from tests.kit.orchestrators import ROOT, plain_environment
from tests.kit.process import Child
from tests.kit.watching import until

DELIVERY_LIMIT = 3
PER_SECOND = 60
STEADY_SAMPLES = 15
"""Letters that a killed replay held come back in more than one step, a moment apart."""
BROKERS_OWN = ("x-death", "x-first-death-", "x-last-death-", "x-error-")
ONE_ATTEMPT_MORE = {"delivery_limit": DELIVERY_LIMIT, "retry_delays_s": [0.05]}


@pytest.mark.parametrize(
    ("letters", "kills"), [(200, 4), pytest.param(1000, 20, marks=[pytest.mark.chaos, pytest.mark.timeout(600)])]
)
async def test_a_replay_that_is_killed_again_and_again_loses_and_doubles_nothing(
    servers: Servers, tmp_path: Path, seed: int, letters: int, kills: int
) -> None:
    chance = random.Random(seed)
    async with Deployment(servers, tmp_path, Options(consumers=8, queue=ONE_ATTEMPT_MORE)) as deployment:
        await deployment.workers_ready()
        load = await dead_letters(deployment, letters)
        killed = 0
        while killed < kills:
            moment = (letters_taken, letters_sent)[killed % 2]
            killed += await replay_killed(deployment, moment, chance.uniform(0.0, 1.2))
        left = await settled_depth(deployment)
        assert 0 < left < letters, "the kills have to come in the middle"
        verdict = await deployment.verdict()
        in_both = set(verdict.double_terminal)  # sent again, and killed before the letter was taken off
        assert not verdict.lost and not verdict.unexpected and len(in_both) <= kills, str(verdict)
        cli = Cli(tmp_path, deployment.environment())
        report = await asyncio.to_thread(cli.json, "dlq", "replay")
        assert report["count"] == left
        async with connected(deployment.settings, deployment.pipeline) as call:
            again = await call("dlq.replay", {})
        assert (again["count"], await settled_depth(deployment)) == (0, 0)
        carried = [name for each in await peek(deployment, PROCESS) for name in each.headers]
        not_stripped = [name for name in carried if name.startswith(BROKERS_OWN)]

        await deployment.start()
        await deployment.drained(60)
        evidence = await deployment.evidence()
        verdict = check(evidence)
        print(verdict)
        lost, doubled = len(verdict.lost), len(verdict.duplicate_effects)
        at_most(f"R26.lost.{kills}", f"letters lost by {kills} kills of dlq replay", lost, 0, letters)
        at_most(f"R26.doubled.{kills}", f"effects doubled by {kills} kills of dlq replay", doubled, 0, letters)
        at_most(f"R26.x_death.{kills}", "replayed messages that carry x-death", len(not_stripped), 0, letters)
        assert verdict.clean, str(verdict)
        assert not_stripped == [] and "x-replays" in carried
        assert {job.key for job in load} <= evidence.done


async def test_a_letter_that_was_replayed_three_times_in_vain_is_parked(servers: Servers, tmp_path: Path) -> None:
    async with Deployment(servers, tmp_path, Options(queue=ONE_ATTEMPT_MORE)) as deployment:
        await deployment.workers_ready()
        await deployment.start()
        job = planned(1, "failing_source", deployment.outside)
        await deployment.publish([job])
        async with connected(deployment.settings, deployment.pipeline) as call:
            for replays in range(4):
                await until(partial(is_dead, call, replays), 20, f"the letter after {replays} replays")
                assert await settled_depth(deployment) == 1  # the broker puts back what was looked at in its own time
                report = await call("dlq.replay", {"queue": PROCESS})
                assert (report["count"], report["parked"]) == ((1, 0) if replays < 3 else (0, 1))
            assert job.source is not None and len(job.source.asked_at) == 8
            cli = Cli(tmp_path, deployment.environment())
            report = await asyncio.to_thread(cli.json, "dlq", "replay", code=ExitCode.NOT_DONE)
            assert (report["count"], [each["letter_id"] for each in report["parked"]]) == (0, [job.job_id])
            job.source.failures = 0
            report = await asyncio.to_thread(cli.json, "dlq", "replay", "--force")
            assert report["count"] == 1
        await deployment.drained()
        verdict = await deployment.verdict()
        assert verdict.clean, str(verdict)
        assert dict(verdict.counts)["done"] == 2


async def test_while_one_replays_others_are_told_so(servers: Servers, tmp_path: Path) -> None:
    async with Deployment(servers, tmp_path, Options(queue=ONE_ATTEMPT_MORE)) as deployment:
        bodies = [b"no json, number %d" % number for number in range(30)]
        for body in bodies:
            await deployment.broker.publish(PROCESS, Message(body, {}, None))
        orchestrator = await deployment.start()
        async with connected(deployment.settings, deployment.pipeline) as call:
            await until(partial(are_dead, call, len(bodies)), 30, "every letter to be dead")
            assert await orchestrator.leave() == 0
            first = asyncio.create_task(call("dlq.replay", {"per_second": 5}))
            async with connected(deployment.settings, deployment.pipeline) as other:
                await until(partial(nothing_to_take, deployment), 10, "the first replay to hold every letter")
                seen = sum(row["count"] for row in await other("dlq.stats", {}))
                second = await other("dlq.replay", {})
                assert 0 < seen <= len(bodies) and (second["count"], second["held"] > 0) == (0, True)
                cli = Cli(tmp_path, deployment.environment())
                done = await asyncio.to_thread(cli, "dlq", "drop", "--yes")
                assert done.returncode == ExitCode.NOT_DONE and "another replay, edit or drop" in done.stderr
            assert (await first)["count"] == len(bodies)


async def nothing_to_take(deployment: Deployment) -> bool:
    """Whether every letter is in the hands of some reader."""
    return await ready_letters(deployment) == 0


async def are_dead(call: Call, number: int) -> bool:
    """Whether so many letters are known."""
    return sum(row["count"] for row in await call("dlq.stats", {})) == number


async def is_dead(call: Call, replays: int) -> bool:
    """Whether the one letter lies in its error queue and has been replayed so often."""
    found = await call("dlq.list", {"queue": PROCESS})
    return [letter["replays"] for letter in found] == [replays]


async def dead_letters(deployment: Deployment, number: int) -> list[Planned]:
    """So many dead letters, half of them put there by the broker, with x-death. What made them fail is mended."""
    by_us = [planned(each, "failing_source", deployment.outside) for each in range(1, number // 2 + 1)]
    by_broker = list(healthy(number - len(by_us), deployment.outside, start=number))
    await deployment.publish(by_broker)
    while await ready_letters(deployment) < len(by_broker):
        await peek(deployment, PROCESS)  # taken and given back, as a job is that kills the process
    orchestrator = await deployment.start()
    await deployment.publish(by_us)
    await deployment.drained(60)
    assert await orchestrator.leave() == 0
    letters = await peek(deployment, error_queue(PROCESS))
    assert len(letters) == number
    assert sum("x-death" in letter.headers for letter in letters) == len(by_broker)
    for job in by_us:
        assert job.source is not None
        job.source.failures = 0
    return [*by_us, *by_broker]


async def letters_taken(deployment: Deployment) -> int:
    """How many letters some reader has in hand: fewer are left."""
    return -await ready_letters(deployment)


async def letters_sent(deployment: Deployment) -> int:
    """How many letters have been sent to their queue again."""
    return (await deployment.broker.depth(PROCESS)).ready


async def replay_killed(deployment: Deployment, moment: Callable[[Deployment], Awaitable[int]], after_s: float) -> bool:
    """SIGKILL a replay ``after_s`` seconds after the figure ``moment`` first rose. Whether it still ran."""
    await settled_depth(deployment)
    before, folder = await moment(deployment), deployment.folder
    environment = plain_environment({"HOME": str(folder), **deployment.environment()})
    command = [sys.executable, "-m", "orchestrator", "dlq", "replay", "--rate", f"{PER_SECOND}/s"]
    replay = Child(command, environment, folder / "replay.log", ROOT)
    try:

        async def come() -> bool:
            return not replay.alive() or await moment(deployment) > before

        await until(come, 60, "the replay to get so far")
        await asyncio.sleep(after_s)
        return replay.alive()
    finally:
        replay.kill()


async def settled_depth(deployment: Deployment) -> int:
    """How many letters the error queue has, once the broker has put back what a killed replay held."""
    counts = [-1]
    while len(counts) < STEADY_SAMPLES or len(set(counts[-STEADY_SAMPLES:])) > 1:
        counts.append(await ready_letters(deployment))
        await asyncio.sleep(0.1)
    return counts[-1]


async def ready_letters(deployment: Deployment) -> int:
    """How many letters are there for a reader now."""
    return (await deployment.broker.depth(error_queue(PROCESS))).ready
