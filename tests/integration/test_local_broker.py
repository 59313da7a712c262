"""The embedded broker across restarts, kills and full disks, on a real file."""

import asyncio
import contextlib
import json
import signal
import sqlite3
import subprocess
import sys
import textwrap
import time
from collections import Counter
from pathlib import Path

import pytest

from orchestrator.config import Pipeline, parse_pipeline
from orchestrator.domain.errors import SubscriptionLost, Unavailable
from orchestrator.domain.queue_names import error_queue, retry_queue
from orchestrator.runtime.local import LocalBroker
from orchestrator.runtime.local.subscription import LocalSubscription
from orchestrator.runtime.ports import Delivery, Message, QueueDepth

PIPELINE = """
version: 1
queues:
  jobs: {stage: work, delivery_limit: 2, retry_delays_s: [0.2, 60]}
  small: {stage: work, max_length: 3}
"""


def pipeline() -> Pipeline:
    return parse_pipeline(PIPELINE, frozenset({"work"}))


def message(body: bytes = b"{}", **headers: str | int) -> Message:
    return Message(body, headers, None)


async def opened(path: Path | str) -> LocalBroker:
    return await LocalBroker(path, pipeline()).open()


async def take(subscription: LocalSubscription) -> Delivery:
    delivery = await subscription.next(10)
    assert delivery is not None
    return delivery


# What the killed process does: eight publishers write down every confirmed body, eight consumers every body they acked.
TRAFFIC = """
import asyncio, sys
from orchestrator.config import parse_pipeline
from orchestrator.runtime.local import LocalBroker
from orchestrator.runtime.ports import Message

path, pipeline, log = sys.argv[1], sys.argv[2], open(sys.argv[3], "a", buffering=1)

async def publish(broker, name):
    n = 0
    while True:
        body = f"{name}-{n}"
        log.write(f"sent {body}\\n")
        await broker.publish("jobs", Message(body.encode(), {"n": n}, None))
        log.write(f"confirmed {body}\\n")
        n += 1

async def consume(broker):
    subscription = await broker.subscribe("jobs", prefetch=2)
    n = 0
    while True:
        delivery = await subscription.next()
        n += 1
        if n % 3 == 0:
            await asyncio.sleep(0.002)
        log.write(f"acking {delivery.body.decode()}\\n")
        await broker.ack(delivery)
        log.write(f"acked {delivery.body.decode()}\\n")

async def main():
    broker = await LocalBroker(path, parse_pipeline(pipeline, frozenset({"work"}))).open()
    await asyncio.gather(*(publish(broker, f"p{n}") for n in range(8)), *(consume(broker) for _ in range(4)))

asyncio.run(main())
"""


class TestKill:
    async def test_sigkill_in_the_middle_of_traffic_loses_no_confirmed_message_and_brings_none_twice(
        self, tmp_path: Path
    ) -> None:
        path, log = tmp_path / "broker.sqlite", tmp_path / "log"
        script = textwrap.dedent(TRAFFIC)
        said: dict[str, set[str]] = {"sent": set(), "confirmed": set(), "acking": set(), "acked": set()}
        process = subprocess.Popen([sys.executable, "-c", script, str(path), PIPELINE, str(log)])
        try:
            deadline = time.monotonic() + 60
            while not log.exists() or log.read_text().count("acked") < 300:
                assert process.poll() is None and time.monotonic() < deadline
                time.sleep(0.02)
            process.send_signal(signal.SIGKILL)
        finally:
            process.kill()
            process.wait()
        for line in log.read_text().splitlines():
            what, _, body = line.partition(" ")
            said[what].add(body)
        left: Counter[str] = Counter()
        redelivered = 0
        broker = await opened(path)
        subscription = await broker.subscribe("jobs")
        while (delivery := await subscription.next(0.5)) is not None:
            left[delivery.body.decode()] += 1
            redelivered += delivery.redelivered
            assert delivery.redelivered == (delivery.delivery_count > 0)
            await broker.ack(delivery)
        await broker.close()
        assert max(left.values()) == 1
        assert said["confirmed"] - said["acking"] <= set(left), "a confirmed message is gone"
        assert not said["acked"] & set(left), "a settled message came again"
        assert set(left) <= said["sent"]
        assert redelivered >= 1, "nothing was in flight: the kill came at a quiet moment"

    async def test_a_message_that_kills_the_process_again_and_again_ends_in_the_error_queue(
        self, tmp_path: Path
    ) -> None:
        path = tmp_path / "broker.sqlite"
        broker = await opened(path)
        await broker.publish("jobs", message(b"poison", mark="kept"))
        await broker.close()
        script = """
            import asyncio, os, signal, sys
            from orchestrator.config import parse_pipeline
            from orchestrator.runtime.local import LocalBroker
            async def main():
                broker = await LocalBroker(sys.argv[1], parse_pipeline(sys.argv[2], frozenset({"work"}))).open()
                if await (await broker.subscribe("jobs")).next(1):
                    os.kill(os.getpid(), signal.SIGKILL)
            asyncio.run(main())
        """
        for _ in range(3):
            command = [sys.executable, "-c", textwrap.dedent(script), str(path), PIPELINE]
            assert subprocess.run(command, check=False).returncode == -signal.SIGKILL
        broker = await opened(path)
        assert (await broker.depth("jobs")).total == 0
        dead = await take(await broker.subscribe(error_queue("jobs")))
        await broker.close()
        assert (dead.body, dead.headers["mark"]) == (b"poison", "kept")
        assert dead.headers["x-first-death-reason"] == "delivery_limit"
        assert dead.headers["x-first-death-queue"] == "jobs"


