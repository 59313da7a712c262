"""An s3:// URL names its key letter by letter: that object is read, or none."""

import json
from pathlib import Path

import pytest

from orchestrator.domain.errors import JobRefused
from orchestrator.stores.s3 import S3Objects
from tests.kit.fetching import fetching
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


@pytest.mark.parametrize("name", URLS)
async def test_exactly_the_key_that_is_written_is_read(name: str) -> None:
    bucket, _, key = URLS[name].removeprefix("s3://").partition("/")
    with OddS3() as store:
        objects = await S3Objects.open(
            "ours", region=REGION, timeout_s=5, endpoint=store.endpoint, access_key=ACCESS_KEY, secret_key=SECRET_KEY
        )
        for other in ("a", "b.jpg", "a%201.jpg", "x.jpg", "/x.jpg", "3js 5-x.jpg", "a b.jpg", "IMG%201.jpg"):
            if other != key:
                store.put(bucket, other, b"another object")
        store.put(bucket, key, b"the object")

        async def read_object(bucket: str, key: str) -> object:
            return await objects.read_from(bucket, key, 1000)

        async with fetching(read_object=read_object) as fetcher:
            try:
                if name in REFUSED:
                    with pytest.raises(JobRefused, match="bad_url"):
                        await fetcher.fetch(URLS[name])
                else:
                    assert (await fetcher.fetch(URLS[name])).body == b"the object"
            finally:
                await objects.close()
