"""Purging: making the CDN forget a URL. Doing it twice is harmless, not doing it is not."""

import json
import time
from pathlib import Path

import aiohttp
from tenacity import AsyncRetrying, retry_if_exception_type, stop_after_attempt, wait_exponential_jitter

from orchestrator.clients.http import TRANSPORT_ERRORS, fault_of, retry_after_s
from orchestrator.domain.errors import JobFailed, JobRefused, Unavailable
from orchestrator.domain.urls import without_secrets
from orchestrator.embedded.json_lines import JsonLines

TRIES = 3
_BAD_URL = frozenset({400, 410, 414, 422})


class _Passing(Unavailable):
    """Worth another try at once."""


class CdnPurger:
    """POSTs ``{"url": ...}`` to the CDN's purge endpoint. Without ``purge_url`` there is no CDN and nothing to do.

    ``session`` belongs to the caller; ``timeout_s`` is for one try.
    """

    def __init__(
        self, session: aiohttp.ClientSession, *, purge_url: str | None, token: str | None, timeout_s: float
    ) -> None:
        self._session = session
        self._purge_url = purge_url
        self._headers = {"Authorization": f"Bearer {token}"} if token else {}
        self._timeout = aiohttp.ClientTimeout(total=timeout_s)

    async def purge(self, url: str) -> None:
        """Return once the CDN has forgotten ``url`` (a 404 says that it never knew it).

        Raises Unavailable after three tries of what may pass, JobRefused when the CDN's answer is about this URL, and
        JobFailed for a refusal that may be about either: a token that is wrong, or a URL that is not the CDN's. That
        is charged, since whoever publishes jobs could else stop the queue with such URLs.
        """
        if self._purge_url is None:
            return
        async for attempt in AsyncRetrying(
            stop=stop_after_attempt(TRIES),
            wait=wait_exponential_jitter(multiplier=0.1, max=1.0, jitter=0.1),
            retry=retry_if_exception_type(_Passing),
            reraise=True,
        ):
            with attempt:
                await self._post(self._purge_url, url)

    async def _post(self, purge_url: str, url: str) -> None:
        try:
            async with self._session.post(
                purge_url, json={"url": url}, headers=self._headers, timeout=self._timeout, allow_redirects=False
            ) as response:
                status, wait = response.status, response.headers.get("Retry-After")
        except TRANSPORT_ERRORS as error:
            raise _Passing("cdn", fault_of(error).detail) from None
        if 200 <= status < 300 or status == 404:
            return
        if status >= 500 or status in (408, 429):
            raise _Passing("cdn", f"purge answered {status}", retry_after_s(wait, default_s=1.0))
        if status in _BAD_URL:
            raise JobRefused("purge_refused", f"the CDN does not purge {without_secrets(url)} (status {status})")
        advice = "it may not be one of its URLs; else check JUSTLENS_CDN_PURGE_URL and JUSTLENS_CDN_TOKEN"
        raise JobFailed("purge_refused", f"the CDN refused with {status} to purge {without_secrets(url)}: {advice}")


class FilePurger:
    """For runs without a CDN: writes purges down, one JSON line ``{"url", "at"}`` each (``at`` in Unix ms)."""

    def __init__(self, path: Path) -> None:
        self._lines = JsonLines(path, dependency="purge log")

    async def purge(self, url: str) -> None:
        """Append one line. Raises Unavailable when the file cannot be written."""
        await self._lines.append(json.dumps({"url": url, "at": time.time_ns() // 1_000_000}).encode())
