"""From a handler into a batch, and what comes back when that fails."""

from typing import TypeVar

from workers.batching import Batcher, CoreFailed, Full, Stopped
from workers.errors import Busy

I = TypeVar("I")  # noqa: E741
R = TypeVar("R")


async def submit(batcher: Batcher[I, R], item: I, what: str) -> R:
    """The model's result for ``item``, which is ``what`` to people: kind and size.

    Raises Busy when the batcher is full or stopping or the device has no memory left; CoreFailed, with the model's
    own exception as its cause, is a bug.
    """
    try:
        return await batcher.submit(item)
    except Full as error:
        raise Busy("full", str(error)) from error
    except Stopped as error:
        raise Busy("draining", str(error)) from error
    except CoreFailed as error:
        if isinstance(error.__cause__, MemoryError):
            raise Busy("out_of_memory", f"the device has no memory left for {what}") from error
        raise
