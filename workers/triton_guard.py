"""Ends tritonserver when one of its models has died.

tritonserver does not start a python model again whose process has ended: it goes on to call the model READY and
answers every question with an error. Ended in good order, it is started afresh by whoever started it.
"""

import contextlib
import os
import signal
import subprocess
import sys


class ServerGuard:
    """Watches the calling process, a model of the server that is its parent, until ``release`` or its death."""

    def __init__(self) -> None:
        self._guard = subprocess.Popen(  # noqa: S603  # this very module, with a number
            [sys.executable, "-m", __name__, str(os.getppid())], stdin=subprocess.PIPE, start_new_session=True
        )

    def release(self) -> None:
        """The model is about to end in good order."""
        self._guard.communicate(b"released")


def watch(server_pid: int) -> None:
    """Wait until stdin ends; if nothing came through it, send the server SIGTERM."""
    # A descriptor, unlike the number, can never come to mean another process.
    server = os.pidfd_open(server_pid)
    if sys.stdin.buffer.read():
        return
    with contextlib.suppress(ProcessLookupError):  # it was the server that died first
        signal.pidfd_send_signal(server, signal.SIGTERM)


if __name__ == "__main__":
    watch(int(sys.argv[1]))
