"""Answers on a kept-alive connection come at once: measured on the wire, beside a bare server of the same kind."""

import asyncio
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from prometheus_client import CollectorRegistry

from orchestrator.api import create_app, serve_api
from orchestrator.listening import open_listener
from orchestrator.runtime.health import Readiness, serve_health
from tests.integration.api.conftest import OPTIONS, Stores
from tests.kit.keep_alive import MOST_TIMES_AS_LONG, answer_s, bare_answer_s
from tests.kit.orchestrators import ROOT, plain_environment
from tests.kit.ports import free_port
from tests.kit.process import Child, wait_until


@pytest.fixture
async def bare_s() -> float:
    return await bare_answer_s()


async def test_the_api_answers_a_second_request_like_a_bare_server(stores: Stores, bare_s: float) -> None:
    server = await serve_api(create_app(stores.services, OPTIONS), "127.0.0.1", 0)
    try:
        ours_s = await asyncio.to_thread(answer_s, int(server.url.rpartition(":")[2]), "/livez")
    finally:
        await server.aclose()
    print(f"api {ours_s * 1000:.2f} ms, bare {bare_s * 1000:.2f} ms")
    assert ours_s < MOST_TIMES_AS_LONG * bare_s


async def test_the_health_port_does_so_too(bare_s: float) -> None:
    async def readiness() -> Readiness:
        return Readiness(True, {})

    listener = open_listener("127.0.0.1", 0, "JUSTLENS_HTTP_HOST", "JUSTLENS_HTTP_PORT")
    runner = await serve_health(listener, CollectorRegistry(), readiness)
    try:
        ours_s = await asyncio.to_thread(answer_s, listener.getsockname()[1], "/readyz")
    finally:
        await runner.cleanup()
    print(f"health {ours_s * 1000:.2f} ms, bare {bare_s * 1000:.2f} ms")
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
    ours_s = answer_s(command, "/livez")
    print(f"command {ours_s * 1000:.2f} ms, bare {bare_s * 1000:.2f} ms")
    assert ours_s < MOST_TIMES_AS_LONG * bare_s
