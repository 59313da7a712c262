"""The pool of decoder processes: the only place where bytes from outside meet a codec.

Decoders are spawned, never forked (a forked child would inherit the state of CUDA and of every thread), and live on
from picture to picture. Each one is a pebble pool of a single process: in a pebble pool of several, they share pipes
and locks, a process that is killed while it holds one takes its neighbours along, and an idle one that dies breaks
the pool. A decoder that died or was stopped is thrown away whole and replaced.
"""

import asyncio
import contextlib
import multiprocessing
import os
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from queue import SimpleQueue
from threading import Lock
from typing import Any, TypeVar

from pebble import ProcessExpired, ProcessPool

from workers.blobs import Blob
from workers.decoder_child import DecodeLimits, Work, do_work, ping, prepare
from workers.errors import Refused

T = TypeVar("T")

_START_TIMEOUT_S = 60.0
_GRACE_S = 10.0
_RETRY_START_S = 1.0


class DecoderBug(Exception):
    """The function that ran in the decoder raised what it should not: our bug, with the child's traceback."""


class _NotStarted(Exception):
    """The decoder was found dead before it took the work."""


class DecoderPool:
    """``count`` decoder processes. ``on_restart`` is called, in a thread, whenever one had to be replaced."""

    def __init__(self, count: int, limits: DecodeLimits, on_restart: Callable[[], None] = lambda: None) -> None:
        self.limits = limits
        self._count = count
        self._on_restart = on_restart
        self._threads = ThreadPoolExecutor(count, thread_name_prefix="decoder")
        self._free: SimpleQueue[ProcessPool] = SimpleQueue()
        self._lock = Lock()
        self._alive: set[ProcessPool] = set()
        self._closed = False

    async def start(self) -> None:
        """Start every decoder; returns when all of them have answered."""
        loop = asyncio.get_running_loop()
        await asyncio.gather(*(loop.run_in_executor(self._threads, self._add) for _ in range(self._count)))

    @property
    def answering(self) -> bool:
        """Whether at least one decoder is there to take work."""
        return bool(self._alive)

    async def run(self, work: Work[T], body: bytes, *args: object) -> tuple[T, bytes]:
        """``work(body, *args)`` in a decoder. Of the pair it returns, the first is small, the second may be large.

        Raises what ``work`` refuses, Refused (decode_timeout, decode_memory, decoder_died), or DecoderBug. A caller
        that is cancelled while it waits for a free decoder gives its place back; work that has begun is finished.
        """
        return await asyncio.get_running_loop().run_in_executor(self._threads, self._run, work, body, args)

    async def stop(self) -> None:
        """End every decoder, whatever it is doing."""
        await asyncio.to_thread(self._stop_all)
        self._threads.shutdown(wait=False, cancel_futures=True)

    def _run(self, work: Work[T], body: bytes, args: tuple[object, ...]) -> tuple[T, bytes]:
        with Blob(body) as inbox, Blob() as outbox:
            try:
                return self._hand_over(work, inbox, outbox, args), outbox.read()
            except _NotStarted:  # nothing was lost: a fresh decoder takes it
                try:
                    return self._hand_over(work, inbox, outbox, args), outbox.read()
                except _NotStarted as error:
                    raise Refused("decoder_died", "two decoders died as they took this picture") from error

    def _hand_over(self, work: Work[T], inbox: Blob, outbox: Blob, args: tuple[object, ...]) -> T:
        decoder = self._free.get()
        usable = False
        try:
            value: T = _outcome(self._call(decoder, work, inbox.path, outbox.path, args))
            usable = True
            return value
        except (Refused, DecoderBug) as error:
            usable = isinstance(error, DecoderBug) or error.code not in ("decode_timeout", "decoder_died")
            raise
        finally:
            if usable:
                self._free.put(decoder)
            else:
                self._replace(decoder)

    def _call(self, decoder: ProcessPool, *task: object) -> tuple[str, Any]:
        limit_s = self.limits.timeout_s
        try:
            # pebble stops the child at the limit; the second timeout is for a child that died with pebble's locks.
            outcome: tuple[str, Any] = decoder.schedule(do_work, args=task, timeout=limit_s).result(limit_s + _GRACE_S)
            return outcome
        except TimeoutError as error:
            raise Refused("decode_timeout", f"took longer than {limit_s:g} s") from error
        except ProcessExpired as error:
            raise Refused("decoder_died", f"the decoder died of this picture (exit code {error.exitcode})") from error
        except RuntimeError as error:  # pebble's word for a pool whose process died while idle
            raise _NotStarted from error

    def _replace(self, decoder: ProcessPool) -> None:
        with self._lock:
            self._alive.discard(decoder)
        if self._closed:
            return
        self._on_restart()
        with contextlib.suppress(RuntimeError):  # stopped meanwhile
            self._threads.submit(self._renew, decoder)

    def _renew(self, decoder: ProcessPool) -> None:
        _end(decoder)
        self._add()

    def _add(self) -> None:
        """Start a decoder and hear it answer, however often that takes. This thread has nothing else to do until then,
        there are as many threads as decoders."""
        while not self._closed:
            decoder = ProcessPool(
                max_workers=1,
                context=multiprocessing.get_context("spawn"),
                initializer=prepare,
                initargs=(os.getpid(), self.limits),
            )
            try:
                decoder.schedule(ping, timeout=_START_TIMEOUT_S).result(_START_TIMEOUT_S)
            except (RuntimeError, OSError):
                _end(decoder)
                time.sleep(_RETRY_START_S)
                continue
            with self._lock:
                if not self._closed:
                    self._alive.add(decoder)
                    self._free.put(decoder)
                    return
            _end(decoder)

    def _stop_all(self) -> None:
        with self._lock:
            self._closed = True
            decoders, self._alive = self._alive, set()
        for decoder in decoders:
            _end(decoder)


def _outcome(answer: tuple[str, Any]) -> Any:
    kind, value = answer
    if kind == "refused":
        raise Refused(*value)
    if kind == "bug":
        raise DecoderBug(value)
    return value


def _end(decoder: ProcessPool) -> None:
    decoder.stop()  # type: ignore[no-untyped-call]
    decoder.join()
