"""A TCP proxy that breaks connections on demand, between a client and one upstream port of 127.0.0.1."""

import asyncio
import contextlib
import socket
import struct
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Self

from tests.kit.ports import free_port

_CHUNK_BYTES = 65536
_CHUNKS_ON_THE_WAY = 64


@dataclass(frozen=True, slots=True)
class Mode:
    """What the proxy does to bytes and connections. The methods of FaultProxy name the useful ones."""

    listening: bool = True
    resetting: bool = False
    swallowing: bool = False
    latency_s: float = 0.0
    slice_bytes: int = _CHUNK_BYTES
    pause_s: float = 0.0


class _Link:
    """One client connection and, unless it was accepted into a black hole, its upstream connection."""

    def __init__(self, client: asyncio.StreamWriter) -> None:
        self.writers = [client]
        self.corrupt = False
        self.task: asyncio.Task[None] | None = None

    def reset(self) -> None:
        """Reset both sides."""
        for writer in self.writers:
            reset_connection(writer)


class FaultProxy:
    """``async with FaultProxy(server.port) as proxy`` listens on ``proxy.port``, the same port in every mode.

    It starts passing everything through. Every mode replaces the one before, for new and present connections alike.
    """

    def __init__(self, upstream_port: int) -> None:
        self.upstream_port = upstream_port
        self.port = free_port()
        self.accepted = 0
        self._mode = Mode()
        self._links: set[_Link] = set()
        self._listener: asyncio.Server | None = None

    async def __aenter__(self) -> Self:
        await self._set(Mode())
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._set(Mode(listening=False))

    @property
    def connections(self) -> int:
        """How many client connections are open."""
        return len(self._links)

    async def pass_through(self) -> None:
        """Do no harm."""
        await self._set(Mode())

    async def latency(self, delay_s: float) -> None:
        """Hold every byte back for ``delay_s`` seconds in each direction; the throughput stays."""
        await self._set(Mode(latency_s=delay_s))

    async def down(self) -> None:
        """Refuse new connections and reset present ones, as when the server's machine rebooted."""
        await self._set(Mode(listening=False))

    async def black_hole(self) -> None:
        """Accept everything, deliver nothing, answer nothing, as behind a broken route.

        Connections that lost bytes to the hole, or were opened into it, are reset when the mode changes.
        """
        await self._set(Mode(swallowing=True))

    async def reset(self) -> None:
        """Accept and reset at once; present connections are reset as well."""
        await self._set(Mode(resetting=True))

    async def slicer(self, size_bytes: int = 1, pause_s: float = 0.0) -> None:
        """Deliver in pieces of ``size_bytes``, ``pause_s`` seconds apart: finds readers that trust one read."""
        await self._set(Mode(slice_bytes=size_bytes, pause_s=pause_s))

    async def _set(self, mode: Mode) -> None:
        self._mode = mode
        if self._listener is not None and not mode.listening:
            self._listener.close()
            await self._listener.wait_closed()
            self._listener = None
        doomed = [link for link in self._links if mode.resetting or not mode.listening or self._healed(link)]
        for link in doomed:
            link.reset()
            if link.task is not None:
                link.task.cancel()
        await asyncio.gather(*(link.task for link in doomed if link.task), return_exceptions=True)
        if self._listener is None and mode.listening:
            self._listener = await asyncio.start_server(self._accept, "127.0.0.1", self.port)

    def _healed(self, link: _Link) -> bool:
        return link.corrupt and not self._mode.swallowing

    def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.accepted += 1
        link = _Link(writer)
        if self._mode.resetting or not self._mode.listening:
            link.reset()
        else:
            self._links.add(link)
            link.task = asyncio.create_task(self._serve(link, reader, writer))

    async def _serve(self, link: _Link, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            if self._mode.swallowing:
                link.corrupt = True
                while await reader.read(_CHUNK_BYTES):
                    pass
                await _forever()
            else:
                up_reader, up_writer = await asyncio.open_connection("127.0.0.1", self.upstream_port)
                link.writers.append(up_writer)
                async with asyncio.TaskGroup() as both:
                    both.create_task(self._pump(link, reader, up_writer))
                    both.create_task(self._pump(link, up_reader, writer))
        except* OSError:
            # One side broke off. The other one is told by the reset below, but no news come out of a black hole.
            if self._mode.swallowing:
                link.corrupt = True
                await _forever()
        finally:
            self._links.discard(link)
            link.reset()

    async def _pump(self, link: _Link, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Carry one direction until its end. Reading goes on while earlier chunks wait for their time."""
        waiting: asyncio.Queue[tuple[float, bytes]] = asyncio.Queue(_CHUNKS_ON_THE_WAY)

        async def put(chunk: bytes) -> None:
            await waiting.put((asyncio.get_running_loop().time() + self._mode.latency_s, chunk))

        async with asyncio.TaskGroup() as both:
            both.create_task(self._read(reader, put))
            both.create_task(self._write(link, waiting, writer))

    async def _read(self, reader: asyncio.StreamReader, put: Callable[[bytes], Awaitable[None]]) -> None:
        """Hand every chunk to ``put``, the empty one at the end of the stream included."""
        chunk = b"-"
        while chunk:
            chunk = await reader.read(_CHUNK_BYTES)
            await put(chunk)

    async def _write(
        self, link: _Link, waiting: asyncio.Queue[tuple[float, bytes]], writer: asyncio.StreamWriter
    ) -> None:
        chunk = b"-"
        while chunk:
            due, chunk = await waiting.get()
            await asyncio.sleep(max(0.0, due - asyncio.get_running_loop().time()))
            if self._mode.swallowing:
                link.corrupt = True
                if not chunk:
                    await _forever()  # the end of the stream is lost as well
            elif chunk:
                await self._deliver(chunk, writer)
            else:
                with contextlib.suppress(OSError):
                    writer.write_eof()

    async def _deliver(self, chunk: bytes, writer: asyncio.StreamWriter) -> None:
        while chunk:
            piece, chunk = chunk[: self._mode.slice_bytes], chunk[self._mode.slice_bytes :]
            writer.write(piece)
            await writer.drain()
            # Pieces written back to back would leave in one segment, so the loop gets a turn even without a pause.
            await asyncio.sleep(self._mode.pause_s if chunk else 0)


async def _forever() -> None:
    """Until the link is reset, which cancels its task."""
    await asyncio.Event().wait()


def reset_connection(writer: asyncio.StreamWriter) -> None:
    """Close with RST instead of FIN: what is in the buffers is dropped, the peer sees "connection reset"."""
    sock = writer.get_extra_info("socket")
    if sock is not None and sock.fileno() >= 0:
        # SO_LINGER with time 0 turns the close into a reset, see socket(7).
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    writer.transport.abort()
