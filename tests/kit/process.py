"""Child processes that never outlive the test run, and a base class for servers made of them."""

import os
import re
import signal
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from tests.kit.leftovers import mark


def wait_until(condition: Callable[[], bool], timeout_s: float, what: str, poll_s: float = 0.05) -> None:
    """Poll until ``condition()`` holds. Raises TimeoutError naming ``what``."""
    deadline = time.monotonic() + timeout_s
    while not condition():
        if time.monotonic() > deadline:
            raise TimeoutError(f"waited {timeout_s} s for {what}")
        time.sleep(poll_s)


class Child:
    """A process in its own session, with its output in a file.

    A guard process holds the reading end of a pipe; when this process ends in whatever way, the pipe closes and the
    guard kills the child. The parent-death signal of Linux would do it without a guard, but it fires when the
    *thread* that started the child ends, and tests start servers from worker threads.
    """

    def __init__(self, command: Sequence[str], env: Mapping[str, str], log: Path, cwd: Path) -> None:
        with log.open("ab") as output:
            self._process = subprocess.Popen(
                command,
                env={**env, **mark()},
                cwd=cwd,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                start_new_session=True,
            )
        self._guard = subprocess.Popen(
            ["/bin/sh", "-c", f"read _; kill -KILL {self.pid}"],
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )

    @property
    def pid(self) -> int:
        """The process id."""
        return self._process.pid

    def alive(self) -> bool:
        """Whether the process has not ended."""
        return self._process.poll() is None

    @property
    def exit_code(self) -> int | None:
        """How it ended: its exit code, or the negative number of the signal; None while it runs."""
        return self._process.poll()

    def signal(self, number: int) -> None:
        """Send a signal; a process that has ended gets none."""
        if self.alive():
            self._process.send_signal(number)

    def terminate(self, timeout_s: float = 30.0) -> None:
        """Ask it to end (SIGTERM), kill it when it has not after ``timeout_s``."""
        self.signal(signal.SIGCONT)
        self.signal(signal.SIGTERM)
        try:
            self._process.wait(timeout_s)
        except subprocess.TimeoutExpired:
            self._process.kill()
        self._reap()

    def kill(self) -> None:
        """End it at once (SIGKILL)."""
        self.signal(signal.SIGKILL)
        self._reap()

    def _reap(self) -> None:
        self._process.wait()
        # The guard goes first and the pipe second: a closed pipe would make it kill a process id that may be reused.
        self._guard.kill()
        self._guard.wait()
        if self._guard.stdin is not None:
            self._guard.stdin.close()


def last_words(log: str) -> str:
    """What a log says of an end: its last part, or where a program in Go began to tell why (its stacks follow)."""
    panics = [found.start() for found in re.finditer(r"^(panic|fatal error):", log, re.MULTILINE)]
    return log[max(0, panics[-1] - 1000) :][:4000] if panics else log[-4000:]


class Server:
    """A server that tests start, stop, kill, freeze and start again on the same port with the same data.

    A subclass says how to start it (``command``, ``environment``) and how to tell that it answers (``answers``).
    """

    name = "server"
    start_timeout_s = 60.0

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.folder.mkdir(parents=True, exist_ok=True)
        self._child: Child | None = None

    def command(self) -> Sequence[str]:
        """The command line."""
        raise NotImplementedError

    def environment(self) -> Mapping[str, str]:
        """The whole environment of the process: nothing is inherited, so nothing of the machine leaks in."""
        return {"PATH": os.environ.get("PATH", os.defpath), "HOME": str(self.folder), "LC_ALL": "C.UTF-8"}

    def answers(self) -> bool:
        """Whether the server does its work at this moment."""
        raise NotImplementedError

    @property
    def pid(self) -> int:
        """The process id of the running server."""
        assert self._child is not None, f"{self.name} is not running"
        return self._child.pid

    def alive(self) -> bool:
        """Whether the process runs (a frozen one does)."""
        return self._child is not None and self._child.alive()

    def start(self) -> None:
        """Start it and return when it answers. Nothing happens when it runs already. Raises RuntimeError."""
        if self.alive():
            return
        self._let_go()
        log = self.folder / f"{self.name}.log"
        self._child = Child(self.command(), self.environment(), log, self.folder)
        try:
            wait_until(lambda: self.answers() or not self.alive(), self.start_timeout_s, f"{self.name} to answer")
            if not self.alive():
                raise RuntimeError(f"{self.name} ended while starting:\n{last_words(log.read_text(errors='replace'))}")
        except BaseException:
            self.kill()
            raise

    def stop(self) -> None:
        """End it in good order."""
        if self._child is not None:
            self._child.terminate()
        self._child = None

    def kill(self) -> None:
        """SIGKILL: no goodbye, nothing flushed."""
        if self._child is not None:
            self._child.kill()
        self._child = None

    def close(self) -> None:
        """End it for good, fast; whatever it still holds is of no interest."""
        self.kill()

    def freeze(self) -> None:
        """SIGSTOP: connections stay open, nothing answers. Returns when every thread has stopped."""
        os.kill(self.pid, signal.SIGSTOP)
        wait_until(lambda: _all_stopped(self.pid), 10, "every thread to stop")

    def thaw(self) -> None:
        """SIGCONT: go on where it was stopped."""
        if self._child is not None:
            self._child.signal(signal.SIGCONT)

    def ensure_running(self) -> None:
        """Bring it back, whatever a test before did to it."""
        self.thaw()
        self.start()
        wait_until(self.answers, self.start_timeout_s, f"{self.name} to answer")

    def _let_go(self) -> None:
        if self._child is not None:
            self._child.kill()


def _all_stopped(pid: int) -> bool:
    """Whether every thread of the process is in state T; the signal reaches a busy one late."""
    states = [(task / "stat").read_text().rpartition(")")[2].split()[0] for task in Path(f"/proc/{pid}/task").iterdir()]
    return set(states) <= {"T", "t"}
