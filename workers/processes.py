"""Child processes that do not outlive whoever started them."""

import os
import threading
import time

_POLL_S = 0.5


def exit_with_parent(parent_pid: int) -> None:
    """End this process at once, within half a second, when ``parent_pid`` is no longer its parent.

    The kernel's own PR_SET_PDEATHSIG fires when the *thread* that started the child ends, which kills the children of
    a thread pool too early, so the parent is watched instead. There is nobody left to answer, so nothing is drained.
    """
    threading.Thread(target=_watch, args=(parent_pid,), name="parent-watch", daemon=True).start()


def _watch(parent_pid: int) -> None:
    while os.getppid() == parent_pid:
        time.sleep(_POLL_S)
    os._exit(1)
