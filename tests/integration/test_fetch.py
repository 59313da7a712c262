"""Downloads from real servers on loopback: what is fetched, what is refused, and that nothing of ours is reached."""

import asyncio
import gzip
import json
import os
import socket
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from time import monotonic
from typing import Any

import pytest
from aiohttp import web
from aiohttp.abc import AbstractResolver, ResolveResult
from yarl import URL

from orchestrator.clients.fetch import FetchLimits, SafeFetcher, next_hop
from orchestrator.domain.errors import JobError, JobFailed, JobRefused, Unavailable
from orchestrator.domain.pictures import Picture

LIMITS = FetchLimits(max_bytes=64 * 1024, timeout_s=1.0, max_redirects=5, first_byte_timeout_s=0.4)
LOOPBACK = ("127.0.0.0/8", "::1/128")
Talk = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


class RawServer:
    """Speaks whatever it is told and counts who comes."""

    def __init__(self, talk: Talk, host: str = "127.0.0.1") -> None:
        self.talk = talk
        self.host = host
        self.connections = 0
        self.port = 0

    @property
    def url(self) -> str:
        return f"http://{self.host}:{self.port}"

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        try:
            with suppress(ConnectionError):
                await reader.readuntil(b"\r\n\r\n")
                await self.talk(reader, writer)
        except asyncio.IncompleteReadError:
            pass
        finally:
            writer.close()

    @asynccontextmanager
    async def running(self, port: int = 0) -> AsyncIterator["RawServer"]:
        server = await asyncio.start_server(self._serve, self.host, port)
        self.port = server.sockets[0].getsockname()[1]
        try:
            yield self
        finally:
            server.close()
            await server.wait_closed()


