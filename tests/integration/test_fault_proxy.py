"""The fault proxy does what each of its modes says, and undoes it."""

import asyncio
from collections.abc import AsyncIterator

import pytest

from tests.kit.faultproxy import FaultProxy, reset_connection
from tests.kit.ports import free_port


class Echo:
    """A server that answers every chunk with itself and counts the chunks and connections it sees."""

    def __init__(self) -> None:
        self.port = free_port()
        self.received = b""
        self.chunks = 0
        self.ended = 0

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while chunk := await reader.read(65536):
                self.received += chunk
                self.chunks += 1
                writer.write(chunk)
                await writer.drain()
        except ConnectionError:
            pass
        finally:
            self.ended += 1
            writer.close()


@pytest.fixture
async def echo() -> AsyncIterator[Echo]:
    server = Echo()
    listener = await asyncio.start_server(server.serve, "127.0.0.1", server.port)
    async with listener:
        yield server


@pytest.fixture
async def proxy(echo: Echo) -> AsyncIterator[FaultProxy]:
    async with FaultProxy(echo.port) as proxy:
        yield proxy


class Client:
    """One connection through the proxy."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader, self.writer = reader, writer

    @classmethod
    async def connect(cls, proxy: FaultProxy) -> "Client":
        return cls(*await asyncio.open_connection("127.0.0.1", proxy.port))

    async def ask(self, text: bytes, timeout_s: float = 5.0) -> bytes:
        self.writer.write(text)
        return await asyncio.wait_for(self.reader.readexactly(len(text)), timeout_s)

    async def close(self) -> None:
        self.writer.transport.abort()
        await asyncio.sleep(0)


@pytest.fixture
async def client(proxy: FaultProxy) -> AsyncIterator[Client]:
    client = await Client.connect(proxy)
    yield client
    await client.close()


async def test_it_passes_everything_through_and_tells_the_end_of_the_stream(client: Client, echo: Echo) -> None:
    text = bytes(range(256)) * 4000
    assert await client.ask(text) == text == echo.received
    client.writer.write_eof()
    assert await asyncio.wait_for(client.reader.read(), 5) == b""


async def test_latency_holds_bytes_back_in_both_directions(proxy: FaultProxy, client: Client) -> None:
    loop = asyncio.get_running_loop()
    await client.ask(b"warm")
    await proxy.latency(0.15)
    began = loop.time()
    await client.ask(b"slow")
    assert loop.time() - began >= 0.3


async def test_down_resets_connections_and_refuses_new_ones_until_it_passes_again(
    proxy: FaultProxy, client: Client, echo: Echo
) -> None:
    await client.ask(b"up")
    await proxy.down()
    with pytest.raises(ConnectionResetError):
        await asyncio.wait_for(client.reader.readexactly(1), 5)
    with pytest.raises(ConnectionRefusedError):
        await Client.connect(proxy)
    await proxy.pass_through()
    again = await Client.connect(proxy)
    assert await again.ask(b"back") == b"back"
    await again.close()
    assert echo.received == b"upback"


async def test_a_black_hole_swallows_bytes_silently_and_resets_who_lost_some(
    proxy: FaultProxy, client: Client, echo: Echo
) -> None:
    await client.ask(b"before")
    await proxy.black_hole()
    newcomer = await Client.connect(proxy)
    for lost in (client, newcomer):
        with pytest.raises(TimeoutError):
            await lost.ask(b"lost", timeout_s=0.2)
    assert echo.received == b"before"
    await proxy.pass_through()
    for lost in (client, newcomer):
        with pytest.raises(ConnectionResetError):
            await asyncio.wait_for(lost.reader.readexactly(1), 5)
    await newcomer.close()


async def test_a_connection_that_was_idle_in_the_black_hole_goes_on_after_it(proxy: FaultProxy, client: Client) -> None:
    await client.ask(b"before")
    await proxy.black_hole()
    await proxy.pass_through()
    assert await client.ask(b"after") == b"after"


@pytest.mark.parametrize("by_reset", [False, True])
async def test_the_upstream_does_not_hear_of_a_client_that_breaks_off_in_the_black_hole(
    proxy: FaultProxy, client: Client, echo: Echo, by_reset: bool
) -> None:
    await client.ask(b"before")
    await proxy.black_hole()
    if by_reset:
        reset_connection(client.writer)
    await client.close()
    await asyncio.sleep(0.2)
    assert echo.ended == 0
    await proxy.pass_through()
    async with asyncio.timeout(5):
        while echo.ended == 0:
            await asyncio.sleep(0.01)


async def test_reset_breaks_present_and_new_connections(proxy: FaultProxy, client: Client) -> None:
    await client.ask(b"up")
    await proxy.reset()
    newcomer = await Client.connect(proxy)
    for broken in (client, newcomer):
        with pytest.raises(ConnectionResetError):
            await asyncio.wait_for(broken.reader.readexactly(1), 5)
    await newcomer.close()


async def test_the_slicer_delivers_the_same_bytes_in_small_pieces(
    proxy: FaultProxy, client: Client, echo: Echo
) -> None:
    await proxy.slicer(3, pause_s=0.01)
    assert await client.ask(b"0123456789") == b"0123456789"
    assert echo.received == b"0123456789"
    assert echo.chunks >= 3


async def test_nothing_is_left_open_when_the_proxy_ends(echo: Echo) -> None:
    async with FaultProxy(echo.port) as proxy:
        client = await Client.connect(proxy)
        await client.ask(b"up")
        assert proxy.connections == 1 and proxy.accepted == 1
    assert proxy.connections == 0
    with pytest.raises(ConnectionRefusedError):
        await Client.connect(proxy)
    await client.close()
