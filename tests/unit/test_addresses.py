"""Which addresses a URL from outside may lead to: a corpus of what attackers write, and of its public neighbours."""

import socket

import pytest

from orchestrator.clients.fetch.address_filter import AddressRefused, guarded_socket_factory, is_public

_BLOCKED = """
0.0.0.0 0.0.0.1 0.255.255.255 10.0.0.0 10.0.0.1 10.1.2.3 10.255.255.255 100.64.0.0 100.64.0.1 100.100.100.200
100.127.255.255 127.0.0.0 127.0.0.1 127.0.1.1 127.1.2.3 127.255.255.255 168.63.129.16 169.254.0.1 169.254.169.254
169.254.170.2 169.254.169.253 169.254.255.255 172.16.0.0 172.16.0.1 172.17.0.1 172.20.10.1 172.31.255.255 192.0.0.0
192.0.0.1 192.0.0.8 192.0.0.170 192.0.0.192 192.0.0.255 192.0.2.0 192.0.2.1 192.0.2.255 192.88.99.1 192.88.99.255
192.168.0.0 192.168.0.1 192.168.1.1 192.168.255.255 198.18.0.0 198.18.0.1 198.19.255.255 198.51.100.0 198.51.100.7
203.0.113.0 203.0.113.255 224.0.0.1 224.0.0.251 232.1.1.1 239.255.255.250 239.255.255.255 240.0.0.0 240.0.0.1
250.1.2.3 255.255.255.254 255.255.255.255 :: ::1 ::2 ::ffff ::127.0.0.1 ::10.0.0.1 ::169.254.169.254 ::8.8.8.8
::7f00:1 ::ffff:127.0.0.1 ::ffff:7f00:1 ::ffff:10.0.0.1 ::ffff:169.254.169.254 ::ffff:192.168.0.1 ::ffff:0.0.0.0
::ffff:8.8.8.8 ::ffff:0:127.0.0.1 ::ffff:0:a00:1 64:ff9b::127.0.0.1 64:ff9b::10.0.0.1 64:ff9b::a9fe:a9fe
64:ff9b::8.8.8.8 64:ff9b:1::10.0.0.1 64:ff9b:1:ffff::1 100::1 100::ffff:ffff 100:0:0:1::1 2001::1
2001:0:4136:e378:8000:63bf:3fff:fdd2 2001:0:7f00:1:: 2001:2::1 2001:2:0:ffff::1 2001:10::1 2001:1f::1 2001:20::1
2001:2f:ffff::1 2001:30::1 2001:1::1 2001:3::1 2001:1ff:ffff::1 2001:db8:: 2001:db8::1 2001:db8:ffff:ffff::1 3fff::1
3fff:fff::1 3fff:fff:ffff::1 2002::1 2002:7f00:1:: 2002:7f00:1::1 2002:a00:1::1 2002:a9fe:a9fe::1 2002:c0a8:101::1
2002:808:808::1 2606:4700::5efe:7f00:1 2606:4700::5efe:10.0.0.1 2606:4700::200:5efe:127.0.0.1
2a00:1450:4001:80b:0:5efe:c0a8:1 fe80::5efe:192.168.0.1 4000::1 5f00::1 5f00:1::1 6000::1 8000::1 c000::1 e000::1
f000::1 fc00::1 fc00:ffff::1 fd00::1 fd00:ec2::254 fd12:3456:789a::1 fdff:ffff::1 fe80::1 fe80::1%eth0
fe80::a9fe:a9fe%1 febf:ffff::1 fec0::1 fec0:0:0:ffff::1 feff::1 ff00::1 ff01::1 ff02::1 ff02::fb ff05::1:3 ff0e::1
ff3e::8000:1 ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff
"""
BLOCKED = _BLOCKED.split()

