"""What pamqp raises on is decoded; what it decodes by itself stays as it is, and damage is still told."""

import struct
from datetime import UTC, datetime

import pytest
from pamqp import decode, frame, header
from pamqp.commands import Basic

from orchestrator.runtime.rabbitmq.tolerant_decoding import (
    decode_short_string,
    decode_table,
    decode_timestamp,
    install_tolerant_decoders,
)
from tests.kit.raw_publishing import long, nest, short, table, ticks

SENT = datetime(2025, 11, 21, 10, tzinfo=UTC)


@pytest.mark.parametrize("per_second", [1, 10**3, 10**6, 10**9])
def test_a_timestamp_is_read_in_the_unit_that_fits(per_second: int) -> None:
    assert decode_timestamp(ticks(int(SENT.timestamp()) * per_second)) == (8, SENT)


def test_no_timestamp_of_64_bits_is_beyond_reading() -> None:
    for bit in range(64):
        assert decode_timestamp(ticks(2**bit))[0] == 8
    assert decode_timestamp(b"\xff" * 8)[1].year == 2554


def test_bytes_that_are_not_utf8_become_escapes() -> None:
    assert decode_short_string(short(b"caf\xe9") + b"rest") == (5, "caf\\xe9")
    assert decode_short_string(short("café".encode())) == (6, "café")


def test_a_table_keeps_its_neighbours_beside_a_name_that_is_not_utf8() -> None:
    install_tolerant_decoders()
    inner = table((b"\xe9", b"V"), (b"n", b"I\0\0\0\1"))
    encoded = table((b"caf\xe9", b"S" + long(b"x")), (b"inner", b"F" + inner), (b"at", b"T" + ticks(2**60)))
    consumed, decoded = decode_table(encoded + b"behind")
    assert consumed == len(encoded)
    assert decoded["caf\\xe9"] == "x" and decoded["inner"] == {"\\xe9": None, "n": 1} and "at" in decoded


@pytest.mark.parametrize("kind", [b"F", b"A"])
def test_what_is_nested_too_deep_is_left_out_alone(kind: bytes) -> None:
    install_tolerant_decoders()
    encoded = table((b"a", b"I\0\0\0\1"), (b"caf\xe9", nest(kind, 20_000)), (b"b", b"S" + long(b"x")))
    assert decode_table(encoded) == (len(encoded), {"a": 1, "caf\\xe9": None, "b": "x"})
    shallow = table((b"a", nest(kind, 50)))
    assert decode_table(shallow) == decode.field_table(shallow)


@pytest.mark.parametrize("damaged", [b"\0\0\0\x09\1a", b"\0\0\0\2\xffa", b"\0\0", b"\0\0\0\3\1aT"])
def test_a_table_that_ends_too_early_is_still_damage(damaged: bytes) -> None:
    with pytest.raises(ValueError, match=r"exceeds|unpack"):
        decode_table(damaged)


def test_the_driver_really_decodes_with_them() -> None:
    install_tolerant_decoders()
    flags = Basic.Properties.flags["timestamp"] | Basic.Properties.flags["app_id"] | Basic.Properties.flags["headers"]
    properties = table((b"\xe9", b"V")) + ticks(2**63) + short(b"\xe9")
    payload = struct.pack(">HHQH", 60, 0, 0, flags) + properties
    _, _, decoded = frame.unmarshal(struct.pack(">BHI", 2, 1, len(payload)) + payload + b"\xce")
    assert isinstance(decoded, header.ContentHeader)
    assert (decoded.properties.app_id, decoded.properties.headers) == ("\\xe9", {"\\xe9": None})
    assert decode.METHODS["timestamp"] is decode_timestamp
