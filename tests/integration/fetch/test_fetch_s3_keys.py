"""An s3:// URL names its key letter by letter: that object is read, or none."""

import gzip
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from orchestrator.clients.fetch.fetcher import SafeFetcher
from orchestrator.domain.decoding import decode_job
from orchestrator.domain.errors import JobRefused
from orchestrator.domain.jobs import EnhanceJob
from orchestrator.domain.pictures import Picture
from orchestrator.stores.s3 import S3Objects
from tests.kit.fetching import LIMITS, failure, fetching
from tests.kit.odd_s3 import FAULTS, OddS3
from tests.kit.s3 import ACCESS_KEY, REGION, SECRET_KEY

BODIES = Path(__file__).resolve().parents[2] / "cases/messages/bodies"
FAULTY = {prefix.rstrip("/") for prefix in FAULTS}
URLS = {
    path.stem: str(json.loads(path.read_text())["image_url"])
    for path in sorted(BODIES.glob("s3_*.bin"))
    if path.stem.removeprefix("s3_") not in FAULTY
}
REFUSED = {"s3_dot_dot"}


@asynccontextmanager
async def reading(store: OddS3) -> AsyncIterator[SafeFetcher]:
    objects = await S3Objects.open(
        "ours", region=REGION, timeout_s=5, endpoint=store.url, access_key=ACCESS_KEY, secret_key=SECRET_KEY
    )

    async def read_object(bucket: str, key: str) -> Picture | None:
        return await objects.read_from(bucket, key, LIMITS.max_bytes)

    try:
        async with fetching(read_object=read_object) as fetcher:
            yield fetcher
    finally:
        await objects.close()


@pytest.mark.parametrize("name", URLS)
async def test_exactly_the_key_that_is_written_is_read(name: str) -> None:
    bucket, _, key = URLS[name].removeprefix("s3://").partition("/")
    with OddS3() as store:
        for other in ("a", "b.jpg", "a%201.jpg", "x.jpg", "/x.jpg", "3js 5-x.jpg", "a b.jpg", "IMG%201.jpg"):
            if other != key:
                store.put(bucket, other, b"another object")
        store.put(bucket, key, b"the object")
        async with reading(store) as fetcher:
            if name in REFUSED:
                with pytest.raises(JobRefused, match="bad_url"):
                    await fetcher.fetch(URLS[name])
            else:
                assert (await fetcher.fetch(URLS[name])).body == b"the object"


async def test_an_object_that_was_stored_compressed_is_unpacked() -> None:
    compressed, plain = {"Content-Encoding": "gzip"}, {"Content-Encoding": "aws-chunked"}
    with OddS3() as store:
        store.objects["uploads", "a.png"] = (gzip.compress(b"the object"), compressed)
        store.objects["uploads", "b.png"] = (b"the object", plain)
        store.objects["uploads", "bomb.png"] = (gzip.compress(bytes(10**6)), compressed)
        async with reading(store) as fetcher:
            assert (await fetcher.fetch("s3://uploads/a.png")).body == b"the object"
            assert (await fetcher.fetch("s3://uploads/b.png")).body == b"the object"
            assert (await failure(fetcher, "s3://uploads/bomb.png")).reason.code == "too_large"


def test_a_key_is_never_trimmed_into_another_one() -> None:
    fields = {"business_id": "b", "image_id": "1"}
    with pytest.raises(JobRefused, match=r"image_url: .*ends in white space"):
        decode_job(EnhanceJob, json.dumps({**fields, "image_url": " s3://uploads/a.jpg "}).encode())
    job = decode_job(EnhanceJob, json.dumps({**fields, "image_url": "\n https://x.example/a.jpg \n"}).encode())
    assert job.image_url == "https://x.example/a.jpg"