_PUBLIC = """
1.0.0.1 1.1.1.1 8.8.8.8 9.255.255.255 11.0.0.0 93.184.216.34 100.63.255.255 100.128.0.0 126.255.255.255 128.0.0.1
168.63.129.15 168.63.129.17 169.253.255.255 169.255.0.0 172.15.255.255 172.32.0.0 191.255.255.255 192.0.1.1 192.0.3.0
192.88.98.255 192.88.100.0 192.167.255.255 192.169.0.0 198.17.255.255 198.20.0.0 198.51.99.255 198.51.101.0
203.0.112.255 203.0.114.0 223.255.255.255 2001:200::1 2001:4860:4860::8888 2001:db7:ffff::1 2001:db9::1 2003::1
2606:4700:4700::1111 2620:fe::fe 2a00:1450:4001:80b::200e 2a02:26f0::5eff:7f00:1 2a03:2880:f12f:83:face:b00c:0:25de
3ffe::1 2400:cb00:2048:1::c629:d7a2
"""
PUBLIC = _PUBLIC.split()

# What getaddrinfo, and with it every connection, understands as an address.
_OTHER_SPELLINGS = """
127.1 127.0.1 0 0x7f000001 0x7f.0x0.0x0.0x1 0x7f.1 0177.0.0.1 017700000001 2130706433 0x0a000001 167772161 0xa9fea9fe
2852039166 0251.0376.0251.0376 169.16689662 0xc0a80001 3232235521 10.1 192.168.257 0x0 00000000
"""
OTHER_SPELLINGS = _OTHER_SPELLINGS.split()

NO_ADDRESS = [
    "",
    "localhost",
    "127.0.0.1:80",
    "[::1]",
    "010.0.0.1",
    "1.2.3",
    "8.8.8.8/32",
    "::g",
    "8.8.8.8 ",
    "1.2.3.4.5",
]


def test_the_corpus_is_as_large_as_it_claims() -> None:
    assert len(set(BLOCKED)) == len(BLOCKED)
    assert len(BLOCKED) + len(OTHER_SPELLINGS) >= 120
    assert len(set(PUBLIC)) >= 30


@pytest.mark.parametrize("address", BLOCKED)
def test_a_special_purpose_address_is_not_public(address: str) -> None:
    assert not is_public(address)


@pytest.mark.parametrize("address", PUBLIC)
def test_a_public_neighbour_is_public(address: str) -> None:
    assert is_public(address)


@pytest.mark.parametrize("spelling", OTHER_SPELLINGS)
def test_another_spelling_of_a_private_address_is_seen_through(spelling: str) -> None:
    dialled = {info[4][0] for info in socket.getaddrinfo(spelling, 80, type=socket.SOCK_STREAM)}

    assert dialled
    assert not any(is_public(str(address)) for address in dialled)


@pytest.mark.parametrize("text", NO_ADDRESS)
def test_what_is_no_address_is_not_public(text: str) -> None:
    assert not is_public(text)


def _open(factory_networks: list[str], address: str) -> socket.socket:
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    return guarded_socket_factory(factory_networks)((family, socket.SOCK_STREAM, 6, "", (address, 80)))


def test_the_factory_opens_a_socket_to_a_public_address() -> None:
    with _open([], "93.184.216.34") as opened:
        assert opened.family == socket.AF_INET


def test_the_factory_names_the_address_it_refuses() -> None:
    with pytest.raises(AddressRefused) as caught:
        _open([], "169.254.169.254")

    assert caught.value.address == "169.254.169.254"


@pytest.mark.parametrize(
    ("networks", "address", "allowed"),
    [
        (["127.0.0.0/8"], "127.0.0.1", True),
        (["127.0.0.2/32"], "127.0.0.1", False),
        (["10.0.0.0/8", "fd00::/8"], "fd00:ec2::254", True),
        (["10.0.0.0/8", "fd00::/8"], "10.9.9.9", True),
        (["10.0.0.0/8"], "::ffff:10.0.0.1", False),
        (["10.0.0.0/8"], "2002:a00:1::1", False),
        (["0.0.0.0/0"], "::1", False),
    ],
)
def test_only_the_networks_on_the_list_are_let_through(networks: list[str], address: str, allowed: bool) -> None:
    if allowed:
        _open(networks, address).close()
    else:
        with pytest.raises(AddressRefused):
            _open(networks, address)


def test_a_list_entry_that_is_no_network_is_refused_at_once() -> None:
    with pytest.raises(ValueError, match="does not appear to be"):
        guarded_socket_factory(["intranet"])
