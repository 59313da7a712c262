"""What a decoder process is given to run in tests."""

import os
import re
import time

from workers.errors import Refused


def echo(body: bytes, suffix: bytes) -> tuple[int, bytes]:
    return os.getpid(), body + suffix


def sleep_for_ever(_body: bytes) -> tuple[None, bytes]:
    time.sleep(600)
    return None, b""


def die(_body: bytes, number: int) -> tuple[None, bytes]:
    os.kill(os.getpid(), number)
    return None, b""


def eat_memory(_body: bytes, size: int) -> tuple[int, bytes]:
    return len(bytearray(size)), b""


def bug(_body: bytes) -> tuple[None, bytes]:
    raise KeyError("ours")


def refuse(_body: bytes) -> tuple[None, bytes]:
    raise Refused("corrupt", "for a test")


def hold_the_lock(_body: bytes) -> tuple[None, bytes]:
    """Compute for ever in a library that never lets go of Python's lock."""
    re.match("(a*)*b", "a" * 60)
    return None, b""
