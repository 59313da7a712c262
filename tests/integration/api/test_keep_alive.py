"""Answers on a kept-alive connection come at once: measured on the wire, beside a bare server of the same kind."""

import asyncio
import socket
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from statistics import median

import pytest
import uvicorn
from fastapi import FastAPI

from orchestrator.api import create_app, serve_api
from tests.integration.api.conftest import OPTIONS, Stores
from tests.kit.orchestrators import ROOT, plain_environment
from tests.kit.ports import free_port
from tests.kit.process import Child, wait_until

REQUESTS = 30
MOST_TIMES_AS_LONG = 8.0
"""A delayed acknowledgement takes 40 ms, some 50 times as long as a bare answer; what we do for one is far below."""


def answer_times_s(port: int, path: str) -> list[float]:
    """Seconds of each request but the first on one connection."""
    request = f"GET {path} HTTP/1.1\r\nHost: localhost\r\n\r\n".encode()
    times = []
    with socket.create_connection(("127.0.0.1", port), timeout=10) as client:
        for _ in range(REQUESTS):
            began = time.perf_counter()
            client.sendall(request)
            _read_answer(client)
            times.append(time.perf_counter() - began)
    return times[1:]


def _read_answer(client: socket.socket) -> None:
    head = b""
    while b"\r\n\r\n" not in head:
        head += client.recv(65536)
    headers, _, body = head.partition(b"\r\n\r\n")
    length = next(line for line in headers.split(b"\r\n") if line.lower().startswith(b"content-length:"))
    left = int(length.partition(b":")[2]) - len(body)
    while left > 0:
        left -= len(client.recv(65536))


@pytest.fixture
async def bare_s() -> float:
    """Seconds of an answer of uvicorn and FastAPI with nothing in them."""
    app = FastAPI()
    app.add_api_route("/hello", lambda: {"hello": "world"})
    server = uvicorn.Server(uvicorn.Config(app, host="127.0.0.1", port=0, log_config=None, lifespan="off"))
    serving = asyncio.create_task(server.serve())
    while not server.started:
        await asyncio.sleep(0.01)
    port = server.servers[0].sockets[0].getsockname()[1]
    try:
        return median(await asyncio.to_thread(answer_times_s, port, "/hello"))
    finally:
        server.should_exit = True
        await serving


async def test_the_api_answers_a_second_request_like_a_bare_server(stores: Stores, bare_s: float) -> None:
    server = await serve_api(create_app(stores.services, OPTIONS), "127.0.0.1", 0)
    try:
        port = int(server.url.rpartition(":")[2])
        ours_s = median(await asyncio.to_thread(answer_times_s, port, "/livez"))
    finally:
        await server.aclose()
    print(f"api {ours_s * 1000:.2f} ms, bare {bare_s * 1000:.2f} ms")
    assert ours_s < MOST_TIMES_AS_LONG * bare_s


@pytest.fixture
def command(tmp_path: Path) -> Iterator[int]:
    """`justlens api` as a process; its port."""
    port = free_port()
    environment = {"HOME": str(tmp_path), "JUSTLENS_API_PORT": str(port), "JUSTLENS_DATA_DIR": str(tmp_path / "data")}
    log = tmp_path / "api.log"
    child = Child([sys.executable, "-m", "orchestrator", "api"], plain_environment(environment), log, ROOT)
    try:
        wait_until(lambda: "api_listening" in log.read_text() or not child.alive(), 30, "the API to listen")
        yield port
    finally:
        child.kill()


async def test_the_command_does_so_on_its_own_loop(command: int, bare_s: float) -> None:
    ours_s = median(answer_times_s(command, "/livez"))
    print(f"command {ours_s * 1000:.2f} ms, bare {bare_s * 1000:.2f} ms")
    assert ours_s < MOST_TIMES_AS_LONG * bare_s
