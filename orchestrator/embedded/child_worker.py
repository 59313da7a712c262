"""Workers as child processes, for a system without servers. They end with their parent, however that ends."""

import asyncio
import json
import os
import signal
import sys
from collections.abc import Callable
from contextlib import ExitStack, suppress
from pathlib import Path

import structlog

from orchestrator.domain.errors import ConfigurationError
from orchestrator.domain.retrying import backoff_s

log = structlog.get_logger(__name__)

START_TIMEOUT_S = 30.0
STOP_TIMEOUT_S = 10.0


class ChildWorker:
    """One worker process, started anew whenever it ends before it is stopped."""

    def __init__(
        self, name: str, on_listening: Callable[[str], None], log_file: Path | None = None, log_format: str = "json"
    ) -> None:
        self.name = name
        self._log_format = log_format
        self._log_file = log_file
        self._on_listening = on_listening
        self._process: asyncio.subprocess.Process | None = None
        self._keeper: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Start it and wait until it listens. Raises ConfigurationError when it does not."""
        await self._spawn()
        self._keeper = asyncio.create_task(self._keep(), name=f"worker-{self.name}")

    async def stop(self) -> None:
        """Let it finish, then end it."""
        if self._keeper is not None:
            self._keeper.cancel()
            with suppress(asyncio.CancelledError):
                await self._keeper
        if self._process is None or self._process.returncode is not None:
            return
        self._process.send_signal(signal.SIGTERM)
        try:
            async with asyncio.timeout(STOP_TIMEOUT_S):
                await self._process.wait()
        except TimeoutError:
            self._process.kill()
            await self._process.wait()

    async def _spawn(self) -> None:
        command = [sys.executable, "-m", f"workers.{self.name}", "--port", "0", "--parent-pid", str(os.getpid())]
        command += ["--log-format", self._log_format]
        with ExitStack() as stack:
            stderr = None if self._log_file is None else stack.enter_context(self._log_file.open("ab"))
            process = await asyncio.create_subprocess_exec(
                *command, stdout=asyncio.subprocess.PIPE, stderr=stderr, start_new_session=True
            )
        self._process = process
        if process.stdout is None:
            raise RuntimeError("the child was started with a pipe")
        try:
            async with asyncio.timeout(START_TIMEOUT_S):
                line = await process.stdout.readline()
            url = str(json.loads(line)["listening"])
        except (TimeoutError, ValueError, KeyError) as error:
            process.kill()
            code = await process.wait()
            raise ConfigurationError(
                [f"the {self.name} worker did not start (exit {code}); its log says why"]
            ) from error
        self._on_listening(url)

    async def _keep(self) -> None:
        failures = 0
        while True:
            if self._process is not None:
                code = await self._process.wait()
                log.warning("worker_ended", worker=self.name, exit_code=code)
            await asyncio.sleep(backoff_s(failures))
            try:
                await self._spawn()
                failures = 0
            except ConfigurationError as error:
                log.error("worker_not_started", worker=self.name, detail=str(error))
                failures += 1
