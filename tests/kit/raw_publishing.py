"""Publishing over a bare socket, with properties and headers that no Python client would encode.

RabbitMQ takes all of them and delivers them as they came; a publisher in another language can send each.
"""

import socket
import struct
from collections.abc import Mapping
from types import TracebackType
from typing import Self

FRAME_END = b"\xce"
METHOD, HEADER, BODY, HEARTBEAT = 1, 2, 3, 8

# Property flags in the order in which the properties are written.
(
    CONTENT_TYPE,
    ENCODING,
    HEADERS,
    MODE,
    PRIORITY,
    CORRELATION,
    REPLY,
    EXPIRATION,
    MESSAGE_ID,
    TIMESTAMP,
    TYPE,
    USER,
    APP,
) = (1 << bit for bit in range(15, 2, -1))

Property = tuple[int, bytes]


def short(text: bytes) -> bytes:
    """A short string: one byte of length."""
    return bytes([len(text)]) + text


def long(text: bytes) -> bytes:
    """A long string: four bytes of length."""
    return struct.pack(">I", len(text)) + text


def table(*fields: tuple[bytes, bytes]) -> bytes:
    """A field table of names and encoded values."""
    return long(b"".join(short(name) + value for name, value in fields))


def ticks(count: int) -> bytes:
    """A 64-bit timestamp."""
    return struct.pack(">Q", count)


def nest(kind: bytes, levels: int) -> bytes:
    """A value of tables (kind F) or arrays (A) in one another."""
    value = b"V"
    for _ in range(levels):
        value = b"A" + long(value) if kind == b"A" else b"F" + table((b"a", value))
    return value


_SECONDS = 1_763_719_200
_RAW_UUID = short(bytes(range(0xF0, 0x100)))
_DEEP = table((b"a", b"F" + table((b"b", b"F" + table((b"c", b"A" + long(b"VV")))))))
_UNSIGNED = table((b"a", b"B\xff"), (b"b", b"u\xff\xff"), (b"c", b"i" + b"\xff" * 4))

PROPERTIES: Mapping[str, tuple[Property, ...]] = {
    "plain": (),
    "timestamp_seconds": ((TIMESTAMP, ticks(_SECONDS)),),
    "timestamp_millis": ((TIMESTAMP, ticks(_SECONDS * 10**3)),),
    "timestamp_micros": ((TIMESTAMP, ticks(_SECONDS * 10**6)),),
    "timestamp_nanos": ((TIMESTAMP, ticks(_SECONDS * 10**9)),),
    "timestamp_max": ((TIMESTAMP, b"\xff" * 8),),
    "header_timestamp_micros": ((HEADERS, table((b"sent", b"T" + ticks(_SECONDS * 10**6)))),),
    "app_id_latin1": ((APP, short(b"caf\xe9")),),
    "message_id_raw_uuid": ((MESSAGE_ID, _RAW_UUID),),
    "correlation_id_raw_uuid": ((CORRELATION, _RAW_UUID),),
    "content_type_latin1": ((CONTENT_TYPE, short(b"text/caf\xe9")),),
    "type_latin1": ((TYPE, short(b"\xe9v\xe9nement")),),
    "reply_to_latin1": ((REPLY, short(b"r\xe9ponse")),),
    "header_name_latin1": ((HEADERS, table((b"caf\xe9", b"I" + struct.pack(">i", 1)))),),
    "header_name_latin1_nested": ((HEADERS, table((b"a", b"F" + table((b"caf\xe9", b"V"))))),),
    "header_text_latin1": ((HEADERS, table((b"city", b"S" + long(b"caf\xe9")))),),
    "header_bytes": ((HEADERS, table((b"raw", b"x" + long(b"\xff\0\1")))),),
    "header_float_nan": ((HEADERS, table((b"score", b"d" + struct.pack(">d", float("nan"))))),),
    "header_decimal": ((HEADERS, table((b"price", b"D\2" + struct.pack(">I", 1250)))),),
    "header_unsigned": ((HEADERS, _UNSIGNED),),
    "header_deep": ((HEADERS, _DEEP),),
    "header_very_deep_tables": ((HEADERS, table((b"a", nest(b"F", 5000)), (b"b", b"I\0\0\0\1"))),),
    "header_very_deep_arrays": ((HEADERS, table((b"a", nest(b"A", 5000)), (b"b", b"I\0\0\0\1"))),),
    "header_twice": ((HEADERS, table((b"a", b"I\0\0\0\1"), (b"a", b"I\0\0\0\2"))),),
    "header_attempt_as_text": ((HEADERS, table((b"x-attempt", b"S" + long(b"1")))),),
    "priority_255": ((PRIORITY, b"\xff"),),
    "delivery_mode_0": ((MODE, b"\0"),),
    "delivery_mode_7": ((MODE, b"\7"),),
    "expires_in_10_s": ((EXPIRATION, short(b"10000")),),
    "user_id_guest": ((USER, short(b"guest")),),
    "encoding_gzip": ((ENCODING, short(b"gzip")),),
    "body_in_one_byte_frames": (),
    "empty_body": (),
}
"""By name, the properties that are set beside a persistent delivery mode."""


