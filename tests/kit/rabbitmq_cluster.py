"""Three nodes of RabbitMQ 4 that are one cluster, with a fault proxy on every road between two of them.

Each node has an epmd of its own, in which the names of the others are registered with the port of a proxy: whoever
looks for a neighbour finds the proxy. So the roads between nodes can be cut while clients reach all of them.
"""

import asyncio
import contextlib
import socket
import struct
from collections.abc import Coroutine
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from itertools import permutations
from pathlib import Path
from threading import Thread
from typing import Any, Self

from tests.kit.faultproxy import FaultProxy
from tests.kit.installation import COMPAT, Installation
from tests.kit.rabbitmq import RabbitMQ

_ALIVE_REQUEST, _NORMAL_NODE, _TCP4, _HIGHEST, _LOWEST = 120, 77, 0, 6, 5
_COOKIE = "justlens-tests"
_INSTALLATION = Installation(COMPAT)


class ClusterNode(RabbitMQ):
    """One node of a cluster. Its epmd stays while the node goes, as one of the system would."""

    def __init__(self, folder: Path) -> None:
        super().__init__(
            folder,
            # Neighbours notice a silent node after net_ticktime, give or take a quarter; by default that is a minute.
            config=["collect_statistics_interval = 1000", "net_ticktime = 8"],
            rabbit_env={"quorum_tick_interval": 500},
            installation=_INSTALLATION,
        )
        self._neighbours: dict[str, int] = {}
        self._registered: list[socket.socket] = []
        cookie = folder / ".erlang.cookie"
        cookie.write_text(_COOKIE)
        cookie.chmod(0o400)

    @property
    def node_name(self) -> str:
        """Its name in the cluster."""
        return self._node

    @property
    def dist_port(self) -> int:
        """Where it listens for other nodes."""
        return self._dist_port

    def know(self, name: str, port: int) -> None:
        """Reach the neighbour called ``name`` at ``port``; before the node starts."""
        self._neighbours[name] = port

    def start(self) -> None:
        """See RabbitMQ."""
        self._start_epmd()
        if not self._registered:
            self._registered = [_register(self._epmd_port, *each) for each in self._neighbours.items()]
        super().start()

    def join(self, other: "ClusterNode") -> None:
        """Become a member of the cluster that ``other`` is in."""
        for words in (("stop_app",), ("join_cluster", other.node_name), ("start_app",)):
            self.rabbitmqctl(*words)

    def _end_epmd(self) -> None:
        """Not before ``close``: the neighbours' names are in it."""

    def close(self) -> None:
        """Kill the node and its epmd."""
        super().close()
        for connection in self._registered:
            connection.close()
        super()._end_epmd()


class Cluster:
    """``with Cluster(folder) as cluster``: three running nodes, joined. It stands in for one node in ``Servers``.

    The proxies run on an event loop of their own: a test that keeps its loop busy must not part the nodes.
    """

    def __init__(self, folder: Path) -> None:
        self.nodes = [ClusterNode(folder / f"node{number}") for number in range(3)]
        self._proxies: dict[tuple[int, int], FaultProxy] = {}
        self._loop = asyncio.new_event_loop()
        self._stack = ExitStack()

    @staticmethod
    def missing() -> str | None:
        """What to install if the servers are not there, else None."""
        return RabbitMQ.missing(_INSTALLATION)

    def __enter__(self) -> Self:
        try:
            self._start()
        except BaseException:
            self._stack.close()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()

    def _start(self) -> None:
        thread = Thread(target=self._loop.run_forever, name="proxies", daemon=True)
        thread.start()
        self._stack.callback(self._loop.close)
        self._stack.callback(thread.join)
        self._stack.callback(self._loop.call_soon_threadsafe, self._loop.stop)
        for pair in permutations(range(3), 2):
            here, there = (self.nodes[number] for number in pair)
            proxy = self._proxies[pair] = FaultProxy(there.dist_port)
            self._run(proxy.pass_through())
            self._stack.callback(lambda proxy=proxy: self._run(proxy.down()))
            here.know(there.node_name, proxy.port)
        for node in self.nodes:
            self._stack.callback(node.close)
        with ThreadPoolExecutor() as all_at_once:
            list(all_at_once.map(ClusterNode.start, self.nodes))
        for node in self.nodes[1:]:
            node.join(self.nodes[0])

    def _run(self, *work: Coroutine[Any, Any, None]) -> None:
        for future in [asyncio.run_coroutine_threadsafe(each, self._loop) for each in work]:
            future.result(30)

    def amqp_url(self, vhost: str = "/", *, port: int | None = None) -> str:
        """The AMQP URL of ``vhost`` with every node's address."""
        assert port is None, "the proxies of a cluster stand between its nodes"
        return ",".join(node.amqp_url(vhost) for node in self.nodes)

    @property
    def management_url(self) -> str:
        """The management APIs of all nodes."""
        return ",".join(node.management_url for node in self.nodes)

    def api(self, method: str, path: str, body: Any = None, *, timeout_s: float = 10.0) -> Any:
        """See RabbitMQ; asked of the nodes in turn. Raises OSError when none answers."""
        for node in self.nodes:
            with contextlib.suppress(OSError):
                return node.api(method, path, body, timeout_s=timeout_s)
        raise OSError("no node of the cluster answers")

    def add_vhost(self) -> str:
        """See RabbitMQ."""
        return self.nodes[0].add_vhost()

    def leader_of(self, vhost: str, queue: str) -> ClusterNode:
        """The node that leads a quorum queue."""
        name = self.api("GET", f"/api/queues/{vhost}/{queue}")["leader"]
        return next(node for node in self.nodes if node.node_name == name)

    def members_of(self, vhost: str, queue: str) -> set[str]:
        """The nodes that a quorum queue is replicated on and online."""
        return set(self.api("GET", f"/api/queues/{vhost}/{queue}")["online"])

    def isolate(self, node: ClusterNode) -> None:
        """Cut both others off from ``node``; clients reach all three."""
        number = self.nodes.index(node)
        self._run(*(proxy.down() for pair, proxy in self._proxies.items() if number in pair))

    def heal(self) -> None:
        """Open every road."""
        self._run(*(proxy.pass_through() for proxy in self._proxies.values()))


def _register(epmd_port: int, name: str, port: int) -> socket.socket:
    """Have an epmd say that the node called ``name`` listens at ``port``, for as long as the answer stays open."""
    short = name.partition("@")[0].encode()
    request = struct.pack(
        f">BHBBHHH{len(short)}sH", _ALIVE_REQUEST, port, _NORMAL_NODE, _TCP4, _HIGHEST, _LOWEST, len(short), short, 0
    )
    connection = socket.create_connection(("127.0.0.1", epmd_port), timeout=10)
    connection.sendall(struct.pack(">H", len(request)) + request)
    _, result = connection.recv(2)
    assert result == 0, f"epmd refused to register {name}"
    return connection