class TestRestart:
    async def test_what_was_unacked_is_ready_again_in_its_old_place(self, tmp_path: Path) -> None:
        path = tmp_path / "broker.sqlite"
        broker = await opened(path)
        for body in (b"first", b"second"):
            await broker.publish("jobs", message(body))
        delivery = await take(await broker.subscribe("jobs"))
        await broker.close()
        broker = await opened(path)
        subscription = await broker.subscribe("jobs", prefetch=2)
        again = [await take(subscription) for _ in range(2)]
        await broker.close()
        assert [(one.body, one.delivery_count) for one in again] == [(b"first", 1), (b"second", 0)]
        assert again[0].message_id == delivery.message_id

    async def test_a_delayed_message_waits_on_through_a_restart(self, tmp_path: Path) -> None:
        path = tmp_path / "broker.sqlite"
        broker = await opened(path)
        await broker.publish(retry_queue("jobs", 0.2), message(b"soon"))
        await broker.publish(retry_queue("jobs", 60), message(b"later"))
        await broker.close()
        await asyncio.sleep(0.25)
        broker = await opened(path)
        assert (await take(await broker.subscribe("jobs"))).body == b"soon"
        assert (await broker.depth(retry_queue("jobs", 60))).total == 1
        await broker.close()

    async def test_a_second_process_is_kept_out(self, tmp_path: Path) -> None:
        broker = await opened(tmp_path / "broker.sqlite")
        with pytest.raises(Unavailable, match="locked"):
            await opened(tmp_path / "broker.sqlite")
        await broker.publish("jobs", message())
        await broker.close()
        await (await opened(tmp_path / "broker.sqlite")).close()

    async def test_a_file_that_is_no_database_is_unavailable_and_left_alone(self, tmp_path: Path) -> None:
        path = tmp_path / "broker.sqlite"
        path.write_bytes(b"precious" * 1000)
        with pytest.raises(Unavailable):
            await opened(path)
        assert path.read_bytes() == b"precious" * 1000

    async def test_memory_needs_no_file(self) -> None:
        broker = await opened(":memory:")
        await broker.publish("jobs", message())
        assert await broker.depth("jobs") == QueueDepth(1, 0, 1, 0)
        await broker.close()


class TestCommits:
    async def test_publishes_and_acks_at_the_same_time_share_commits(self, tmp_path: Path) -> None:
        broker = await opened(tmp_path / "broker.sqlite")
        statements: list[str] = []
        await broker._journal().run(lambda connection: connection.set_trace_callback(statements.append))
        await asyncio.gather(*(broker.publish("jobs", message()) for _ in range(300)))
        assert statements.count("COMMIT") < 30
        await broker.close()

    async def test_commits_reach_the_disk(self, tmp_path: Path) -> None:
        broker = await opened(tmp_path / "broker.sqlite")

        def pragmas(connection: sqlite3.Connection) -> list[object]:
            return [connection.execute(f"PRAGMA {name}").fetchone()[0] for name in ("journal_mode", "synchronous")]

        assert await broker._journal().run(pragmas) == ["wal", 2]
        await broker.close()

    async def test_a_full_disk_refuses_the_publish_and_what_was_there_stays(self, tmp_path: Path) -> None:
        broker = await opened(tmp_path / "broker.sqlite")
        await broker.publish("jobs", message(b"before"))
        await broker._journal().run(lambda connection: connection.execute("PRAGMA max_page_count=20").fetchall())
        publishes = [broker.publish("jobs", message(b"x" * 200_000)), broker.publish("jobs", message(b"small"))]
        big, _ = await asyncio.gather(*publishes, return_exceptions=True)
        assert isinstance(big, Unavailable) and "full" in str(big)
        subscription = await broker.subscribe("jobs")
        assert (await take(subscription)).body == b"before"
        await broker.close()

    async def test_a_publisher_cancelled_too_late_has_published(self, tmp_path: Path) -> None:
        broker = await opened(tmp_path / "broker.sqlite")
        subscription = await broker.subscribe("jobs", prefetch=10)
        waiting = asyncio.create_task(take(subscription))
        publishing = asyncio.create_task(broker.publish("jobs", message(b"sent")))
        await asyncio.sleep(0)
        publishing.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await publishing
        assert (await waiting).body == b"sent"
        await broker.close()

    async def test_the_loop_is_free_while_a_commit_runs(self, tmp_path: Path) -> None:
        broker = await opened(tmp_path / "broker.sqlite")
        stalled = broker._journal().run(lambda _: time.sleep(0.3))
        publishing = [asyncio.create_task(each) for each in (stalled, broker.publish("jobs", message()))]
        ticks = 0
        while not all(task.done() for task in publishing):
            await asyncio.sleep(0.01)
            ticks += 1
        assert ticks >= 10
        await broker.close()


