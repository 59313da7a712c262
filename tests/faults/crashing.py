"""``python -m tests.faults.crashing run``: the orchestrator, ending at a named point as if the power had gone.

    CRASH_AT=after_publish_next:3                the third time that a next job was published and confirmed
    CRASH_AT=before_ack:1,before_ack:1,ledger:2  one crash after the other; after the last one it runs on unharmed
    CRASH_IMAGE=b1/i7                            only passes of the job of that image count

A life that ends by SIGKILL is followed by another one too. Every point is a call that crosses from the engine to
something outside; ``before_`` and ``after_`` are its two sides. Nothing of the product is changed: the methods of its
ports are wrapped in this process. Each life is a process of its own, forked from one that has imported everything.
"""

import ctypes
import os
import signal
import sys
from collections.abc import Callable, Sequence
from typing import Any

from structlog.contextvars import get_contextvars

import orchestrator.operations
import orchestrator.stores.s3
import orchestrator.wiring  # noqa: F401  all imported before the fork, so that the children need not do it
from orchestrator.cli import main as command_line
from orchestrator.clients.fetch.fetcher import SafeFetcher
from orchestrator.clients.workers.enhance import EnhanceClient
from orchestrator.domain.headers import RELEASES
from orchestrator.domain.outcome import PutObject, SetSection
from orchestrator.runtime.rabbitmq import RabbitBroker
from orchestrator.stores.apply import StoreApplier, StoredOriginals
from orchestrator.stores.mongo import MongoDocuments

CRASHED = 137
FORWARDED = (signal.SIGTERM, signal.SIGINT)
CALLS = (
    "fetch",
    "find_original",
    "find_job",
    "enhance",
    "write_original",
    "write_enhanced",
    "write_section_source",
    "write_section_content",
    "write_section_enhanced",
    "purge",
    "publish_next",
    "publish_retry",
    "publish_error",
    "publish_stamp",
    "publish_hand_back",
    "ledger",
    "index",
    "ack",
)


def sides(calls: Sequence[str]) -> tuple[str, ...]:
    """The two points of each call."""
    return tuple(f"{side}_{call}" for call in calls for side in ("before", "after"))


POINTS = sides(CALLS)

Port = tuple[type, str, Callable[..., str]]
"""A class, one of its methods, and what names a call of it from its arguments."""


class CrashPoint:
    """Ends the process at the ``count``-th pass of the point ``name``."""

    def __init__(self, order: str, image: str | None, points: Sequence[str]) -> None:
        self.name, _, count = order.partition(":")
        if self.name not in points:
            raise SystemExit(f"CRASH_AT: no point '{self.name}'; known: {', '.join(points)}")
        self._left = int(count or 1)
        self._image = image

    def passed(self, name: str) -> None:
        """Called at every point."""
        if name != self.name or self._image not in (None, get_contextvars().get("image")):
            return
        self._left -= 1
        if self._left == 0:
            os.write(2, f"CRASHED AT {name}\n".encode())
            os._exit(CRASHED)


def wrap(owner: type, method: str, call_name: Callable[..., str], passed: Callable[[str], None]) -> None:
    """Let ``owner.method`` tell ``passed`` of its two points; ``call_name`` names the call from its arguments."""
    original = getattr(owner, method)

    async def wrapped(self: Any, *args: Any, **kwargs: Any) -> Any:
        name = call_name(*args, **kwargs)
        passed(f"before_{name}")
        result = await original(self, *args, **kwargs)
        passed(f"after_{name}")
        return result

    setattr(owner, method, wrapped)


def write_name(write: PutObject | SetSection) -> str:
    """Which of the writes it is."""
    if isinstance(write, SetSection):
        return f"write_section_{write.section}"
    return "write_original" if write.key.startswith("originals/") else "write_enhanced"


def publish_name(queue: str, message: Any) -> str:
    """Why the engine publishes: the target and the queue of the job in hand tell."""
    if queue.startswith("retry."):
        return "publish_retry"
    if queue.startswith("error."):
        return "publish_error"
    if queue != get_contextvars().get("queue"):
        return "publish_next"
    return "publish_hand_back" if RELEASES in message.headers else "publish_stamp"


PORTS: tuple[Port, ...] = (
    (SafeFetcher, "fetch", lambda url: "fetch"),
    (StoredOriginals, "find_original", lambda sha256: "find_original"),
    (EnhanceClient, "enhance", lambda body, **_: "enhance"),
    (StoreApplier, "write", write_name),
    (StoreApplier, "effect", lambda effect: "purge"),
    (MongoDocuments, "find_job", lambda job_id, queue: "find_job"),
    (MongoDocuments, "record_job", lambda entry: "ledger"),
    (MongoDocuments, "index_dead_letter", lambda letter: "index"),
    (RabbitBroker, "publish", publish_name),
    (RabbitBroker, "ack", lambda delivery: "ack"),
)


def life(order: str | None, points: Sequence[str], ports: Sequence[Port]) -> int:
    """One process, from its fork to its end; the exit code."""
    pid = os.fork()
    if pid == 0:
        for number in FORWARDED:
            signal.signal(number, signal.SIG_DFL)
        ctypes.CDLL(None).prctl(1, signal.SIGKILL)  # PR_SET_PDEATHSIG: who kills the parent means the child
        if order is not None:
            point = CrashPoint(order, os.environ.get("CRASH_IMAGE"), points)
            for port in ports:
                wrap(*port, point.passed)
        command_line()
        os._exit(0)
    for number in FORWARDED:
        signal.signal(number, lambda received, _frame: os.kill(pid, received))
    _, status = os.waitpid(pid, 0)
    return os.waitstatus_to_exitcode(status)


def main(points: Sequence[str] = POINTS, ports: Sequence[Port] = PORTS) -> None:
    """One life per order, then lives without; the exit code of the first that was not cut short."""
    orders = [order for order in os.environ.get("CRASH_AT", "").split(",") if order]
    code = CRASHED
    while code in (CRASHED, -signal.SIGKILL):
        code = life(orders.pop(0) if orders else None, points, ports)
    sys.exit(code)


if __name__ == "__main__":
    main()
