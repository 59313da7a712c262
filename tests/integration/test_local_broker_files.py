"""The embedded broker on a real file: across restarts, full disks and shared commits."""

import asyncio
import contextlib
import sqlite3
import time
from pathlib import Path

import pytest

from orchestrator.domain.errors import Unavailable
from orchestrator.domain.queue_names import retry_queue
from orchestrator.runtime.ports import QueueDepth
from tests.kit.deliveries import take
from tests.kit.local_broker import message, opened


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
