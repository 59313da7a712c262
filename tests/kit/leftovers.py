"""What a test run has started and left behind: every process that carries the run's mark in its environment."""

import os
import signal
import sys
import time
import uuid
from collections.abc import Generator, Mapping
from contextlib import suppress
from multiprocessing import resource_tracker
from pathlib import Path

import pytest

GRACE_S = 10.0
MARK = "TEST_RUN_OF_JUSTLENS"
"""The variable; what begins with JUSTLENS_ would be a setting. Processes hand it on to those they start, however these
detach themselves."""
_RUN = pytest.StashKey[str]()


def pytest_configure(config: pytest.Config) -> None:
    """Mark what this run starts. The processes of a parallel run inherit the mark of the one that controls them."""
    if MARK not in os.environ:
        os.environ[MARK] = uuid.uuid4().hex
        config.stash[_RUN] = os.environ[MARK]


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_sessionfinish(session: pytest.Session) -> Generator[None, None, None]:
    """After everything else: a run that leaves processes behind has failed, and they are ended."""
    yield
    run = session.config.stash.get(_RUN, None)
    if run is not None and (left := _end_leftovers(run)):
        session.exitstatus = pytest.ExitCode.TESTS_FAILED
        sys.stderr.write("\nERROR: the run left processes behind; they were ended:\n  " + "\n  ".join(left) + "\n")


def mark() -> Mapping[str, str]:
    """The mark, for an environment that inherits nothing."""
    return {MARK: os.environ[MARK]} if MARK in os.environ else {}


def _end_leftovers(run: str) -> list[str]:
    """End the processes of ``run`` that are alive after GRACE_S; their numbers and command lines."""
    deadline = time.monotonic() + GRACE_S
    while (found := _marked(run)) and time.monotonic() < deadline:
        time.sleep(0.1)
    for pid in found:
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
    return [f"{pid}: {command}" for pid, command in found.items()]


def _marked(run: str) -> dict[int, str]:
    """Other processes with the mark, by number. One that has ended, and only waits to be asked how, has none."""
    wanted = f"{MARK}={run}".encode()
    found = {}
    for entry in Path("/proc").iterdir():
        with suppress(OSError, ValueError):
            pid = int(entry.name)
            if pid != os.getpid() and wanted in (entry / "environ").read_bytes().split(b"\0"):
                found[pid] = (entry / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")[:300]
    tracker = getattr(resource_tracker._resource_tracker, "_pid", None)  # a part of this very process, ends with it
    return {pid: command for pid, command in found.items() if pid != tracker}
