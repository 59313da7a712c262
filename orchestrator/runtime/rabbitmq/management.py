"""What only the management API tells: properties of queues, policies, feature flags, messages in transit."""

import asyncio
from collections.abc import Mapping
from typing import Any
from urllib.parse import quote, unquote, urlsplit

import aiohttp
from tenacity import AsyncRetrying, retry_if_exception, stop_after_attempt, wait_exponential

from orchestrator.domain.errors import Unavailable
from orchestrator.runtime.rabbitmq.connection import TIMEOUT_S, describe

MANAGEMENT = "rabbitmq management API"
_TRIES = 4
_COLUMNS = "name,type,durable,auto_delete,exclusive,arguments,effective_policy_definition"


class Management:
    """Reads one vhost over the management API at ``url`` (``http(s)://user:password@host:port``).

    Every method raises Unavailable when the API is away or refuses the user, within ``timeout_s``.
    """

    def __init__(self, url: str, vhost: str, timeout_s: float = TIMEOUT_S) -> None:
        parts = urlsplit(url)
        # The credentials leave the URL here, so that no error message can carry them.
        self._url = f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}{parts.path.rstrip('/')}"
        user, password = unquote(parts.username or "guest"), unquote(parts.password or "guest")
        self._headers = {"Authorization": aiohttp.encode_basic_auth(user, password)}
        self._vhost = quote(vhost, safe="")
        self._timeout_s = timeout_s
        self._session: aiohttp.ClientSession | None = None

    async def queues(self) -> list[dict[str, Any]]:
        """Every queue: name, type, durability, arguments, and the policy in force as the queue last reported it."""
        found = await self._get(f"/api/queues/{self._vhost}?columns={_COLUMNS}")
        return list(found or [])

    async def exchanges(self) -> dict[str, dict[str, Any]]:
        """Type and durability of every exchange, by name."""
        found = await self._get(f"/api/exchanges/{self._vhost}?columns=name,type,durable")
        return {exchange["name"]: exchange for exchange in found or []}

    async def policies(self) -> list[dict[str, Any]]:
        """Every user policy."""
        return list(await self._get(f"/api/policies/{self._vhost}") or [])

    async def operator_policies(self) -> list[dict[str, Any]]:
        """Every operator policy."""
        return list(await self._get(f"/api/operator-policies/{self._vhost}") or [])

    async def feature_flags(self) -> dict[str, str]:
        """State (``enabled``, ``disabled``) by name; a flag the broker no longer has is not among them."""
        return {flag["name"]: flag["state"] for flag in await self._get("/api/feature-flags") or []}

    async def messages(self, name: str) -> Mapping[str, int]:
        """``total``, ``ready`` and ``unacked`` of one queue, a few seconds old; all 0 for one never reported."""
        found = await self._get(f"/api/queues/{self._vhost}/{quote(name, safe='')}") or {}
        keys = {"total": "messages", "ready": "messages_ready", "unacked": "messages_unacknowledged"}
        return {key: int(found.get(column) or 0) for key, column in keys.items()}

    async def close(self) -> None:
        """Close the HTTP session."""
        if self._session is not None:
            await self._session.close()
            self._session = None

    async def _get(self, path: str) -> Any:
        """The decoded answer; None for what does not exist.

        The API counts up queues that may come and go meanwhile, and then answers 500: asked again, it is well.
        """
        if self._session is None:
            self._session = aiohttp.ClientSession(headers=self._headers)
        again = AsyncRetrying(
            retry=retry_if_exception(_is_passing),
            stop=stop_after_attempt(_TRIES),
            wait=wait_exponential(0.1),
            reraise=True,
        )
        try:
            async with asyncio.timeout(self._timeout_s):
                return await again(self._once, self._session, path)
        except aiohttp.ClientResponseError as error:
            raise Unavailable(MANAGEMENT, f"{path}: status {error.status}") from error
        except (aiohttp.ClientError, TimeoutError, OSError, ValueError) as error:
            raise Unavailable(MANAGEMENT, f"{path}: {describe(error)}") from error

    async def _once(self, session: aiohttp.ClientSession, path: str) -> Any:
        async with session.get(self._url + path) as reply:
            if reply.status == 404:
                return None
            if reply.status in (401, 403):
                raise Unavailable(MANAGEMENT, f"{path}: the user may not read this; give it the tag administrator")
            reply.raise_for_status()
            return await reply.json()


def _is_passing(error: BaseException) -> bool:
    return isinstance(error, aiohttp.ClientResponseError) and error.status >= 500
