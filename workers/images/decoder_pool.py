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
from concurrent.futures import Future, ThreadPoolExecutor, wait
from queue import SimpleQueue
from threading import Lock
from typing import Any, TypeVar

from pebble import ProcessExpired, ProcessPool

from workers.errors import Refused
from workers.images.decoder_process import DecodeLimits, Work, do_work, ping, prepare
from workers.images.shared_buffer import Blob

T = TypeVar("T")

_START_TIMEOUT_S = 60.0
_GRACE_S = 10.0
_RETRY_START_S = 1.0
_LOOK_S = 0.25


class DecoderBug(Exception):
    """The function that ran in the decoder raised what it should not: our bug, with the child's traceback."""


class _Died(Exception):
    """The decoder ended before it answered: by this picture's fault, or by an accident."""


class _Closed(Exception):
    """The pool was stopped."""


class DecoderPool:
    """``count`` decoder processes. ``on_restart`` is called, in a thread, whenever one had to be replaced."""

    def __init__(self, count: int, limits: DecodeLimits, on_restart: Callable[[], None] = lambda: None) -> None:
        self.limits = limits
        self._count = count
        self._on_restart = on_restart
        self._threads = ThreadPoolExecutor(count, thread_name_prefix="decoder")
        self._starters = ThreadPoolExecutor(count, thread_name_prefix="decoder-start")
        self._free: SimpleQueue[ProcessPool] = SimpleQueue()
        self._lock = Lock()
        self._alive: set[ProcessPool] = set()
        self._closed = False
        self._preload: tuple[Work[Any], ...] = ()

    async def start(self, *preload: Work[Any]) -> None:
        """Start every decoder; returns when all of them have answered. The modules of the ``preload`` functions are
        imported by then, so that the first picture does not pay for it."""
        self._preload = preload
        loop = asyncio.get_running_loop()
        await asyncio.gather(*(loop.run_in_executor(self._starters, self._add) for _ in range(self._count)))

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
        for threads in (self._threads, self._starters):
            threads.shutdown(wait=False, cancel_futures=True)

    def _run(self, work: Work[T], body: bytes, args: tuple[object, ...]) -> tuple[T, bytes]:
        decoder = self._free.get()
        answered = False
        try:
            with Blob(body) as inbox, Blob() as outbox:
                task = (work, inbox.path, outbox.path, args)
                try:
                    outcome = self._call(decoder, *task)
                except _Died:  # one death may be an accident: a fresh decoder takes the picture once more
                    decoder = self._renewed(decoder)
                    outcome = self._call(decoder, *task)
                answered = True
                value: T = _value(outcome)
                return value, outbox.read()
        except _Died as error:
            raise Refused("decoder_died", f"two decoders in a row died of this picture ({error})") from error
        finally:
            if answered:
                self._free.put(decoder)
            else:
                self._replace(decoder)

    def _call(self, decoder: ProcessPool, *task: object) -> tuple[str, Any]:
        limit_s = self.limits.timeout_s
        try:
            future = decoder.schedule(do_work, args=task, timeout=limit_s)
            # pebble stops the child at the limit; the second limit is for a child that died with pebble's locks.
            outcome: tuple[str, Any] = _result(decoder, future, limit_s + _GRACE_S)
            return outcome
        except TimeoutError as error:
            raise Refused("decode_timeout", f"took longer than {limit_s:g} s") from error
        except ProcessExpired as error:
            raise _Died(f"exit code {error.exitcode}") from error
        except RuntimeError as error:  # pebble's word for a pool whose process died while idle
            raise _Died("before it began") from error

    def _replace(self, decoder: ProcessPool) -> None:
        """In another thread, so that the caller has its answer at once; and not in one of those that wait for a free
        decoder: with as many pictures waiting as there are threads, none would be left to bring one."""
        with contextlib.suppress(RuntimeError):  # stopped meanwhile
            self._starters.submit(self._add, decoder)

    def _add(self, old: ProcessPool | None = None) -> None:
        with contextlib.suppress(_Closed):
            self._free.put(self._start() if old is None else self._renewed(old))

    def _renewed(self, old: ProcessPool) -> ProcessPool:
        with self._lock:
            self._alive.discard(old)
        self._on_restart()
        _end(old)
        return self._start()

    def _start(self) -> ProcessPool:
        """A decoder that has answered, however many tries that takes. Raises _Closed when the pool is stopped."""
        while not self._closed:
            decoder = ProcessPool(
                max_workers=1,
                context=multiprocessing.get_context("spawn"),
                initializer=prepare,
                initargs=(os.getpid(), self.limits),
            )
            try:
                future = decoder.schedule(ping, args=self._preload, timeout=_START_TIMEOUT_S)
                _result(decoder, future, _START_TIMEOUT_S)
            except (RuntimeError, OSError):
                _end(decoder)
                time.sleep(_RETRY_START_S)
                continue
            with self._lock:
                if not self._closed:
                    self._alive.add(decoder)
                    return decoder
            _end(decoder)
        raise _Closed

    def _stop_all(self) -> None:
        with self._lock:
            self._closed = True
            decoders, self._alive = self._alive, set()
        for decoder in decoders:
            _end(decoder)


def _value(answer: tuple[str, Any]) -> Any:
    kind, value = answer
    if kind == "refused":
        raise Refused(*value)
    if kind == "bug":
        raise DecoderBug(value)
    return value


def _result(decoder: ProcessPool, future: Future[Any], limit_s: float) -> Any:
    """The future's result. Raises RuntimeError when the pool broke just before it took the task: pebble forgets such
    a task without a word. Raises TimeoutError after ``limit_s`` seconds."""
    give_up = time.monotonic() + limit_s
    while not wait([future], _LOOK_S).done:
        if not decoder.active and not future.done():
            raise RuntimeError("the pool broke")
        if time.monotonic() > give_up:
            raise TimeoutError
    return future.result()


def _end(decoder: ProcessPool) -> None:
    decoder.stop()  # type: ignore[no-untyped-call]
    decoder.join()
