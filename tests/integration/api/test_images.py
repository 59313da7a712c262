"""The bytes of pictures: whole, in parts, or not again."""

import httpx
import pytest

from orchestrator.domain.errors import Unavailable
from orchestrator.domain.outcome import PutObject
from tests.integration.api.conftest import SHA256, Away, Stores, degraded, served

BYTES = bytes(range(200)) * 5
ORIGINAL = f"originals/{SHA256}"
ENHANCED = f"enhanced/{SHA256}/0123abcd.webp"
RENDITION = f"renditions/{SHA256}/0123456789abcdef.png"
TAG = f'"{SHA256}"'


@pytest.fixture(autouse=True)
async def pictures(stores: Stores) -> None:
    await stores.objects.put(PutObject(ORIGINAL, BYTES, "image/jpeg"))
    await stores.objects.put(PutObject(ENHANCED, BYTES[:10], "image/webp"))
    await stores.objects.put(PutObject(RENDITION, BYTES[:20], "image/png"))


@pytest.mark.parametrize(
    ("key", "media_type", "body", "kept_by"),
    [
        (ORIGINAL, "image/jpeg", BYTES, "private"),
        (ENHANCED, "image/webp", BYTES[:10], "public"),
        (RENDITION, "image/png", BYTES[:20], "public"),
    ],
)
async def test_a_picture_comes_whole_and_may_be_kept_for_ever(
    client: httpx.AsyncClient, key: str, media_type: str, body: bytes, kept_by: str
) -> None:
    if kept_by == "public":
        del client.headers["Authorization"]

    reply = await client.get(f"/images/{key}")

    assert (reply.status_code, reply.content, reply.headers["content-type"]) == (200, body, media_type)
    assert reply.headers["cache-control"] == f"{kept_by}, max-age=31536000, immutable"
    assert ("access-control-allow-origin" in reply.headers) == (kept_by == "public")
    assert reply.headers["x-content-type-options"] == "nosniff"
    assert reply.headers["etag"].startswith(f'"{SHA256}') and reply.headers["accept-ranges"] == "bytes"


async def test_two_enhanced_pictures_of_one_original_have_tags_of_their_own(
    stores: Stores, client: httpx.AsyncClient
) -> None:
    await stores.objects.put(PutObject(f"enhanced/{SHA256}/other.webp", b"x", "image/webp"))

    tags = {(await client.get(f"/images/{key}")).headers["etag"] for key in (ENHANCED, f"enhanced/{SHA256}/other.webp")}

    assert len(tags) == 2


async def test_an_original_tells_nothing_to_who_has_no_key(client: httpx.AsyncClient) -> None:
    del client.headers["Authorization"]
    for key in (ORIGINAL, "originals/" + "ff" * 32):
        for headers in ({}, {"If-None-Match": TAG}, {"Range": "bytes=0-9"}):
            reply = await client.get(f"/images/{key}", headers=headers)
            assert (reply.status_code, reply.json()["code"]) == (401, "no_key")


