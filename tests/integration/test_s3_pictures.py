"""Reading pictures that others put into S3, on a real S3 server."""

import pytest

from orchestrator.domain.errors import JobRefused
from orchestrator.domain.pictures import Picture
from orchestrator.stores.s3 import S3Objects
from tests.kit.s3 import ACCESS_KEY, REGION, SECRET_KEY, S3Server


async def test_pictures_come_from_other_buckets_bounded_and_a_missing_one_is_none(
    s3_server: S3Server, bucket: str
) -> None:
    s3_server.client().put_object(Bucket=bucket, Key="uploads/17 a.jpg", Body=b"0123456789", ContentType="image/jpeg")
    objects = await S3Objects.open(
        "another", region=REGION, timeout_s=5, endpoint=s3_server.endpoint, access_key=ACCESS_KEY, secret_key=SECRET_KEY
    )
    try:
        assert await objects.read_from(bucket, "uploads/17 a.jpg", 10) == Picture(b"0123456789", "image/jpeg")
        assert await objects.read_from(bucket, "uploads/18.jpg", 10) is None
        with pytest.raises(JobRefused, match="too_large"):
            await objects.read_from(bucket, "uploads/17 a.jpg", 9)
    finally:
        await objects.close()
