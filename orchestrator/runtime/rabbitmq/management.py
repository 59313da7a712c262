"""What only the management API tells: properties of queues, policies, feature flags, messages in transit."""

import asyncio
import re
from collections import deque
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple
from urllib.parse import quote, unquote, urlsplit

import aiohttp
from tenacity import AsyncRetrying, retry_if_exception, stop_after_attempt, wait_exponential

from orchestrator.domain.errors import Unavailable
from orchestrator.runtime.rabbitmq.connection import TIMEOUT_S
from orchestrator.runtime.rabbitmq.driver_errors import describe

MANAGEMENT = "rabbitmq management API"
_TRIES = 4
_COLUMNS = "name,type,durable,auto_delete,exclusive,arguments,effective_policy_definition"


class _Node(NamedTuple):
    """Where the API is. The credentials leave the URL here, so that no error message can carry them."""

    url: str
    authorization: str


def _parse_node(url: str) -> _Node:
    parts = urlsplit(url)
    user, password = unquote(parts.username or "guest"), unquote(parts.password or "guest")
    address = f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}{parts.path.rstrip('/')}"
    return _Node(address, aiohttp.encode_basic_auth(user, password))


class Management:
    """Reads one vhost over the management API at ``urls`` (``http(s)://user:password@host:port``).

    There is one URL for each node of a cluster that has the API; they are asked in turn, beginning with the one that
    answered last. Every method raises Unavailable when none answers within ``timeout_s``, or one refuses the user.
    """

    def __init__(self, urls: Sequence[str], vhost: str, timeout_s: float = TIMEOUT_S) -> None:
        self._nodes = deque(_parse_node(url) for url in urls)
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

    async def version(self) -> tuple[int, ...]:
        """Major and minor number of the broker's release; (0,) when it does not tell."""
        overview = await self._get("/api/overview?columns=rabbitmq_version") or {}
        numbers = re.findall(r"\d+", str(overview.get("rabbitmq_version", "")))
        return tuple(int(number) for number in numbers[:2]) or (0,)

    async def consumers(self) -> list[dict[str, Any]]:
        """Every consumer; from RabbitMQ 3.12 on with its ``consumer_timeout`` in ms."""
        return list(await self._get(f"/api/consumers/{self._vhost}") or [])

    async def node_names(self) -> set[str]:
        """The nodes of the cluster, those that are down included."""
        return {node["name"] for node in await self._get("/api/nodes?columns=name") or []}

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
            self._session = aiohttp.ClientSession()
        failures = []
        for node in tuple(self._nodes):
            try:
                return await self._ask(self._session, node, path)
            except (aiohttp.ClientError, TimeoutError, OSError, ValueError) as error:
                failures.append((node, error))
                if self._nodes[0] is node:
                    self._nodes.rotate(-1)
        raise Unavailable(MANAGEMENT, f"{path}: {_describe_failures(failures)}") from failures[-1][1]

    async def _ask(self, session: aiohttp.ClientSession, node: _Node, path: str) -> Any:
        again = AsyncRetrying(
            retry=retry_if_exception(_is_passing),
            stop=stop_after_attempt(_TRIES),
            wait=wait_exponential(0.1),
            reraise=True,
        )
        async with asyncio.timeout(self._timeout_s):
            return await again(_get_once, session, node, path)


async def _get_once(session: aiohttp.ClientSession, node: _Node, path: str) -> Any:
    async with session.get(node.url + path, headers={"Authorization": node.authorization}) as reply:
        if reply.status == 404:
            return None
        if reply.status == 401:
            wrong = "the name or password in JUSTLENS_MANAGEMENT_URL is wrong, or the user has no tag"
            raise Unavailable(MANAGEMENT, f"{path}: {wrong}; correct it, or give it the tag administrator")
        if reply.status == 403:
            raise Unavailable(MANAGEMENT, f"{path}: the user may not read this; give it the tag administrator")
        reply.raise_for_status()
        return await reply.json()


def _describe_failures(failures: Sequence[tuple[_Node, Exception]]) -> str:
    reasons = [
        f"status {error.status}" if isinstance(error, aiohttp.ClientResponseError) else describe(error)
        for _, error in failures
    ]
    if len(reasons) == 1:
        return reasons[0]
    return "; ".join(f"{node.url}: {reason}" for (node, _), reason in zip(failures, reasons, strict=True))


def _is_passing(error: BaseException) -> bool:
    return isinstance(error, aiohttp.ClientResponseError) and error.status >= 500