class TestRules:
    async def test_a_full_queue_refuses_exactly_and_counts_ready_messages_only(self, tmp_path: Path) -> None:
        broker = await opened(tmp_path / "broker.sqlite")
        results = await asyncio.gather(*(broker.publish("small", message()) for _ in range(10)), return_exceptions=True)
        assert [type(result) for result in results].count(Unavailable) == 7
        await take(await broker.subscribe("small"))
        await broker.publish("small", message())
        assert await broker.depth("small") == QueueDepth(3, 1, 4, 1)
        await broker.close()

    async def test_consumers_are_counted_while_they_are_attached(self) -> None:
        broker = await opened(":memory:")
        assert await broker.consumers_attached("jobs") == 0
        subscriptions = [await broker.subscribe("jobs") for _ in range(3)]
        assert await broker.consumers_attached("jobs") == 3
        assert await broker.consumers_attached("small") == 0
        await subscriptions[0].close()
        assert await broker.consumers_attached("jobs") == 2
        await broker.close()
        assert await broker.consumers_attached("jobs") == 0

    async def test_a_consumer_whose_broker_closes_is_told(self) -> None:
        broker = await opened(":memory:")
        subscription = await broker.subscribe("jobs")
        waiting = asyncio.create_task(subscription.next())
        await asyncio.sleep(0.05)
        await broker.close()
        with pytest.raises(SubscriptionLost):
            await waiting
        with pytest.raises(SubscriptionLost):
            await subscription.next()

    async def test_stop_right_after_next_began_ends_the_wait(self) -> None:
        broker = await opened(":memory:")
        subscription = await broker.subscribe("jobs")
        waiting = asyncio.create_task(subscription.next())
        await asyncio.sleep(0)
        await subscription.stop()
        assert await asyncio.wait_for(waiting, 5) is None
        await broker.close()

    async def test_a_message_taken_while_nobody_waits_is_handed_out_after_stop(self) -> None:
        broker = await opened(":memory:")
        subscription = await broker.subscribe("jobs")
        assert await subscription.next(0.01) is None
        await broker.publish("jobs", message(b"left over"))
        while (await broker.depth("jobs")).unacked == 0:
            await asyncio.sleep(0.01)
        await subscription.stop()
        delivery = await take(subscription)
        assert delivery.body == b"left over"
        await broker.ack(delivery)
        assert await subscription.next() is None
        await broker.close()

    async def test_settling_a_delivery_again_does_nothing(self) -> None:
        broker = await opened(":memory:")
        for body in (b"first", b"second"):
            await broker.publish("jobs", message(body))
        subscription = await broker.subscribe("jobs")
        delivery = await take(subscription)
        await asyncio.gather(broker.ack(delivery), broker.ack(delivery))
        await broker.requeue(delivery)
        assert (await take(subscription)).body == b"second"
        assert await subscription.next(0.1) is None, "one slot was freed twice"
        assert await broker.depth("jobs") == QueueDepth(0, 1, 1, 1)
        await broker.close()

    async def test_nobody_consumes_a_retry_queue(self) -> None:
        broker = await opened(":memory:")
        with pytest.raises(ValueError, match="retry queue"):
            await broker.subscribe(retry_queue("jobs", 0.2))
        await broker.close()

    async def test_many_delayed_messages_come_back_each_once(self, tmp_path: Path) -> None:
        broker = await opened(tmp_path / "broker.sqlite")
        bodies = [json.dumps(n).encode() for n in range(1200)]
        await asyncio.gather(*(broker.publish(retry_queue("jobs", 0.2), message(body)) for body in bodies))
        subscription = await broker.subscribe("jobs", prefetch=100)
        seen = []
        for _ in bodies:
            delivery = await take(subscription)
            seen.append(delivery.body)
            await broker.ack(delivery)
        assert sorted(seen) == sorted(bodies)
        assert await subscription.next(0.3) is None
        await broker.close()
