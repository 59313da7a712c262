"""Orchestrator processes of a test: started, killed, frozen, asked to leave, never left running."""

import asyncio
import contextlib
import os
import re
import signal
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import aiohttp
import psutil

from tests.kit.leftovers import mark
from tests.kit.ports import free_port
from tests.kit.process import Child

ROOT = Path(__file__).resolve().parents[2]
READY_TIMEOUT_S = 30.0


def plain_environment(extra: Mapping[str, str]) -> dict[str, str]:
    """The whole environment of a child: nothing of the developer's shell but the path."""
    return {"PATH": os.environ.get("PATH", os.defpath), "LC_ALL": "C.UTF-8", "PYTHONUNBUFFERED": "1", **mark(), **extra}


class Orchestrator:
    """One orchestrator process: ``python -m orchestrator run``, or a launcher that crashes it on purpose."""

    def __init__(self, name: str, folder: Path, environment: Mapping[str, str], module: str = "orchestrator") -> None:
        self.name = name
        self.log = folder / f"{name}.log"
        self.port = free_port()
        env = plain_environment({"HOME": str(folder), **environment, "JUSTLENS_HTTP_PORT": str(self.port)})
        self._child = Child([sys.executable, "-m", module, "run"], env, self.log, ROOT)

    @property
    def pid(self) -> int:
        """The process id."""
        return self._child.pid

    def alive(self) -> bool:
        """Whether the process has not ended."""
        return self._child.alive()

    @property
    def exit_code(self) -> int | None:
        """How it ended, as subprocess says it; None while it runs."""
        return self._child.exit_code

    async def ready(self, timeout_s: float = READY_TIMEOUT_S) -> None:
        """Return when /readyz answers 200. Raises AssertionError with the log when it ended or takes too long."""
        deadline = time.monotonic() + timeout_s
        async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=3)) as session:
            while not await self._is_ready(session):
                assert self.alive(), f"{self.name} ended with {self.exit_code}:\n{self.tail()}"
                assert time.monotonic() < deadline, f"{self.name} was not ready in {timeout_s} s:\n{self.tail()}"
                await asyncio.sleep(0.05)

    async def _is_ready(self, session: aiohttp.ClientSession) -> bool:
        try:
            async with session.get(f"http://127.0.0.1:{self.port}/readyz") as reply:
                return reply.status == 200
        except (aiohttp.ClientError, TimeoutError, OSError):
            return False

    async def metrics(self) -> str:
        """What /metrics says now."""
        url = f"http://127.0.0.1:{self.port}/metrics"
        async with aiohttp.ClientSession() as session, session.get(url) as reply:
            return await reply.text()

    async def jobs_in_progress(self) -> int:
        """How many deliveries it has in hand, as its metrics say."""
        values = re.findall(r"^justlens_jobs_in_progress\{.*\} (\S+)$", await self.metrics(), re.MULTILINE)
        return round(sum(map(float, values)))

    def kill(self) -> None:
        """SIGKILL: no goodbye."""
        self._child.kill()

    def kill_life(self) -> bool:
        """SIGKILL for the present life under the crashing launcher, which begins another. Whether there was one."""
        lives = psutil.Process(self.pid).children()
        for life in lives:
            life.kill()
        return bool(lives)

    def crashes(self) -> list[str]:
        """The points it has crashed at so far, under the crashing launcher."""
        return re.findall(r"^CRASHED AT (\w+)$", self.log.read_text(errors="replace"), re.MULTILINE)

    def freeze(self) -> None:
        """SIGSTOP: sockets stay open, nothing moves."""
        self._child.signal(signal.SIGSTOP)

    def thaw(self) -> None:
        """SIGCONT."""
        self._child.signal(signal.SIGCONT)

    async def ended(self, timeout_s: float = 60.0) -> int:
        """Wait until it has ended by itself; its exit code."""
        deadline = time.monotonic() + timeout_s
        while self.alive():
            assert time.monotonic() < deadline, f"{self.name} still runs after {timeout_s} s:\n{self.tail()}"
            await asyncio.sleep(0.02)
        code = self.exit_code
        self._child.kill()  # reaps
        assert code is not None
        return code

    def ask_to_leave(self) -> None:
        """SIGTERM."""
        self._child.signal(signal.SIGTERM)

    async def leave(self, timeout_s: float = 60.0) -> int:
        """SIGTERM, then wait; its exit code."""
        self.ask_to_leave()
        return await self.ended(timeout_s)

    def tail(self, size: int = 3000) -> str:
        """The end of its log."""
        return self.log.read_text(errors="replace")[-size:]


class Processes:
    """All child processes of a deployment."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.orchestrators: list[Orchestrator] = []
        self.workers: dict[int, Child] = {}
        self._started = 0

    def start_orchestrator(self, environment: Mapping[str, str], module: str = "orchestrator") -> Orchestrator:
        """Start one; it is not ready yet."""
        self._started += 1
        process = Orchestrator(f"orchestrator-{self._started}", self.folder, environment, module)
        self.orchestrators.append(process)
        return process

    def start_worker(self, port: int, latency_s: float) -> None:
        """Start a stub worker on ``port``; whatever ran there before is killed."""
        self._start_stub(["tests.kit.stub_worker"], port, latency_s)

    def start_model(self, service: str, port: int, latency_s: float) -> None:
        """The same for a stub of the relevance road: ``clip``, ``text`` or ``vlm``."""
        self._start_stub(["tests.kit.stub_models", service], port, latency_s)

    def _start_stub(self, module: list[str], port: int, latency_s: float) -> None:
        self.kill_worker(port)
        arguments = ["--port", str(port), "--latency-ms", f"{latency_s * 1000:g}"]
        command: list[Any] = [sys.executable, "-m", *module, *arguments]
        # One thread of numerics: stubs are many, and the machine is small.
        env = plain_environment({"HOME": str(self.folder), "OPENBLAS_NUM_THREADS": "1"})
        self.workers[port] = Child(command, env, self.folder / f"worker-{port}.log", ROOT)

    def kill_worker(self, port: int) -> None:
        """SIGKILL the stub worker on ``port``, if there is one."""
        if port in self.workers:
            self.workers.pop(port).kill()

    def close(self) -> None:
        """Kill everything."""
        with contextlib.ExitStack() as stack:
            for process in self.orchestrators:
                stack.callback(process.kill)
            for worker in self.workers.values():
                stack.callback(worker.kill)
