"""Stores that are less than S3 keep objects all the same, and an object they refuse costs its own job only."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from orchestrator.domain.errors import JobFailed, Unavailable
from orchestrator.domain.outcome import PutObject
from orchestrator.domain.queue_names import error_queue
from orchestrator.stores.s3 import S3Objects
from tests.kit.cli import Cli
from tests.kit.deployment import Deployment, Options, Servers
from tests.kit.gathering import peek
from tests.kit.load import PROCESS, healthy, planned
from tests.kit.odd_s3 import FAULTS, KINDS, OddS3
from tests.kit.pictures import picture
from tests.kit.s3 import ACCESS_KEY, REGION, SECRET_KEY

PUT = PutObject("a/b", b"x" * 1000, "image/png", {"model": "net"})
SHORTCOMINGS = {"no_conditions": "knows no conditional writes", "ignores": "ignores conditional writes"}
OBJECT_FAULTS = tuple(prefix for prefix in FAULTS if prefix != "slow/")


@asynccontextmanager
async def objects_of(store: OddS3) -> AsyncIterator[S3Objects]:
    opened = await S3Objects.open(
        "ours", region=REGION, timeout_s=5, endpoint=store.url, access_key=ACCESS_KEY, secret_key=SECRET_KEY
    )
    try:
        yield opened
    finally:
        await opened.close()


@pytest.mark.parametrize("kind", KINDS)
async def test_a_lesser_store_keeps_an_object_once(kind: str) -> None:
    with OddS3(kind) as store:
        async with objects_of(store) as objects:
            assert await objects.put(PUT)
            assert await objects.put(PUT) is (kind == "ignores")
            found = await objects.get("a/b")
            assert found is not None and (found.body, dict(found.metadata)) == (PUT.body, {"model": "net"})
            lacking = await objects.find_shortcomings()
            assert [kind in SHORTCOMINGS and SHORTCOMINGS[kind] in text for text in lacking] == [True] * (
                kind in SHORTCOMINGS
            )
            assert [key for _, key in store.objects] == ["a/b"], "the probe is taken away again"


async def test_a_store_that_refuses_writes_is_not_called_good(tmp_path: Path) -> None:
    with OddS3("read_only") as store:
        async with objects_of(store) as objects:
            with pytest.raises(Unavailable, match="bucket ours: PutObject: AccessDenied"):
                await objects.find_shortcomings()


@pytest.mark.parametrize("prefix", OBJECT_FAULTS)
async def test_a_source_object_that_is_refused_is_the_jobs_trouble(prefix: str) -> None:
    with OddS3() as store:
        async with objects_of(store) as objects:
            with pytest.raises(JobFailed) as caught:
                await objects.read_from("uploads", f"{prefix}1.jpg", 1000)
            assert caught.value.reason.code == "source_refused"
            assert f"bucket uploads, key {prefix}1.jpg: GetObject: {FAULTS[prefix][1]}" in caught.value.reason.message


async def test_a_store_that_is_overloaded_is_an_outage() -> None:
    with OddS3() as store:
        async with objects_of(store) as objects:
            with pytest.raises(Unavailable, match=r"bucket uploads, key slow/1\.jpg"):
                await objects.read_from("uploads", "slow/1.jpg", 1000)


async def test_an_object_that_ends_early_is_no_image() -> None:
    with OddS3() as store:
        store.put("uploads", "short/1.jpg", b"x" * 1000)
        async with objects_of(store) as objects:
            with pytest.raises(JobFailed, match=r"truncated: bucket uploads, key short/1\.jpg"):
                await objects.read_from("uploads", "short/1.jpg", 5000)


@pytest.mark.parametrize("prefix", ["glacier/", "kms/"])
async def test_an_original_of_ours_that_cannot_be_read_is_no_outage(prefix: str) -> None:
    with OddS3() as store:
        async with objects_of(store) as objects:
            with pytest.raises(JobFailed, match=f"object_refused: bucket ours, key {prefix}1"):
                await objects.get(f"{prefix}1")
            with pytest.raises(Unavailable, match="AccessDenied"):
                await objects.get("denied/1")


async def test_refused_objects_never_stop_the_jobs_behind_them(servers: Servers, tmp_path: Path) -> None:
    options = Options(consumers=4, queue={"retry_delays_s": [0.2]})
    with OddS3() as store:
        async with Deployment(servers, tmp_path, options) as deployment:
            await deployment.workers_ready()
            environment = {"s3_endpoint": store.url, "fetch_s3_buckets": '["uploads"]'}
            await deployment.start(**environment)
            refused = [
                planned(n, "healthy", deployment.outside, image_url=f"s3://uploads/{prefix}{n}.jpg")
                for n, prefix in enumerate(OBJECT_FAULTS * 2)
            ]
            store.put("uploads", "fine.png", picture(1))
            fine = planned(50, "healthy", deployment.outside, image_url="s3://uploads/fine.png")
            behind = healthy(5, deployment.outside, start=100)
            await deployment.publish([*refused, fine, *behind])
            await deployment.drained(30)
            letters = await peek(deployment, error_queue(PROCESS))
            assert {json.loads(each.body)["image_id"] for each in letters} == {f"i{n}" for n in range(8)}
            for letter in letters:
                assert letter.headers["x-error-code"] == "source_refused" and letter.headers["x-error-attempts"] == 2
                assert "bucket uploads, key " in str(letter.headers["x-error-message"])


async def test_doctor_says_what_the_store_lacks(servers: Servers, tmp_path: Path) -> None:
    async with Deployment(servers, tmp_path, Options(stub_workers=0)) as deployment:
        cli = Cli(tmp_path, deployment.environment())
        for kind, text in {**SHORTCOMINGS, "read_only": "AccessDenied"}.items():
            with OddS3(kind) as store:
                done = await asyncio.to_thread(cli, "doctor", "--json", s3_endpoint=store.url)
                [line] = [each for each in json.loads(done.stdout)["checks"] if each["name"] == "s3 writes"]
                assert text in line["detail"] and (line["state"] == "ok") is (kind != "read_only")
