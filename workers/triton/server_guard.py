"""Neither tritonserver nor one of its models outlives the other.

tritonserver does not start a python model again whose process has ended: it goes on to call the model READY and
answers every question with an error. Ended in good order, it is started afresh by whoever started it.

A model's process looks itself whether its server is still there, but from a thread that needs Python's lock: one that
is deep in a library when the server is killed would go on computing, and holding the GPU's memory, for as long as that
takes. So a process beside it looks.
"""

import contextlib
import os
import select
import signal
import subprocess
import sys
from pathlib import Path

_LOADED, _RELEASED = b"+", b"-"
_GRACE_S = 2.0
"""For a model whose server has ended, to end by itself."""


class ServerGuard:
    """Watches the calling process, a model, and its parent, the server, until the model ends."""

    def __init__(self) -> None:
        """While the model is still loading, its end is for the server to deal with."""
        self._guard = subprocess.Popen(  # noqa: S603  # this very module, with two numbers
            [sys.executable, "-m", __name__, str(os.getppid()), str(os.getpid())],
            stdin=subprocess.PIPE,
            start_new_session=True,
        )

    def loaded(self) -> None:
        """From now on the death of the model ends the server."""
        self._tell(_LOADED)

    def release(self) -> None:
        """The model is about to end in good order."""
        self._tell(_RELEASED)

    def _tell(self, word: bytes) -> None:
        if self._guard.stdin is not None:
            self._guard.stdin.write(word)
            self._guard.stdin.flush()


def watch(server_pid: int, model_pid: int, words: int) -> None:
    """Until the model or the server has ended; see the module. ``words`` is where the model says what it is about."""
    # A descriptor, unlike the number, can never come to mean another process.
    model = _opened(model_pid)
    if model is None:
        return
    server = _opened(server_pid)
    said = b""
    while server is not None and server not in (ready := select.select([server, model, words], [], [])[0]):
        heard = os.read(words, 64) if words in ready else b""
        said += heard
        if not heard:  # the pipe ends with the model, or a moment before
            if _LOADED in said and _RELEASED not in said:
                with contextlib.suppress(ProcessLookupError):
                    signal.pidfd_send_signal(server, signal.SIGTERM)
            return
    _end_family(model, model_pid)


def _opened(pid: int) -> int | None:
    with contextlib.suppress(ProcessLookupError):
        return os.pidfd_open(pid)
    return None


def _end_family(model: int, model_pid: int) -> None:
    """The model and what it started, unless they end by themselves."""
    if select.select([model], [], [], _GRACE_S)[0]:
        return
    family = [pid for pid in _descendants(model_pid) if pid != os.getpid()]
    with contextlib.suppress(ProcessLookupError):
        signal.pidfd_send_signal(model, signal.SIGKILL)
    for pid in family:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)


def _descendants(pid: int) -> list[int]:
    found = [child for child, parent in _parents().items() if parent == pid]
    return [*found, *(further for child in found for further in _descendants(child))]


def _parents() -> dict[int, int]:
    parents = {}
    for entry in Path("/proc").iterdir():
        with contextlib.suppress(OSError, ValueError):
            # The name of a process, in parentheses, may hold anything; its parent is the second word behind it.
            parents[int(entry.name)] = int((entry / "stat").read_text().rpartition(")")[2].split()[1])
    return parents


if __name__ == "__main__":
    watch(int(sys.argv[1]), int(sys.argv[2]), sys.stdin.fileno())
