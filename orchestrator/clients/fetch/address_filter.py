"""Which addresses a URL from outside may lead to. Judged on the address that is dialled, never on the name.

A name can resolve to one address when it is checked and to another when it is dialled, and there are many ways to
write an address (``127.1``, ``0x7f000001``, ``[::ffff:7f00:1]``): only the socket sees what they all mean.
"""

import socket
from collections.abc import Iterable
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network

from aiohttp import AddrInfoType, SocketFactoryType

Network = IPv4Network | IPv6Network

# IANA IPv4 Special-Purpose Address Registry (RFC 6890 and next_queues), multicast and the former class E. The last
# entry lies in public space: Azure answers there, inside every virtual machine, with its credentials.
_REFUSED_V4 = tuple(
    IPv4Network(text)
    for text in (
        "0.0.0.0/8",
        "10.0.0.0/8",
        "100.64.0.0/10",
        "127.0.0.0/8",
        "169.254.0.0/16",
        "172.16.0.0/12",
        "192.0.0.0/24",
        "192.0.2.0/24",
        "192.88.99.0/24",
        "192.168.0.0/16",
        "198.18.0.0/15",
        "198.51.100.0/24",
        "203.0.113.0/24",
        "224.0.0.0/4",
        "240.0.0.0/4",
        "168.63.129.16/32",
    )
)
# The only block IANA hands out as global unicast. Everything outside is refused: unspecified, loopback, mapped and
# compatible IPv4, NAT64, discard, unique local, link local, site local, multicast, segment routing.
_GLOBAL_V6 = IPv6Network("2000::/3")
# Inside it: IETF protocol assignments with Teredo, benchmarking and ORCHID; documentation twice; 6to4.
_REFUSED_V6 = tuple(IPv6Network(text) for text in ("2001::/23", "2001:db8::/32", "3fff::/20", "2002::/16"))
# ISATAP interface identifiers (RFC 5214, section 6.1), with and without the universal bit, carry an IPv4 address.
_ISATAP = (0x00005EFE, 0x02005EFE)


class AddressRefused(OSError):
    """The address that was about to be dialled is not one that a URL from outside may lead to."""

    def __init__(self, address: str) -> None:
        # One text for every address: of several errors aiohappyeyeballs keeps the type only if they read alike.
        super().__init__("the address is not a public one")
        self.address = address


def is_public(address: str) -> bool:
    """Whether ``address`` (an IPv4 or IPv6 literal, a zone is allowed) is an ordinary host of the public internet.

    False for every special-purpose range, for every form of IPv6 that carries an IPv4 address of somebody else's
    choice, and for a text that is no address. ``ipaddress.is_global`` is no substitute: on Python 3.11 it is True for
    ``::127.0.0.1``, NAT64, 6to4, ISATAP and multicast. A NAT64 prefix that a network chose for itself out of its own
    public space (RFC 6052, section 2.2) cannot be recognised.
    """
    try:
        parsed = ip_address(address)
    except ValueError:
        return False
    if isinstance(parsed, IPv4Address):
        return not any(parsed in network for network in _REFUSED_V4)
    return parsed in _GLOBAL_V6 and not any(parsed in network for network in _REFUSED_V6) and not _is_isatap(parsed)


def _is_isatap(address: IPv6Address) -> bool:
    return int(address) >> 32 & 0xFFFFFFFF in _ISATAP


def guarded_socket_factory(allowed: Iterable[str]) -> SocketFactoryType:
    """A socket factory for ``aiohttp.TCPConnector`` that opens sockets to public addresses and ``allowed`` networks.

    aiohttp calls it with each address just before it dials it, IP literals included (those never reach a resolver).
    Anything else raises AddressRefused before a packet is sent. Raises ValueError for a text that is no network.
    """
    networks: tuple[Network, ...] = tuple(ip_network(text) for text in allowed)

    def open_socket(info: AddrInfoType) -> socket.socket:
        family, kind, protocol, _, where = info
        address = str(where[0])
        if not is_public(address) and not _within(address, networks):
            raise AddressRefused(address)
        return socket.socket(family, kind, protocol)

    return open_socket


def _within(address: str, networks: tuple[Network, ...]) -> bool:
    try:
        parsed = ip_address(address)
    except ValueError:
        return False
    return any(parsed in network for network in networks)
