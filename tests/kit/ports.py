"""Ports for servers that tests start."""

import itertools
import os
import random
import socket
from collections.abc import Iterator
from functools import cache

# Below the range from which Linux takes the ports of outgoing connections (32768 and up): a server that is down for
# a while finds its port still free when it comes back.
_PORTS = range(15000, 32000)


@cache
def _ports() -> Iterator[int]:
    """The share of this one of pytest-xdist's workers in an order of its own: each once before any comes again.

    Servers ask for many ports before they listen on the first of them, so a probe alone gives some of them out twice.
    """
    worker = int(os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw"))
    share = _PORTS[worker :: int(os.environ.get("PYTEST_XDIST_WORKER_COUNT", "1"))]
    return itertools.cycle(random.sample(share, k=len(share)))


def free_port() -> int:
    """A TCP port of 127.0.0.1 that nobody listens on or did a minute ago, and that no outgoing connection will take."""
    for port in itertools.islice(_ports(), 200):
        with socket.socket() as probe:
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
            return port
    raise RuntimeError("no free port found")
