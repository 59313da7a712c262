"""Bounds: how large, how slow and how broken an answer may be, and what is said of it."""

import asyncio
from time import monotonic

import pytest

from orchestrator.clients.fetch.fetcher import SafeFetcher
from orchestrator.domain.errors import JobFailed, JobRefused
from tests.kit.fetching import LIMITS, failure
from tests.kit.raw_server import PICTURE, RawServer, Talk, says


async def test_a_body_of_exactly_the_limit_passes_and_one_byte_more_does_not(fetcher: SafeFetcher, site: str) -> None:
    assert len((await fetcher.fetch(f"{site}/body?n={LIMITS.max_bytes}")).body) == LIMITS.max_bytes

    caught = await failure(fetcher, f"{site}/body?n={LIMITS.max_bytes + 1}")
    assert (type(caught), caught.reason.code) == (JobRefused, "too_large")


async def test_an_empty_body_is_refused(fetcher: SafeFetcher, site: str) -> None:
    assert (await failure(fetcher, f"{site}/status/200?empty")).reason.code == "empty"


async def test_a_compressed_body_is_unpacked_within_the_limit(fetcher: SafeFetcher, site: str) -> None:
    assert (await failure(fetcher, f"{site}/gzip")).reason.code == "too_large"


async def _endless(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    writer.write(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
    while True:
        writer.write(b"4000\r\n" + b"x" * 0x4000 + b"\r\n")
        await writer.drain()


async def test_an_endless_body_ends_at_the_limit(fetcher: SafeFetcher) -> None:
    async with RawServer(_endless).running() as server:
        caught = await failure(fetcher, server.url)

        assert (type(caught), caught.reason.code) == (JobRefused, "too_large")


async def _one_byte_at_a_time(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n")
    for _i in range(100):
        writer.write(b"x")
        await writer.drain()
        await asyncio.sleep(0.1)


async def _headers_a_byte_at_a_time(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    for byte in b"HTTP/1.1 200 OK\r\nX: " + b"x" * 100:
        writer.write(bytes([byte]))
        await writer.drain()
        await asyncio.sleep(0.1)


async def _silent(reader: asyncio.StreamReader, _: asyncio.StreamWriter) -> None:
    await reader.read()


@pytest.mark.parametrize(
    ("talk", "within_s", "words"),
    [
        (_one_byte_at_a_time, LIMITS.timeout_s, "took too long"),
        (_headers_a_byte_at_a_time, 0.4, "no answer in time"),
        (_silent, 0.4, "no answer in time"),
    ],
)
async def test_a_slow_server_is_left_when_the_time_is_up(
    fetcher: SafeFetcher, talk: Talk, within_s: float, words: str
) -> None:
    async with RawServer(talk).running() as server:
        began = monotonic()
        caught = await failure(fetcher, server.url)

        assert (type(caught), caught.reason.code) == (JobFailed, "source_unavailable")
        assert words in caught.reason.message
        assert within_s * 0.9 <= monotonic() - began < within_s + 2.0


@pytest.mark.parametrize(
    "answer",
    [
        b"",
        b"garbage\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nonly this",
        b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\nConnection: close\r\n\r\nmore than four",
        b"HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\nx",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
        b"HTTP/1.1 200 OK\r\n" + b"".join(b"X-%d: x\r\n" % i for i in range(5000)) + b"\r\n",
        b"HTTP/1.1 200 OK\r\nX: " + b"x" * 100_000 + b"\r\n\r\n",
    ],
    ids=[
        "nothing",
        "garbage",
        "cut short",
        "longer than it says",
        "negative length",
        "broken chunks",
        "many headers",
        "long header",
    ],
)
async def test_a_broken_answer_may_be_better_next_time(fetcher: SafeFetcher, answer: bytes) -> None:
    async with RawServer(says(answer)).running() as server:
        caught = await failure(fetcher, f"{server.url}/?sig=s3cret")

        assert (type(caught), caught.reason.code) == (JobFailed, "source_unavailable")
        assert "s3cret" not in str(caught)
        assert caught.__cause__ is None


async def test_a_declared_length_over_the_limit_is_believed_without_reading(fetcher: SafeFetcher) -> None:
    async with RawServer(says(b"HTTP/1.1 200 OK\r\nContent-Length: 99999999999\r\n\r\n")).running() as server:
        assert (await failure(fetcher, server.url)).reason.code == "too_large"


async def test_nobody_listening_may_be_somebody_next_time(fetcher: SafeFetcher) -> None:
    async with RawServer(says(PICTURE)).running() as gone:
        pass

    caught = await failure(fetcher, gone.url)
    assert (type(caught), caught.reason.code) == (JobFailed, "source_unavailable")


async def test_a_name_that_does_not_resolve_may_do_so_next_time(fetcher: SafeFetcher) -> None:
    caught = await failure(fetcher, "http://no-such-host.invalid/a.jpg?token=s3cret")

    assert (type(caught), caught.reason.code) == (JobFailed, "source_unavailable")
    assert "s3cret" not in str(caught)