def says(answer: bytes) -> Talk:
    async def talk(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(answer)
        await writer.drain()

    return talk


def redirect_to(url: str) -> bytes:
    return f"HTTP/1.1 302 Found\r\nLocation: {url}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n".encode()


PICTURE = b"HTTP/1.1 200 OK\r\nContent-Type: image/png\r\nContent-Length: 4\r\n\r\n\x89PNG"


async def _echo(request: web.Request) -> web.Response:
    return web.json_response({**request.headers, "path": request.path_qs})


async def _status(request: web.Request) -> web.Response:
    return web.Response(status=int(request.match_info["status"]), body=b"" if request.query else b"sorry")


async def _redirects(request: web.Request) -> web.Response:
    left = int(request.match_info["left"])
    target = f"/redirects/{left - 1}" if left > 1 else "/picture"
    return web.Response(status=302, headers={"Location": target})


async def _location(request: web.Request) -> web.Response:
    return web.Response(status=307, headers={"Location": request.query["to"]})


async def _body(request: web.Request) -> web.Response:
    return web.Response(body=b"x" * int(request.query["n"]), content_type="image/webp")


async def _gzip(request: web.Request) -> web.Response:
    return web.Response(body=gzip.compress(b"x" * 10**6), headers={"Content-Encoding": "gzip"})


async def _picture(request: web.Request) -> web.Response:
    return web.Response(body=b"\xff\xd8\xff picture", content_type="image/jpeg")


@pytest.fixture
async def site() -> AsyncIterator[str]:
    """A well-behaved site."""
    app = web.Application()
    app.add_routes(
        [
            web.get("/picture", _picture),
            web.get("/echo", _echo),
            web.get("/status/{status}", _status),
            web.get("/redirects/{left}", _redirects),
            web.get("/location", _location),
            web.get("/body", _body),
            web.get("/gzip", _gzip),
        ]
    )
    runner = web.AppRunner(app)
    await runner.setup()
    web_site = web.TCPSite(runner, "127.0.0.1", 0)
    await web_site.start()
    yield f"http://127.0.0.1:{runner.addresses[0][1]}"
    await runner.cleanup()


@asynccontextmanager
async def fetching(**options: Any) -> AsyncIterator[SafeFetcher]:
    fetcher = SafeFetcher(options.pop("limits", LIMITS), **{"allow_networks": LOOPBACK, **options})
    try:
        yield fetcher
    finally:
        await fetcher.close()


@pytest.fixture
async def fetcher() -> AsyncIterator[SafeFetcher]:
    async with fetching() as made:
        yield made


async def failure(fetcher: SafeFetcher, url: str) -> JobError:
    with pytest.raises(JobError) as caught:
        await fetcher.fetch(url)
    return caught.value


async def test_a_picture_comes_with_its_bytes_and_claimed_type(fetcher: SafeFetcher, site: str) -> None:
    assert await fetcher.fetch(f"{site}/picture") == Picture(b"\xff\xd8\xff picture", "image/jpeg")


async def test_requests_say_who_asks_and_ask_for_plain_bytes(fetcher: SafeFetcher, site: str) -> None:
    echo = (await fetcher.fetch(f"{site}/echo")).body.decode()

    assert '"User-Agent": "JustLens/' in echo
    assert '"Accept-Encoding": "identity"' in echo


@pytest.mark.parametrize(
    ("written", "sent"),
    [
        ("/echo?sig=a%2Fb%3d+c&x", "/echo?sig=a%2Fb%3d+c&x"),
        ("/echo?a/../%7e", "/echo?a/../%7e"),
        ("/echo?q=ä b", "/echo?q=%C3%A4+b"),
        ("/echo?q=a\r\nX-Injected: 1", "/echo?q=a"),
        ("/echo#fragment", "/echo"),
    ],
)
async def test_a_url_is_sent_as_it_was_signed(fetcher: SafeFetcher, site: str, written: str, sent: str) -> None:
    echo = json.loads((await fetcher.fetch(site + written)).body)

    assert echo["path"].startswith(sent)
    assert "X-Injected" not in echo


async def test_a_scheme_may_be_written_in_capitals(fetcher: SafeFetcher, site: str) -> None:
    assert (await fetcher.fetch(f"HTTP{site.removeprefix('http')}/picture")).content_type == "image/jpeg"


async def test_the_environment_names_no_proxy(fetcher: SafeFetcher, site: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:9")

    assert (await fetcher.fetch(f"{site}/picture")).content_type == "image/jpeg"


@pytest.mark.parametrize(
    ("status", "error", "code"),
    [
        *((status, JobRefused, "source_gone") for status in (404, 410)),
        *((status, JobRefused, "source_refused") for status in (204, 206, 304, 400, 401, 403, 406, 418, 451)),
        *((status, JobFailed, "source_unavailable") for status in (408, 425, 429, 500, 502, 503, 504)),
    ],
)
async def test_a_status_says_whether_trying_again_may_help(
    fetcher: SafeFetcher, site: str, status: int, error: type[JobError], code: str
) -> None:
    caught = await failure(fetcher, f"{site}/status/{status}")

    assert (type(caught), caught.reason.code) == (error, code)


@pytest.mark.parametrize(
    "url",
    [
        "http://127.0.0.1:{port}/",
        "http://localhost:{port}/",
        "http://127.1:{port}/",
        "http://0x7f000001:{port}/",
        "http://2130706433:{port}/",
        "http://017700000001:{port}/",
        "http://0:{port}/",
        "http://0.0.0.0:{port}/",
        "http://127.0.0.1.:{port}/",
        "http://[::ffff:127.0.0.1]:{port}/",
        "http://[::ffff:7f00:1]:{port}/",
        "http://①②⑦.0.0.1:{port}/",
        "http://127。0。0。1:{port}/",
        "http://%31%32%37.0.0.1:{port}/",
        "http://LOCALHOST:{port}/",
        "http:\\\\127.0.0.1:{port}/",
        "http:///127.0.0.1:{port}/",
        "http://a@127.0.0.1:{port}/",
        "http://a:b@127.0.0.1:{port}/",
        "http://example.org@127.0.0.1:{port}/",
        "http://127.0.0.1:{port}#@example.org/",
    ],
)
async def test_nothing_of_ours_is_reached_without_being_allowed(url: str) -> None:
    async with RawServer(says(PICTURE)).running() as ours, fetching(allow_networks=()) as fetcher:
        await failure(fetcher, url.format(port=ours.port))

        assert ours.connections == 0


async def test_a_blocked_address_is_refused_by_name() -> None:
    async with RawServer(says(PICTURE)).running() as ours, fetching(allow_networks=()) as fetcher:
        caught = await failure(fetcher, f"{ours.url}/?token=s3cret")

        assert isinstance(caught, JobRefused)
        assert caught.reason.code == "address_refused"
        assert "127.0.0.1" in caught.reason.message
        assert "s3cret" not in caught.reason.message


async def test_a_host_whose_every_address_is_blocked_is_refused() -> None:
    resolver = ListResolver([["127.0.0.1", "10.0.0.1", "::1"]])
    async with fetching(allow_networks=(), resolver=resolver) as fetcher:
        caught = await failure(fetcher, "http://pictures.example/")

        assert caught.reason.code == "address_refused"


async def test_redirects_are_followed_up_to_the_limit(fetcher: SafeFetcher, site: str) -> None:
    assert (await fetcher.fetch(f"{site}/redirects/5")).content_type == "image/jpeg"

    for too_many in (6, 11):
        caught = await failure(fetcher, f"{site}/redirects/{too_many}")
        assert (type(caught), caught.reason.code) == (JobRefused, "too_many_redirects")


async def test_a_redirect_loop_ends(fetcher: SafeFetcher) -> None:
    async with RawServer(says(redirect_to("/again"))).running() as loop:
        caught = await failure(fetcher, loop.url)

        assert caught.reason.code == "too_many_redirects"
        assert loop.connections == LIMITS.max_redirects + 1


async def test_a_redirect_without_scheme_keeps_the_scheme(fetcher: SafeFetcher, site: str) -> None:
    target = site.removeprefix("http:") + "/picture"

    assert (await fetcher.fetch(f"{site}/location?to={target}")).content_type == "image/jpeg"


@pytest.mark.parametrize(
    ("target", "code"),
    [
        ("file:///etc/passwd", "redirect_refused"),
        ("ftp://127.0.0.1/a", "redirect_refused"),
        ("gopher://127.0.0.1:6379/_x", "redirect_refused"),
        ("s3://bucket/key", "redirect_refused"),
        ("data:image/png,x", "redirect_refused"),
        ("http://[::1", "redirect_refused"),
        ("http://user:pw@127.0.0.1/", "bad_url"),
    ],
)
async def test_a_redirect_elsewhere_than_to_a_plain_http_url_is_refused(site: str, target: str, code: str) -> None:
    async def read_object(bucket: str, key: str) -> Picture | None:
        return Picture(b"secret", "image/png")

    async with fetching(read_object=read_object, file_root=Path("/")) as fetcher:
        async with RawServer(says(redirect_to(target))).running() as away:
            caught = await failure(fetcher, away.url)

        assert (type(caught), caught.reason.code) == (JobRefused, code)


async def test_a_redirect_to_nowhere_is_refused(fetcher: SafeFetcher, site: str) -> None:
    caught = await failure(fetcher, f"{site}/location?to=")

    assert caught.reason.code == "redirect_refused"


async def test_a_redirect_into_our_networks_reaches_nobody() -> None:
    async with (
        RawServer(says(PICTURE), "127.0.0.1").running() as ours,
        RawServer(says(redirect_to(f"{ours.url}/admin")), "127.0.0.2").running() as public,
        fetching(allow_networks=("127.0.0.2/32",)) as fetcher,
    ):
        caught = await failure(fetcher, public.url)

        assert (public.connections, ours.connections) == (1, 0)
        assert caught.reason.code == "address_refused"


class ListResolver(AbstractResolver):
    """Gives the next list of addresses at every question, whatever the name: a DNS server that changes its mind."""

    def __init__(self, answers: list[list[str]]) -> None:
        self.answers = answers
        self.asked = 0

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET
    ) -> list[ResolveResult]:
        addresses = self.answers[min(self.asked, len(self.answers) - 1)]
        self.asked += 1
        return [
            ResolveResult(
                hostname=host,
                host=address,
                port=port,
                family=socket.AF_INET6 if ":" in address else socket.AF_INET,
                proto=0,
                flags=socket.AI_NUMERICHOST,
            )
            for address in addresses
        ]

    async def close(self) -> None:
        pass


async def test_a_name_that_resolves_to_us_the_second_time_reaches_nobody() -> None:
    resolver = ListResolver([["127.0.0.2"], ["127.0.0.1"]])
    async with RawServer(says(PICTURE), "127.0.0.1").running() as ours:
        answer = redirect_to(f"http://rebind.example:{ours.port}/")
        async with (
            RawServer(says(answer), "127.0.0.2").running() as public,
            fetching(allow_networks=("127.0.0.2/32",), resolver=resolver) as fetcher,
        ):
            caught = await failure(fetcher, f"http://rebind.example:{public.port}/")

            assert (public.connections, ours.connections, resolver.asked) == (1, 0, 2)
            assert caught.reason.code == "address_refused"


async def test_https_does_not_fall_back_to_http() -> None:
    with pytest.raises(JobRefused, match="redirect_refused"):
        next_hop(URL("https://a.example/"), "http://a.example/")
    assert next_hop(URL("http://a.example/"), "https://a.example/b") == URL("https://a.example/b")


async def test_a_body_of_exactly_the_limit_passes_and_one_byte_more_does_not(fetcher: SafeFetcher, site: str) -> None:
    assert len((await fetcher.fetch(f"{site}/body?n={LIMITS.max_bytes}")).body) == LIMITS.max_bytes

    caught = await failure(fetcher, f"{site}/body?n={LIMITS.max_bytes + 1}")
    assert (type(caught), caught.reason.code) == (JobRefused, "too_large")


async def test_an_empty_body_is_refused(fetcher: SafeFetcher, site: str) -> None:
    assert (await failure(fetcher, f"{site}/status/200?empty")).reason.code == "empty"


async def test_an_encoded_body_is_refused_undecoded(fetcher: SafeFetcher, site: str) -> None:
    assert (await failure(fetcher, f"{site}/gzip")).reason.code == "encoded_body"


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


@pytest.mark.parametrize(
    "url",
    [
        "http://",
        "http:///a.jpg",
        "http://[::1/a.jpg",
        "http://[not-an-address]/",
        "http://a..b/",
        f"http://{'a' * 70}.example/",
        "http://127.0.0.1:99999/",
        "http://127.0.0.1:port/",
        "http://127.0.0.1:0/",
        "http://user@127.0.0.1/",
    ],
)
async def test_what_is_no_usable_url_is_refused(fetcher: SafeFetcher, url: str) -> None:
    caught = await failure(fetcher, url)

    assert (type(caught), caught.reason.code) == (JobRefused, "bad_url")


async def test_reasons_and_their_causes_show_no_secrets(fetcher: SafeFetcher, site: str) -> None:
    for url in (f"{site}/status/403?sig=s3cret", "http://a..b/?sig=s3cret", "http://u:s3cret@127.0.0.1/"):
        caught = await failure(fetcher, url)
        assert "s3cret" not in str(caught)
        assert caught.__cause__ is None


async def test_s3_urls_go_through_the_object_store() -> None:
    async def read_object(bucket: str, key: str) -> Picture | None:
        if bucket == "away":
            raise Unavailable("s3")
        return Picture(key.encode() * 2, "image/png") if bucket == "pictures" else None

    async with fetching(read_object=read_object) as fetcher:
        assert await fetcher.fetch("s3://pictures/a/b%20c.png") == Picture(b"a/b c.png" * 2, "image/png")
        assert (await failure(fetcher, "s3://other/a.png")).reason.code == "source_gone"
        assert (await failure(fetcher, f"s3://pictures/{'k' * LIMITS.max_bytes}")).reason.code == "too_large"
        with pytest.raises(Unavailable):
            await fetcher.fetch("s3://away/a.png")


async def test_a_scheme_that_is_not_configured_is_refused(fetcher: SafeFetcher, tmp_path: Path) -> None:
    (tmp_path / "a.png").write_bytes(b"x")
    for url in ("s3://bucket/key", f"file://{tmp_path}/a.png", "ftp://127.0.0.1/a", "javascript:x"):
        caught = await failure(fetcher, url)
        assert (type(caught), caught.reason.code) == (JobRefused, "scheme_refused")


async def test_file_urls_read_regular_files_under_the_root_only(tmp_path: Path) -> None:
    root = tmp_path / "root"
    root.mkdir()
    (root / "a b.png").write_bytes(b"x" * 10)
    (root / "large").write_bytes(b"x" * (LIMITS.max_bytes + 1))
    (root / "empty").touch()
    (tmp_path / "outside").write_bytes(b"secret")
    (root / "link").symlink_to(tmp_path / "outside")
    os.mkfifo(root / "pipe")
    refusals = {
        "link": "file_refused",
        "../outside": "file_refused",
        "%2e%2e/outside": "file_refused",
        "pipe": "file_refused",
        "": "file_refused",
        "a%20b.png/x": "file_refused",
        "gone": "source_gone",
        "large": "too_large",
        "empty": "empty",
        "a%00b": "bad_url",
    }
    async with fetching(file_root=root) as fetcher:
        assert await fetcher.fetch(f"file://{root}/a%20b.png") == Picture(b"x" * 10, "image/png")
        for name, code in refusals.items():
            caught = await failure(fetcher, f"file://{root}/{name}")
            assert (name, type(caught), caught.reason.code) == (name, JobRefused, code)
        assert (await failure(fetcher, f"file://host{root}/a%20b.png")).reason.code == "scheme_refused"
