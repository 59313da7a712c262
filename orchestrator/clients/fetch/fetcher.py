"""Safe download: whatever a URL from outside leads to, it costs bounded time and memory and reaches nothing of ours."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import aiohttp
from aiohttp.abc import AbstractResolver
from yarl import URL

from orchestrator.clients.fetch.address_filter import guarded_socket_factory
from orchestrator.clients.fetch.content_encoding import TooMuch, unpack_body
from orchestrator.clients.fetch.host_limits import HostLimits
from orchestrator.clients.fetch.local_files import read_picture_file
from orchestrator.clients.fetch.source_answers import REDIRECTS, check_status, explain_transport_error
from orchestrator.clients.fetch.source_urls import next_hop, parse_url, s3_location
from orchestrator.clients.http import TRANSPORT_ERRORS, open_session, retry_after_s
from orchestrator.domain.errors import JobDeferred, JobFailed, JobRefused
from orchestrator.domain.pictures import Picture
from orchestrator.domain.retrying import UPLOAD_ATTEMPTS
from orchestrator.domain.urls import without_secrets

ReadObject = Callable[[str, str], Awaitable[Picture | None]]
"""Bucket and key to the object, or None when there is none. Raises Unavailable."""

ASKED_PAUSE_S = 30.0
"""For how long a host is left alone that says "too many requests" and not when to come again."""
LONGEST_PAUSE_S = 600.0
# What every browser shows is asked for by name, so that a server that negotiates sends no HEIC or AVIF: the workers
# decode them, but the result would be in another format than the original.
_HEADERS = {"Accept": "image/jpeg, image/png, image/webp, */*;q=0.5", "Accept-Encoding": "identity"}
_MAX_HEADER_BYTES = 64 * 1024
"""One header of an answer. Security policies and cookies make some longer than aiohttp allows by itself."""
_NO_TIMEOUT = aiohttp.ClientTimeout()


@dataclass(frozen=True, slots=True)
class FetchLimits:
    """Bounds of one download: bytes of the body, seconds for everything, seconds until a hop's headers, redirects. And
    of all downloads from one host: at once, and begun a second; 0 = no bound."""

    max_bytes: int
    timeout_s: float
    max_redirects: int
    first_byte_timeout_s: float = 5.0
    host_parallel: int = 0
    host_per_second: float = 0.0


class SafeFetcher:
    """Fetcher for http, https, s3 and file URLs. Must be made on the event loop and closed.

    http and https reach public addresses and ``allow_networks`` only, judged on the address that is dialled. Every
    port is allowed: what is public is public on all of its ports. The scheme may not fall from https to http on the
    way. s3 goes through ``read_object``, file through the folder ``file_root``; None refuses that scheme.
    """

    def __init__(
        self,
        limits: FetchLimits,
        *,
        allow_networks: Sequence[str] = (),
        read_object: ReadObject | None = None,
        file_root: Path | None = None,
        resolver: AbstractResolver | None = None,
    ) -> None:
        self._limits = limits
        self._read_object = read_object
        self._file_root = file_root
        self._hosts = HostLimits(limits.host_parallel, limits.host_per_second)
        factory = guarded_socket_factory(allow_networks)
        connector = aiohttp.TCPConnector(socket_factory=factory, resolver=resolver)
        self._session = open_session(connector, max_header_bytes=_MAX_HEADER_BYTES)

    async def close(self) -> None:
        """Close every connection."""
        await self._session.close()

    async def fetch(self, url: str) -> Picture:
        """The bytes behind ``url``.

        Raises JobRefused, JobFailed, JobDeferred when the host asks for time, Unavailable when our object store is
        away.
        """
        try:
            async with asyncio.timeout(self._limits.timeout_s):
                picture = await self._unpacked(await self._read(url), url)
        except TimeoutError:
            raise JobFailed("source_unavailable", f"{without_secrets(url)}: took too long") from None
        if len(picture.body) > self._limits.max_bytes:
            raise self._too_large(url)
        if not picture.body:
            raise JobFailed("empty", f"{without_secrets(url)}: no bytes", max_attempts=UPLOAD_ATTEMPTS)
        return picture

    async def _read(self, url: str) -> Picture:
        location = s3_location(url)
        if location is not None and self._read_object is not None:
            picture = await self._read_object(*location)
            if picture is None:
                raise JobRefused("source_gone", "bucket {}, key {}: no such object".format(*location))
            return picture
        parsed = parse_url(url)
        if parsed.scheme in ("http", "https"):
            return await self._follow(parsed)
        if parsed.scheme == "file" and self._file_root is not None and not parsed.host:
            path = Path(parsed.path)
            return await asyncio.to_thread(read_picture_file, path, self._file_root, self._limits.max_bytes)
        raise JobRefused("scheme_refused", f"{parsed.scheme} URLs are not served here")

    async def _follow(self, url: URL) -> Picture:
        # Of this one fetch: a host may ask for the cookie it has just set. One that is an address may set some, too.
        cookies = aiohttp.CookieJar(unsafe=True)
        for _ in range(self._limits.max_redirects + 1):
            # aiohttp's words quote whole URLs, and a cause's words end up in logs: hence "from None".
            try:
                found = await self._hop(url, cookies)
            except TimeoutError:
                raise JobFailed("source_unavailable", f"{without_secrets(str(url))}: no answer in time") from None
            except TRANSPORT_ERRORS as error:
                raise explain_transport_error(error, url) from None
            except ValueError:
                raise JobRefused("bad_url", f"{without_secrets(str(url))}: no host can have that name") from None
            if isinstance(found, Picture):
                return found
            url = found
        raise JobRefused("too_many_redirects", f"more than {self._limits.max_redirects} redirects")

    async def _hop(self, url: URL, cookies: aiohttp.CookieJar) -> Picture | URL:
        """One request: the picture, or where it redirects to."""
        async with self._hosts.turn(f"{url.host}:{url.port}"):
            async with asyncio.timeout(self._limits.first_byte_timeout_s):
                response = await self._session.get(
                    url,
                    headers=_HEADERS,
                    timeout=_NO_TIMEOUT,
                    allow_redirects=False,
                    cookies=cookies.filter_cookies(url),
                )
            async with response:
                if response.status in REDIRECTS:
                    for cookie in response.cookies.values():
                        cookie["domain"] = ""  # for the very host only: which names belong together nobody here knows
                    cookies.update_cookies(response.cookies, url)
                    return next_hop(url, response.headers.get("Location", ""))
                self._heed_pause(response, url)
                check_status(response.status, url)
                body = await self._read_body(response, url)
        return Picture(body, response.content_type, response.headers.get("Content-Encoding", ""))

    def _heed_pause(self, response: aiohttp.ClientResponse, url: URL) -> None:
        """Raise JobDeferred when the host asks for time, and leave it alone for as long, within LONGEST_PAUSE_S."""
        after = response.headers.get("Retry-After")
        if response.status != 429 and not (response.status == 503 and after):
            return
        date = response.headers.get("Date")
        pause_s = max(1.0, retry_after_s(after, default_s=ASKED_PAUSE_S, cap_s=LONGEST_PAUSE_S, date=date))
        self._hosts.pause(f"{url.host}:{url.port}", pause_s)
        text = f"{without_secrets(str(url))}: status {response.status}, asks for {pause_s:.0f} s"
        raise JobDeferred("source_busy", text, pause_s)

    async def _unpacked(self, picture: Picture, url: str) -> Picture:
        if not picture.content_encoding:
            return picture
        try:
            body = await asyncio.to_thread(unpack_body, picture.body, picture.content_encoding, self._limits.max_bytes)
        except TooMuch:
            raise self._too_large(url) from None
        return Picture(body, picture.content_type)

    async def _read_body(self, response: aiohttp.ClientResponse, url: URL) -> bytes:
        if (response.content_length or 0) > self._limits.max_bytes:
            raise self._too_large(str(url))
        body = bytearray()
        async for chunk in response.content.iter_any():
            body += chunk
            if len(body) > self._limits.max_bytes:
                raise self._too_large(str(url))
        return bytes(body)

    def _too_large(self, url: str) -> JobRefused:
        return JobRefused("too_large", f"{without_secrets(url)}: more than {self._limits.max_bytes} bytes")
