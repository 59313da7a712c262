"""The embedded broker in a process that is killed."""

import signal
import subprocess
import sys
import textwrap
import time
from collections import Counter
from pathlib import Path

from orchestrator.domain.queue_names import error_queue
from tests.kit.deliveries import take
from tests.kit.local_broker import PIPELINE, message, opened

# What the killed process does: eight publishers write down every confirmed body, eight consumers every body they acked.
# One more consumer keeps what it was given, so that something is in flight at whatever moment the kill comes.
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

async def hold(broker):
    await (await broker.subscribe("jobs")).next()

async def main():
    broker = await LocalBroker(path, parse_pipeline(pipeline, frozenset({"work"}))).open()
    publishers, consumers = (publish(broker, f"p{n}") for n in range(8)), (consume(broker) for _ in range(4))
    await asyncio.gather(hold(broker), *publishers, *consumers)

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
