"""Pictures handed to Triton in memory that both of them see, where client and server share a host.

A picture lies in a region of its own, for as long as a question about it is asked. A region goes to the next picture
only after a good answer: then the server has read it. After any other end the server may still be reading, or may have
been started afresh and know of no region, so that all of them are given back and new ones are made.
"""

import asyncio
import os
import struct
import uuid
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from multiprocessing.shared_memory import SharedMemory
from pathlib import Path
from time import monotonic
from typing import Any, Protocol

import structlog

MIN_IMAGE_BYTES = 128 * 2**10
"""Smaller pictures travel in the message: there is next to nothing to gain."""
REFUSED_S = 60.0
"""How long after the server refused a region no other one is offered."""
_LENGTH = struct.Struct("<I")
"""How Triton lays out a text: its length before it."""
_PREFIX = "justlens-image-"
_FILES = Path("/dev/shm")  # noqa: S108  # where Linux keeps the memory that shm_open names
_CALL_TIMEOUT_S = 2.0
_LOOK_AGAIN_S = 0.1
_CLOSE_S = 3.0
log = structlog.get_logger(__name__)


class RegionKeeper(Protocol):
    """The calls of tritonclient that are about regions. Each raises when the server refuses, or does not answer."""

    async def register_system_shared_memory(self, name: str, key: str, byte_size: int, **options: Any) -> None: ...

    async def unregister_system_shared_memory(self, name: str, **options: Any) -> None: ...

    async def get_system_shared_memory_status(self, **options: Any) -> Any: ...


@dataclass(frozen=True, slots=True)
class Held:
    """The region ``name`` holds an input of ``byte_size`` bytes."""

    name: str
    byte_size: int


class SharedImages:
    """At most ``most_bytes`` of memory at a time. What finds no room, or is small, is to travel in the message."""

    def __init__(self, server: RegionKeeper, most_bytes: int) -> None:
        self._server = server
        self._most_bytes = most_bytes
        self._bytes = 0
        self._free: list[SharedMemory] = []
        self._leaving: set[asyncio.Task[None]] = set()
        self._not_before = 0.0
        self._swept = False

    @asynccontextmanager
    async def holding(self, image: bytes) -> AsyncIterator[Held | None]:
        """While one question is asked: where ``image`` is, None when it is to travel in the message."""
        needed = _LENGTH.size + len(image)
        region = await self._region(needed) if self._most_bytes and len(image) >= MIN_IMAGE_BYTES else None
        if region is None:
            yield None
            return
        try:
            await asyncio.to_thread(_write, region, image)
            yield Held(region.name, needed)
        except BaseException:
            self._give_back([region, *self._free])
            self._free = []
            raise
        self._free.append(region)

    async def close(self) -> None:
        """Give back every region; waits a few seconds for the server to let go of them."""
        self._give_back(self._free)
        self._free = []
        if self._leaving:
            _, late = await asyncio.wait(self._leaving, timeout=_CLOSE_S)
            for task in late:
                task.cancel()
            await asyncio.gather(*late, return_exceptions=True)

    async def _region(self, needed: int) -> SharedMemory | None:
        fitting = [region for region in self._free if region.size >= needed]
        if fitting:
            region = min(fitting, key=lambda one: one.size)
            self._free.remove(region)
            return region
        size = 1 << (needed - 1).bit_length()
        if self._bytes + size > self._most_bytes:
            self._give_back(self._free)  # all of them too small; room for the next one
            self._free = []
            return None
        return None if monotonic() < self._not_before else await self._made(size)

    async def _made(self, size: int) -> SharedMemory | None:
        self._bytes += size
        region: SharedMemory | None = None
        try:
            region = await asyncio.to_thread(_allocated, size)
            if not self._swept:
                await self._sweep()
            await self._server.register_system_shared_memory(
                region.name, region.name, region.size, client_timeout=_CALL_TIMEOUT_S
            )
        except BaseException as error:
            if region is None:
                self._bytes -= size
            else:
                self._give_back([region])
            if not isinstance(error, Exception):
                raise
            self._not_before = monotonic() + REFUSED_S
            log.warning("no shared memory with triton; pictures travel in messages", error=str(error))
            return None
        return region

    async def _sweep(self) -> None:
        """Make the server forget regions of clients that were killed: their memory has no name any more."""
        known = await self._server.get_system_shared_memory_status(client_timeout=_CALL_TIMEOUT_S)
        for name in known.regions:
            if name.startswith(_PREFIX) and not (_FILES / name).exists():
                with suppress(Exception):  # somebody else's that is being read to its end
                    await self._server.unregister_system_shared_memory(name, client_timeout=_CALL_TIMEOUT_S)
        self._swept = True

    def _give_back(self, regions: Iterable[SharedMemory]) -> None:
        for region in regions:
            with suppress(FileNotFoundError):  # somebody tidied up
                region.unlink()
            task = asyncio.create_task(self._leave(region))
            self._leaving.add(task)
            task.add_done_callback(self._leaving.discard)

    async def _leave(self, region: SharedMemory) -> None:
        """Until nobody has ``region`` any more. The server refuses to forget one that it is still reading."""
        name, size = region.name, region.size
        while True:
            try:
                region.close()
                await self._server.unregister_system_shared_memory(name, client_timeout=_CALL_TIMEOUT_S)
                break
            except Exception as error:
                # BufferError: a thread whose caller is gone still writes to it.
                if not isinstance(error, BufferError) and "in use" not in str(error):
                    break  # the server is away, and with it what it knew
            await asyncio.sleep(_LOOK_AGAIN_S)
        self._bytes -= size


def _allocated(size: int) -> SharedMemory:
    """A new region whose memory is there: to write to one that only promises it may end the process. Raises OSError."""
    region = SharedMemory(f"{_PREFIX}{uuid.uuid4().hex}", create=True, size=size)
    try:
        with (_FILES / region.name).open("r+b") as file:
            os.posix_fallocate(file.fileno(), 0, size)
    except OSError:
        region.close()
        region.unlink()
        raise
    return region


def _write(region: SharedMemory, image: bytes) -> None:
    memory: Any = region.buf
    _LENGTH.pack_into(memory, 0, len(image))
    memory[_LENGTH.size : _LENGTH.size + len(image)] = image
