"""An image whose upload is still under way, fetched from a real host and judged by a real worker."""

from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass, field

import aiohttp
import pytest

from orchestrator.clients.canaries.canary import canary_for
from orchestrator.clients.workers.enhance import EnhanceClient
from orchestrator.clients.workers.pool import WorkerPool
from orchestrator.config import PoolSpec
from orchestrator.domain.enhancement import sha256_of
from orchestrator.domain.errors import JobFailed, JobRefused
from orchestrator.domain.jobs import EnhanceJob
from orchestrator.domain.outcome import Done, Outcome, PutObject
from orchestrator.domain.pictures import Picture
from orchestrator.domain.retrying import UPLOAD_ATTEMPTS
from orchestrator.stages.enhance import enhance
from tests.kit.fetching import fetching
from tests.kit.image_files import encoded, picture
from tests.kit.odd_host import OddHost
from tests.kit.worker_client import Client

IMAGE = encoded(picture(), "JPEG")
HALF = IMAGE[: len(IMAGE) // 2]


@dataclass
class Originals:
    held: dict[str, Picture] = field(default_factory=dict)

    async def find_original(self, sha256: str) -> Picture | None:
        return self.held.get(sha256)


@pytest.fixture
def host() -> Iterator[OddHost]:
    with OddHost(IMAGE) as host:
        yield host


@pytest.fixture
async def enhancer(client: Client, session: aiohttp.ClientSession) -> AsyncIterator[EnhanceClient]:
    spec = PoolSpec(endpoints=(client.url,), max_in_flight=2, timeout_s=20)
    pool = WorkerPool("enhance", spec, session, service="enhance", canary=lambda: canary_for("enhance"))
    await pool.start()
    yield EnhanceClient(pool)
    await pool.close()


async def run(url: str, enhancer: EnhanceClient, originals: Originals, sha256: str | None = None) -> Outcome:
    """One attempt. What it wants to write is written, as settling would."""
    job = EnhanceJob(business_id="b", image_id="1", image_url=url, content_sha256=sha256).with_identity(
        1_700_000_000_000
    )
    async with fetching() as fetcher:
        outcome = await enhance(job, originals=originals, fetcher=fetcher, enhancer=enhancer)
    assert isinstance(outcome, Done)
    for write in outcome.writes:
        if isinstance(write, PutObject) and write.key.startswith("originals/"):
            originals.held[write.key.removeprefix("originals/")] = Picture(write.body, write.content_type)
    return outcome


@pytest.mark.parametrize("path", ["/growing?1", "/growing-empty?1"])
async def test_the_whole_image_is_enhanced_once_it_is_there(host: OddHost, enhancer: EnhanceClient, path: str) -> None:
    originals = Originals()
    with pytest.raises(JobFailed) as caught:
        await run(host.url + path, enhancer, originals)
    assert caught.value.reason.code in ("truncated", "empty") and caught.value.max_attempts == UPLOAD_ATTEMPTS
    assert originals.held == {}, "a part of an image is never kept as the original"
    await run(host.url + path, enhancer, originals)
    assert originals.held.keys() == {sha256_of(IMAGE)}


@pytest.mark.parametrize("path", ["/http10-cut", "/chunked-short-end"])
async def test_an_end_that_comes_too_early_fails_the_attempt(host: OddHost, enhancer: EnhanceClient, path: str) -> None:
    with pytest.raises(JobFailed, match="truncated") as caught:
        await run(host.url + path, enhancer, Originals())
    assert caught.value.max_attempts == UPLOAD_ATTEMPTS


async def test_a_stored_original_that_ends_too_early_is_final(host: OddHost, enhancer: EnhanceClient) -> None:
    stored = Originals({sha256_of(HALF): Picture(HALF, "image/jpeg")})
    with pytest.raises(JobRefused, match="truncated"):
        await run(host.url + "/plain.jpg", enhancer, stored, sha256_of(HALF))
    assert host.asked == []


async def test_a_part_of_the_image_that_the_job_names_is_not_taken_for_it(
    host: OddHost, enhancer: EnhanceClient
) -> None:
    originals, sha256 = Originals(), sha256_of(IMAGE)
    with pytest.raises(JobFailed, match="content_changed"):
        await run(host.url + "/growing?1", enhancer, originals, sha256)
    await run(host.url + "/growing?1", enhancer, originals, sha256)
    assert originals.held.keys() == {sha256}
