"""Ctrl-C while parts are imported."""

import signal
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def ends_at_once() -> Iterator[None]:
    """Inside, Ctrl-C ends the process as such, with nothing begun that would have to be put in order.

    The exception that it usually raises may come up in a callback of the import system, where Python can but print it:
    Ctrl-C would be lost. Only for the main thread.
    """
    before = signal.signal(signal.SIGINT, signal.SIG_DFL)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)
