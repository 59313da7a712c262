"""What happens inside a decoder process."""

import os
import resource
import signal
import traceback
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from PIL import Image

from workers.errors import Refused
from workers.processes import end_with_starter

T = TypeVar("T")
Work = Callable[..., tuple[T, bytes]]


@dataclass(frozen=True, slots=True)
class DecodeLimits:
    """What one picture may cost. ``memory_bytes`` is address space on top of what an idle decoder has; two
    GiB hold the dearest case, a WebP of max_pixels with alpha that is encoded again."""

    max_pixels: int = 40_000_000
    memory_bytes: int = 2 << 30
    timeout_s: float = 20.0


def prepare(parent_pid: int, limits: DecodeLimits) -> None:
    """Set the limits of this process, once, before the first picture."""
    signal.signal(signal.SIGTERM, signal.SIG_DFL)  # pebble's handler would wait for the codec to return
    end_with_starter(parent_pid)  # a thread of the pool, which is there until all decoders are ended
    warnings.simplefilter("ignore")
    warnings.simplefilter("error", Image.DecompressionBombWarning)
    Image.MAX_IMAGE_PIXELS = limits.max_pixels
    Image.init()  # the plugins are loaded before the limit is set
    os.environ["OPENBLAS_NUM_THREADS"] = "1"  # numpy, if it is loaded, would reserve address space for every core
    pages = int(Path("/proc/self/statm").read_text().split()[0])
    most = pages * resource.getpagesize() + limits.memory_bytes
    resource.setrlimit(resource.RLIMIT_AS, (most, most))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))  # a core file would hold pictures


def ping(*_preload: Work[Any]) -> None:
    """Nothing; that it returns is the answer. To be called with a function, its module had to be imported."""


def do_work(work: Work[Any], inbox: str, outbox: str, args: tuple[object, ...]) -> tuple[str, Any]:
    """``work`` on the content of ``inbox``; its large result goes to ``outbox``, its small one is returned.

    Exceptions become values here, so that whatever pebble raises is about the process and not about the picture.
    """
    try:
        value, data = work(Path(inbox).read_bytes(), *args)
        Path(outbox).write_bytes(data)
    except Refused as error:
        return "refused", (error.code, error.message)
    except MemoryError:
        return "refused", ("decode_memory", "needs more memory than one picture may take")
    except Exception:
        return "bug", traceback.format_exc()
    return "done", value