RANGES: list[tuple[dict[str, str], int, bytes | None, str | None]] = [
    ({"Range": "bytes=0-9"}, 206, BYTES[:10], "bytes 0-9/1000"),
    ({"Range": "BYTES=990-"}, 206, BYTES[990:], "bytes 990-999/1000"),
    ({"Range": "bytes=-5"}, 206, BYTES[-5:], "bytes 995-999/1000"),
    ({"Range": "bytes=-5000"}, 206, BYTES, "bytes 0-999/1000"),
    ({"Range": "bytes=998-99999"}, 206, BYTES[998:], "bytes 998-999/1000"),
    ({"Range": "bytes=0-0"}, 206, BYTES[:1], "bytes 0-0/1000"),
    ({"Range": "bytes=1000-"}, 416, None, "bytes */1000"),
    ({"Range": "bytes=-0"}, 416, None, "bytes */1000"),
    ({"Range": "bytes=0-1,5-6"}, 200, BYTES, None),
    ({"Range": "bytes=9-3"}, 200, BYTES, None),
    ({"Range": "bytes=-"}, 200, BYTES, None),
    ({"Range": "pages=1-2"}, 200, BYTES, None),
    ({"Range": "bytes=" + "9" * 400 + "-"}, 200, BYTES, None),
    ({"Range": "bytes=0-9", "If-Range": TAG}, 206, BYTES[:10], "bytes 0-9/1000"),
    ({"Range": "bytes=0-9", "If-Range": '"another"'}, 200, BYTES, None),
    ({"Range": "bytes=0-9", "If-Range": f"W/{TAG}"}, 200, BYTES, None),
    ({"If-None-Match": TAG}, 304, b"", None),
    ({"If-None-Match": f"W/{TAG}"}, 304, b"", None),
    ({"If-None-Match": f'"another", {TAG}'}, 304, b"", None),
    ({"If-None-Match": "*"}, 304, b"", None),
    ({"If-None-Match": TAG, "Range": "bytes=0-9"}, 304, b"", None),
    ({"If-None-Match": '"another"'}, 200, BYTES, None),
    ({"If-None-Match": "nonsense"}, 200, BYTES, None),
]


async def test_what_is_asked_for_is_what_comes(client: httpx.AsyncClient) -> None:
    for headers, status, body, content_range in RANGES:
        reply = await client.get(f"/images/{ORIGINAL}", headers=headers)

        assert (reply.status_code, reply.headers.get("content-range")) == (status, content_range), headers
        assert body is None or reply.content == body, headers
        assert body is not None or reply.json()["code"] == "range_not_satisfiable", headers


async def test_head_tells_everything_but_the_bytes(client: httpx.AsyncClient) -> None:
    reply = await client.head(f"/images/{ORIGINAL}", headers={"Range": "bytes=0-9"})

    assert (reply.status_code, reply.content, reply.headers["content-length"]) == (200, b"", "1000")


@pytest.mark.parametrize("claimed", ["text/html", "image/svg+xml", "application/javascript", "image/jpeg; x=<b>"])
async def test_what_claims_to_be_a_page_is_served_as_plain_bytes(
    stores: Stores, client: httpx.AsyncClient, claimed: str
) -> None:
    key = "originals/" + "00" * 32
    await stores.objects.put(PutObject(key, b"<script>alert(1)</script>", claimed))

    reply = await client.get(f"/images/{key}")

    assert reply.headers["content-type"] == "application/octet-stream"
    assert "sandbox" in reply.headers["content-security-policy"]


OTHER_KEYS = [
    "originals/" + "ff" * 32,
    "originals/../documents.sqlite",
    "originals/..%2f..%2fdocuments.sqlite",
    "%2e%2e/documents.sqlite",
    "%2fetc%2fpasswd",
    "secrets/" + "ab" * 32,
    ORIGINAL.upper(),
    ORIGINAL + "/",
    ORIGINAL + "%00",
    f"enhanced/{SHA256}/.0123abcd.webp.json",
    f"enhanced/{SHA256}",
    "%ff%fe",
    "",
]


async def test_any_other_key_is_a_404(client: httpx.AsyncClient) -> None:
    for key in OTHER_KEYS:
        for headers in ({}, {"If-None-Match": "*"}):
            reply = await client.get(f"/images/{key}", headers=headers)
            assert (reply.status_code, reply.headers["content-type"]) == (404, "application/problem+json"), key


async def test_a_store_that_is_away_is_a_503(stores: Stores) -> None:
    async def away(_: str) -> None:
        raise Unavailable("objects", "https://key:secret@10.1.2.3", retry_after_s=7)

    async with served(degraded(stores, objects=Away(stores.objects, get=away))) as client:
        reply = await client.get(f"/images/{ORIGINAL}")

    assert (reply.status_code, reply.headers["retry-after"]) == (503, "7")
    assert "secret" not in reply.text
    assert reply.headers["cache-control"] == "no-store"
