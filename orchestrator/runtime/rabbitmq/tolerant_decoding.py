"""Decoding of message properties that other publishers write and the driver's decoder raises on.

RabbitMQ checks neither the unit of a timestamp nor the encoding of a short string, and delivers both as they came.
pamqp 4 raises for a timestamp beyond the year 9999 (micro- or nanoseconds), for a short string that is not UTF-8, and
for headers nested some hundred levels deep; aiormq then closes the connection, with every consumer on it, at each
delivery of that one message. Reported upstream: https://github.com/mosquito/aiormq/issues/186; the kind:
https://github.com/pika/pika/issues/1698.

pamqp looks its decoders up by type in two tables, for every connection of a process, plain or robust. Neither driver
has a hook for one connection, so that is where these are put, when a connection is opened and not at import. No work
is added for a message that pamqp can decode by itself.
"""

import datetime
from collections.abc import Callable
from typing import Any

from pamqp import decode

_LATEST_S = 253_402_300_799  # the last second of the year 9999, which is the last a datetime can hold
_UNITS_PER_S = (1, 1_000, 1_000_000, 1_000_000_000)

Decoder = Callable[[bytes], tuple[int, Any]]


def install_tolerant_decoders() -> None:
    """Make every AMQP connection of this process decode what RabbitMQ delivers. Doing it again changes nothing."""
    decode.METHODS.update(shortstr=decode_short_string, timestamp=decode_timestamp, table=decode_table)
    decode.TABLE_MAPPING.update({b"T": decode_timestamp, b"F": decode_nested_table})


def decode_short_string(value: bytes) -> tuple[int, str]:
    """Decode a short string; bytes that are not UTF-8 become backslash escapes. Returns bytes consumed and the text."""
    try:
        return decode.short_str(value)
    except UnicodeDecodeError:
        length = value[0]
        return length + 1, value[1 : length + 1].decode(errors="backslashreplace")


def decode_timestamp(value: bytes) -> tuple[int, datetime.datetime]:
    """Decode a timestamp in the coarsest unit, from seconds to nanoseconds, that does not lead beyond the year 9999."""
    if len(value) >= 8:
        ticks = int.from_bytes(value[:8])
        if ticks > _LATEST_S * 1000:
            seconds = next(ticks // unit for unit in _UNITS_PER_S if ticks // unit <= _LATEST_S)
            return 8, datetime.datetime.fromtimestamp(seconds, tz=datetime.UTC)
    return decode.timestamp(value)


def decode_table(value: bytes) -> tuple[int, dict[str, Any]]:
    """Decode a field table whatever its names are and however deep it is.

    What is nested deeper than Python's stack reaches (some 300 levels) is left out: every table and array in the
    table is None then. Returns bytes consumed and the table. Raises ValueError for a table that ends too early.
    """
    try:
        return decode_nested_table(value)
    except RecursionError:
        return _decode_table(value, _decode_flat_value)


def decode_nested_table(value: bytes) -> tuple[int, dict[str, Any]]:
    """Decode a field table whose names may be other bytes than UTF-8. Raises RecursionError as well."""
    try:
        return decode.field_table(value)
    except UnicodeDecodeError:
        return _decode_table(value, decode.embedded_value)


def _decode_table(value: bytes, decode_value: Decoder) -> tuple[int, dict[str, Any]]:
    end = 4 + int.from_bytes(value[:4])
    offset, table = 4, {}
    while offset < end:
        consumed, name = decode_short_string(value[offset:end])
        offset += consumed
        consumed, table[name] = decode_value(value[offset:end])
        offset += consumed
    return end, table


def _decode_flat_value(value: bytes) -> tuple[int, Any]:
    """Decode a field's value; None for a table or an array, which is stepped over."""
    if value[:1] in (b"F", b"A"):
        return 5 + int.from_bytes(value[1:5]), None
    return decode.embedded_value(value)