class RawPublisher:
    """One connection and one channel in confirm mode. Use it as a context manager; it blocks."""

    def __init__(self, port: int, vhost: str, user: str = "guest", password: str = "guest") -> None:
        self._socket = socket.create_connection(("127.0.0.1", port), timeout=10)
        self._buffer = b""
        self._open(vhost.encode(), user.encode(), password.encode())

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._socket.close()

    def publish(self, case: str, queue: str, body: bytes) -> None:
        """Publish ``body`` with the properties of ``case``; return when the broker confirmed it."""
        properties = dict(((MODE, b"\2"), *PROPERTIES[case]))
        header = struct.pack(">HHQH", 60, 0, len(body), sum(properties))
        header += b"".join(properties[flag] for flag in sorted(properties, reverse=True))
        size = 1 if case == "body_in_one_byte_frames" else max(1, len(body))
        parts = [body[start : start + size] for start in range(0, len(body), size)]
        method = _method(1, 60, 40, b"\0\0" + short(b"") + short(queue.encode()) + b"\0")
        self._socket.sendall(method + _frame(HEADER, 1, header) + b"".join(_frame(BODY, 1, part) for part in parts))
        self._expect(60, 80)

    def _open(self, vhost: bytes, user: bytes, password: bytes) -> None:
        self._socket.sendall(b"AMQP\0\0\x09\1")
        self._expect(10, 10)
        login = table() + short(b"PLAIN") + long(b"\0" + user + b"\0" + password) + short(b"en_US")
        self._socket.sendall(_method(0, 10, 11, login))
        tune = self._expect(10, 30)
        opening = _method(0, 10, 40, short(vhost) + short(b"") + b"\0")
        self._socket.sendall(_method(0, 10, 31, tune[4:10] + b"\0\0") + opening)
        self._expect(10, 41)
        self._socket.sendall(_method(1, 20, 10, short(b"")))
        self._expect(20, 11)
        self._socket.sendall(_method(1, 85, 10, b"\0"))
        self._expect(85, 11)

    def _receive(self) -> tuple[int, bytes]:
        while len(self._buffer) < 7 or len(self._buffer) < 8 + struct.unpack(">I", self._buffer[3:7])[0]:
            more = self._socket.recv(65536)
            if not more:
                raise ConnectionError("the broker closed the connection")
            self._buffer += more
        size = struct.unpack(">I", self._buffer[3:7])[0]
        whole, self._buffer = self._buffer[: 8 + size], self._buffer[8 + size :]
        return whole[0], whole[7:-1]

    def _expect(self, class_id: int, method_id: int) -> bytes:
        while True:
            kind, payload = self._receive()
            if kind == HEARTBEAT:
                continue
            got = struct.unpack(">HH", payload[:4]) if kind == METHOD else (0, 0)
            if got == (class_id, method_id):
                return payload
            raise ConnectionError(f"the broker sent {got}: {payload[:200]!r}")


def _frame(kind: int, channel: int, payload: bytes) -> bytes:
    return struct.pack(">BHI", kind, channel, len(payload)) + payload + FRAME_END


def _method(channel: int, class_id: int, method_id: int, arguments: bytes = b"") -> bytes:
    return _frame(METHOD, channel, struct.pack(">HH", class_id, method_id) + arguments)
