"""Safe download: whatever a URL from outside leads to, it costs bounded time and memory and reaches nothing of ours."""

import asyncio
import re
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import aiohttp
from aiohttp.abc import AbstractResolver
from yarl import URL

from orchestrator.clients.addresses import AddressRefused, guarded_socket_factory
from orchestrator.clients.files import read_picture_file
from orchestrator.clients.http import TRANSPORT_ERRORS, fault_of, open_session
from orchestrator.domain.errors import JobFailed, JobRefused
from orchestrator.domain.pictures import Picture
from orchestrator.domain.urls import without_secrets

ReadObject = Callable[[str, str], Awaitable[Picture | None]]
"""Bucket and key to the object, or None when there is none. Raises Unavailable."""

REDIRECTS = frozenset({301, 302, 303, 307, 308})
TEMPORARY = frozenset({408, 425, 429})
# Only what the workers decode is asked for by name, so that a server that negotiates sends no AVIF.
_HEADERS = {"Accept": "image/jpeg, image/png, image/webp, */*;q=0.5", "Accept-Encoding": "identity"}
_URL_CHARACTERS = re.compile(r"[A-Za-z0-9._~:/?#\[\]@!$&'()*+,;=%-]+")  # RFC 3986, section 2
_NO_TIMEOUT = aiohttp.ClientTimeout()


@dataclass(frozen=True, slots=True)
class FetchLimits:
    """Bounds of one download: bytes of the body, seconds for everything, seconds until a hop's headers, redirects."""

    max_bytes: int
    timeout_s: float
    max_redirects: int
    first_byte_timeout_s: float = 5.0


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
        factory = guarded_socket_factory(allow_networks)
        self._session = open_session(aiohttp.TCPConnector(socket_factory=factory, resolver=resolver))

    async def close(self) -> None:
        """Close every connection."""
        await self._session.close()

    async def fetch(self, url: str) -> Picture:
        """The bytes behind ``url``. Raises JobRefused, JobFailed, and Unavailable when our object store is away."""
        start = _parse(url)
        try:
            async with asyncio.timeout(self._limits.timeout_s):
                picture = await self._read(start)
        except TimeoutError:
            raise JobFailed("source_unavailable", f"{without_secrets(url)}: took too long") from None
        if len(picture.body) > self._limits.max_bytes:
            raise self._too_large(url)
        if not picture.body:
            raise JobRefused("empty", f"{without_secrets(url)}: no bytes")
        return picture

    async def _read(self, url: URL) -> Picture:
        if url.scheme in ("http", "https"):
            return await self._follow(url)
        if url.scheme == "s3" and self._read_object is not None:
            picture = await self._read_object(url.host or "", url.path.removeprefix("/"))
            if picture is None:
                raise JobRefused("source_gone", f"{without_secrets(str(url))}: no such object")
            return picture
        if url.scheme == "file" and self._file_root is not None and not url.host:
            return await asyncio.to_thread(read_picture_file, Path(url.path), self._file_root, self._limits.max_bytes)
        raise JobRefused("scheme_refused", f"{url.scheme} URLs are not served here")

    async def _follow(self, url: URL) -> Picture:
        for _ in range(self._limits.max_redirects + 1):
            # aiohttp's words quote whole URLs, and a cause's words end up in logs: hence "from None".
            try:
                found = await self._hop(url)
            except TimeoutError:
                raise JobFailed("source_unavailable", f"{without_secrets(str(url))}: no answer in time") from None
            except TRANSPORT_ERRORS as error:
                raise _refusal_or_failure(error, url) from None
            except ValueError:
                raise JobRefused("bad_url", f"{without_secrets(str(url))}: no host can have that name") from None
            if isinstance(found, Picture):
                return found
            url = found
        raise JobRefused("too_many_redirects", f"more than {self._limits.max_redirects} redirects")

    async def _hop(self, url: URL) -> Picture | URL:
        """One request: the picture, or where it redirects to."""
        async with asyncio.timeout(self._limits.first_byte_timeout_s):
            response = await self._session.get(url, headers=_HEADERS, timeout=_NO_TIMEOUT, allow_redirects=False)
        async with response:
            if response.status in REDIRECTS:
                return next_hop(url, response.headers.get("Location", ""))
            _judge(response, url)
            body = await self._read_body(response, url)
            return Picture(body, response.content_type)

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


def _as_written(text: str) -> URL:
    """``text`` as a URL that is sent as it is written, because a signature may cover every character of it.

    Only a text with characters that no URL may have is quoted first. Raises ValueError.
    """
    quoted = URL(text)  # this form checks host and port, the other takes them on trust
    return URL(text, encoded=True) if _URL_CHARACTERS.fullmatch(text) else quoted


def _parse(url: str) -> URL:
    try:
        parsed = _as_written(url)
    except ValueError:
        raise JobRefused("bad_url", f"{without_secrets(url)}: not a URL") from None
    return _checked(parsed)


def _checked(url: URL) -> URL:
    """``url`` itself when it is one that may be asked. Raises JobRefused."""
    if url.scheme in ("http", "https", "s3") and not url.host:
        raise JobRefused("bad_url", f"{without_secrets(str(url))}: no host")
    if url.raw_user is not None or url.raw_password is not None:
        raise JobRefused("bad_url", f"{without_secrets(str(url))}: user or password in the URL")
    if url.scheme in ("http", "https") and url.port == 0:
        raise JobRefused("bad_url", f"{without_secrets(str(url))}: port 0")
    return url


def next_hop(url: URL, location: str) -> URL:
    """Where a redirect of ``url`` to ``location`` leads. Raises JobRefused."""
    try:
        target = url.join(_as_written(location))
    except ValueError:
        location = ""
        target = url
    if not location:
        raise JobRefused("redirect_refused", f"{without_secrets(str(url))}: redirects to no URL")
    if target.scheme not in ("http", "https") or (url.scheme, target.scheme) == ("https", "http"):
        raise JobRefused("redirect_refused", f"{without_secrets(str(url))}: redirects to {target.scheme}")
    return _checked(target)


def _judge(response: aiohttp.ClientResponse, url: URL) -> None:
    """Pass a 200 whose body is the picture itself. Raises JobRefused or JobFailed for everything else."""
    status, where = response.status, without_secrets(str(url))
    if status in (404, 410):
        raise JobRefused("source_gone", f"{where}: status {status}")
    if status >= 500 or status in TEMPORARY:
        raise JobFailed("source_unavailable", f"{where}: status {status}")
    if status != 200:
        raise JobRefused("source_refused", f"{where}: status {status}")
    if response.headers.get("Content-Encoding", "identity").strip().lower() not in ("", "identity"):
        raise JobRefused("encoded_body", f"{where}: a Content-Encoding that was not asked for")


def _refusal_or_failure(error: BaseException, url: URL) -> JobRefused | JobFailed:
    where = without_secrets(str(url))
    if isinstance(error, aiohttp.ClientConnectorError) and isinstance(error.os_error, AddressRefused):
        return JobRefused("address_refused", f"{where}: {error.os_error.address} is not a public address")
    if isinstance(error, aiohttp.InvalidURL):
        return JobRefused("bad_url", f"{where}: not a URL")
    return JobFailed("source_unavailable", f"{where}: {fault_of(error).detail}")
