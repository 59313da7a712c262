"""Listening on an address, or saying in sentences why it cannot be had."""

import errno
import os
import socket

from orchestrator.domain.errors import ConfigurationError

_BACKLOG = 512
_REMEDIES = {
    errno.EADDRINUSE: "another process listens there, perhaps a second JustLens: stop it, or set {port_setting} to"
    " another port, 0 for any free one",
    errno.EACCES: "this user may not use that port: set {port_setting} to one from 1024 up",
    errno.EADDRNOTAVAIL: "this machine has no such address: set {host_setting} to one of its own, 0.0.0.0 for all",
}
_ODD_NAME = "set {host_setting} to an address of this machine"


def open_listener(host: str, port: int, host_setting: str, port_setting: str) -> socket.socket:
    """A socket that listens on ``host`` and ``port``; port 0 takes any free one.

    Raises ConfigurationError, with the remedy, when the address cannot be had.
    """
    try:
        family, _, _, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)[0]
        listener = socket.create_server(address[:2], family=family, backlog=_BACKLOG)
    except (OSError, UnicodeError) as error:
        settings = {"host_setting": host_setting, "port_setting": port_setting}
        problem = f"{host_setting}, {port_setting}: cannot listen on {host}:{port} ({_reason(error)})"
        remedy = _REMEDIES.get(getattr(error, "errno", 0) or 0, _ODD_NAME).format(**settings)
        raise ConfigurationError([f"{problem}; {remedy}"]) from error
    # create_server leaves the protocol 0, and asyncio sets TCP_NODELAY only on connections of a listener that says TCP:
    # without it every answer but a connection's first waits 40 ms for the client's delayed acknowledgement.
    return socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP, fileno=listener.detach())


def _reason(error: OSError | UnicodeError) -> str:
    if isinstance(error, UnicodeError) or error.errno is None:
        return str(error)
    # The system's own words: Python adds the address to them, and names that do not resolve have numbers below 0.
    return os.strerror(error.errno) if error.errno > 0 else error.strerror or str(error)


def url_of(listener: socket.socket) -> str:
    """The URL that reaches the listener from this machine."""
    address, port = listener.getsockname()[:2]
    return f"http://[{address}]:{port}" if ":" in address else f"http://{address}:{port}"
