"""What a relevancy answer costs, beside a FastAPI route with nothing in it on the same server."""

import asyncio
import socket
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median, quantiles

import psutil
import pytest

from tests.bench.api_world import make_world
from tests.bench.rounds import BENCH
from tests.bench.sides import ROOT, Ratios
from tests.kit.figures import record
from tests.kit.orchestrators import plain_environment
from tests.kit.ports import free_port
from tests.kit.process import Child, wait_until

pytestmark = [pytest.mark.bench, pytest.mark.timeout(900)]

ROUNDS = 7
REQUESTS = {6: 200, 300: 40, 2000: 12}
"""How many requests of a round, by the images of the business."""
HELLO = 200


@dataclass(slots=True)
class Side:
    """A server on one connection that is kept, with the seconds of every answer, round by round. ``poor`` counts those
    that lacked something because a store took longer than it may."""

    port: int
    pid: int
    connection: socket.socket
    seconds: list[list[float]] = field(default_factory=list)
    cpu_s: list[float] = field(default_factory=list)
    poor: int = 0

    def ask(self, path: str, number: int) -> None:
        """One round."""
        request = f"GET {path} HTTP/1.1\r\nHost: localhost\r\n\r\n".encode()
        process, times = psutil.Process(self.pid), []
        before = sum(process.cpu_times()[:2])
        for _ in range(number):
            began = time.perf_counter()
            self.connection.sendall(request)
            whole, body = self._read()
            times.append(time.perf_counter() - began)
            self.poor += not whole or b'"degraded":["' in body
        self.cpu_s.append((sum(process.cpu_times()[:2]) - before) / number)
        self.seconds.append(times)

    def _read(self) -> tuple[bool, bytes]:
        head = b""
        while b"\r\n\r\n" not in head:
            head += self.connection.recv(1 << 20)
        head, _, body = head.partition(b"\r\n\r\n")
        length = int(next(it for it in head.split(b"\r\n") if it.lower().startswith(b"content-length:")).split(b":")[1])
        while len(body) < length:
            body += self.connection.recv(1 << 20)
        return head.startswith(b"HTTP/1.1 200"), body

    def percentile(self, number: int) -> float:
        """Of all answers, in milliseconds."""
        return quantiles([it for times in self.seconds for it in times], n=100)[number - 1] * 1000


@contextmanager
def serving(side: str, folder: Path) -> Iterator[tuple[int, int]]:
    """Port and process of a server on the files in ``folder``."""
    port = free_port()
    log = folder.with_name(f"{folder.name}-{side}-{port}.log")
    data = {"JUSTLENS_DATA_DIR": str(folder), "HOME": str(folder), "PYTHONPATH": str(ROOT)}
    command = [sys.executable, "-m", "tests.bench.api_side", side, str(port)]
    child = Child(command, plain_environment({**data, "OMP_NUM_THREADS": "1"}), log, ROOT)
    try:
        wait_until(lambda: f"127.0.0.1:{port}" in log.read_text() or not child.alive(), 60, "the API to listen")
        assert child.alive(), log.read_text()
        yield port, child.pid
    finally:
        child.kill()


@contextmanager
def asked(server: tuple[int, int]) -> Iterator[Side]:
    """A connection to it."""
    with socket.create_connection(("127.0.0.1", server[0]), timeout=60) as connection:
        yield Side(*server, connection)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the businesses are known."""
    folder = tmp_path_factory.mktemp("api") / "data"
    asyncio.run(make_world(folder, tuple(REQUESTS)))
    return folder


@pytest.mark.parametrize("images", REQUESTS)
def test_an_answer_against_a_hello(folder: Path, images: int) -> None:
    with (
        serving("relevancy", folder) as ours,
        serving("hello", folder) as bare,
        asked(ours) as answer,
        asked(bare) as hello,
    ):
        rounds(answer, hello, f"/v1/relevancy/of-{images}?limit=10", REQUESTS[images])
    p50 = _ratios(answer, hello, median)
    rate = _ratios(answer, hello, lambda times: len(times) / sum(times))
    p99 = answer.percentile(99) / hello.percentile(99)
    holds = not answer.poor and p50.median <= 1.5 and p99 <= 2 and rate.median >= 0.6 and answer.percentile(99) < 20
    note(
        f"P8-{images}",
        f"relevancy of {images} images, embedded: time of an answer over a FastAPI hello's, p50 (p99 {p99:.1f},"
        f" rate {rate.median:.3f} of its; p50 {answer.percentile(50):.1f} ms, p99 {answer.percentile(99):.1f} ms,"
        f" CPU {median(answer.cpu_s) * 1000:.1f} ms; {answer.poor} of {ROUNDS * REQUESTS[images]} lacked a part)",
        p50,
        "p50 <= 1.5, p99 <= 2, rate >= 0.6, p99 < 20 ms",
        holds,
        f"hello: p50 {hello.percentile(50):.2f} ms, p99 {hello.percentile(99):.2f} ms",
    )


def test_the_extra_fast_against_what_it_replaces(tmp_path: Path) -> None:
    with (
        serving("relevancy", tmp_path / "fast") as fast,
        serving("plain", tmp_path / "plain") as plain,
        asked(fast) as ours,
        asked(plain) as theirs,
    ):
        rounds(ours, theirs, "/livez", HELLO, "/livez")
    gain = _ratios(theirs, ours, median)
    note(
        "P8-fast",
        "an answer of /livez with uvloop and httptools: times as fast as with asyncio and h11",
        gain,
        ">= 1",
        gain.median >= 1,
        f"asyncio and h11: p50 {theirs.percentile(50):.2f} ms; ours {ours.percentile(50):.2f} ms",
    )


def rounds(ours: Side, theirs: Side, path: str, number: int, other: str = "/hello") -> None:
    """Both in turns, after a warm-up."""
    for warm in (True, False):
        for turn in range(1 if warm else ROUNDS):
            sides = [(ours, path, number), (theirs, other, HELLO)]
            for side, asked_path, count in sides if turn % 2 == 0 else reversed(sides):
                side.ask(asked_path, count)
        if warm:
            for side in (ours, theirs):
                side.seconds.clear()
                side.cpu_s.clear()
                side.poor = 0


def _ratios(ours: Side, theirs: Side, of: Callable[[list[float]], float]) -> Ratios:
    return Ratios(tuple(of(a) / of(b) for a, b in zip(ours.seconds, theirs.seconds, strict=True)))


def note(row: str, what: str, ratios: Ratios, target: str, holds: bool, peer: str) -> None:
    """Record a row."""
    record(
        BENCH,
        {
            "id": row,
            "what": what,
            "value": round(ratios.median, 2),
            "target": target,
            "holds": holds,
            "n": f"{ROUNDS} rounds on one connection",
            "spread": ratios.spread,
            "peer": peer,
        },
    )
