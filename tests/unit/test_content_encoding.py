"""Bodies that come compressed are unpacked within the byte limit, whatever their header says."""

import gzip
import time
import zlib

import pytest

from orchestrator.clients.fetch.content_encoding import TooMuch, unpack_body
from orchestrator.domain.errors import JobError, JobFailed, JobRefused

BODY = b"\xff\xd8\xff" + bytes(range(256)) * 40
RAW_DEFLATE = zlib.compress(BODY)[2:-4]


@pytest.mark.parametrize(
    ("body", "encoding"),
    [
        (gzip.compress(BODY), "gzip"),
        (gzip.compress(BODY), " GZIP "),
        (gzip.compress(BODY), "x-gzip"),
        (gzip.compress(BODY), "gzip, identity"),
        (gzip.compress(BODY), "aws-chunked,gzip"),
        (gzip.compress(zlib.compress(BODY)), "deflate, gzip"),
        (zlib.compress(BODY), "deflate"),
        (RAW_DEFLATE, "deflate"),
        (BODY, "utf-8"),
        (BODY, "base64"),
        (BODY, ""),
        (BODY, "gzip"),
    ],
)
def test_known_codings_are_unpacked_and_other_words_ignored(body: bytes, encoding: str) -> None:
    assert unpack_body(body, encoding, len(BODY)) == BODY


def test_a_bomb_is_left_at_the_byte_limit() -> None:
    bomb = gzip.compress(bytes(50 * 2**20))
    began = time.monotonic()
    with pytest.raises(TooMuch):
        unpack_body(bomb, "gzip", 2**20)
    with pytest.raises(TooMuch):
        unpack_body(gzip.compress(bomb), "gzip, gzip", 2**20)
    assert time.monotonic() - began < 1


@pytest.mark.parametrize(
    ("body", "encoding", "error", "code"),
    [
        (BODY, ",".join(["gzip"] * 1000), JobRefused, "encoded_body"),
        (BODY, "br", JobRefused, "encoded_body"),
        (b"\x1f\x8b broken" + BODY, "gzip", JobRefused, "encoded_body"),
        (gzip.compress(BODY)[:-12], "gzip", JobFailed, "truncated"),
        (zlib.compress(BODY)[:20], "deflate", JobFailed, "truncated"),
    ],
)
def test_what_cannot_be_unpacked_has_a_true_reason(
    body: bytes, encoding: str, error: type[JobError], code: str
) -> None:
    with pytest.raises(error) as caught:
        unpack_body(body, encoding, len(BODY))
    assert caught.value.reason.code == code
