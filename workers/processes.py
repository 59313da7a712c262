"""Child processes that do not outlive whoever started them."""

import ctypes
import os
import signal
import threading
import time

_POLL_S = 0.5
_PR_SET_PDEATHSIG = 1
"""Of linux/prctl.h."""


def exit_with_parent(parent_pid: int) -> None:
    """End this process at once, within half a second, when ``parent_pid`` is no longer its parent.

    The kernel's own way, see ``end_with_starter``, would kill the children of a thread pool too early, so the parent
    is watched instead. There is nobody left to answer, so nothing is drained.
    """
    threading.Thread(target=_watch, args=(parent_pid,), name="parent-watch", daemon=True).start()


def end_with_starter(parent_pid: int) -> None:
    """Have the kernel end this process at the very moment when the *thread* that started it ends.

    That works also while a library holds Python's lock, which ``exit_with_parent`` waits for. It is for children of
    a thread that lives as long as they are to live.
    """
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent_pid:  # it was too late
        os._exit(1)


def _watch(parent_pid: int) -> None:
    while os.getppid() == parent_pid:
        time.sleep(_POLL_S)
    os._exit(1)
