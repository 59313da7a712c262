"""Rarer answers of image hosts, as far as a worker's decoder: the image, or a reason that is true."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from orchestrator.domain.decoding import decode_job
from orchestrator.domain.errors import JobFailed, JobRefused
from orchestrator.domain.jobs import EnhanceJob
from tests.kit.fetching import failure, fetching
from tests.kit.odd_host import OddHost
from tests.kit.odd_rare_answers import RareAnswers
from tests.kit.raw_server import ListResolver
from workers.errors import Refused
from workers.images.codecs import decode

TESTS = Path(__file__).resolve().parents[2]
IMAGE = (TESTS / "e2e/pictures/shop-front.jpg").read_bytes()
MAX_PIXELS = 40_000_000


@pytest.fixture(scope="module")
def host() -> Iterator[OddHost]:
    with OddHost(IMAGE, RareAnswers) as host:
        yield host


@pytest.mark.parametrize("path", ["/only-bots", "/webp-if-asked", "/long-header?20000", "/plain.jpg?a=1&amp;b=2"])
async def test_an_answer_with_the_image_is_taken(host: OddHost, path: str) -> None:
    async with fetching() as fetcher:
        assert (await fetcher.fetch(host.url + path)).body == IMAGE


@pytest.mark.parametrize(
    ("path", "error", "code", "words"),
    [
        ("/redirect-no-location", JobRefused, "redirect_refused", "redirects to no URL"),
        ("/redirect-300", JobRefused, "source_refused", "status 300"),
        ("/partial", JobRefused, "source_refused", "status 206"),
        ("/status?304", JobRefused, "source_refused", "status 304"),
        ("/status?204", JobRefused, "source_refused", "status 204"),
        ("/status?418", JobRefused, "source_refused", "status 418"),
        ("/needs-referer", JobRefused, "source_refused", "status 403"),
        ("/later?9", JobRefused, "source_gone", "status 404"),
        ("/drip", JobFailed, "source_unavailable", "took too long"),
        ("/204-with-body", JobFailed, "source_unavailable", "no valid HTTP"),
        ("/two-lengths", JobFailed, "source_unavailable", "no valid HTTP"),
        ("/long-header?70000", JobFailed, "source_unavailable", "no valid HTTP"),
    ],
)
async def test_any_other_answer_says_what_came(
    host: OddHost, path: str, error: type[JobFailed | JobRefused], code: str, words: str
) -> None:
    async with fetching() as fetcher:
        caught = await failure(fetcher, host.url + path)
    assert (type(caught), caught.reason.code) == (error, code) and words in caught.reason.message


@pytest.mark.parametrize(
    ("path", "code"),
    [
        ("/growing?9", "truncated"),
        ("/http10-cut", "truncated"),
        ("/chunked-short-end", "truncated"),
        ("/html200", "unsupported_format"),
        ("/meta-refresh", "not_an_image"),
    ],
)
async def test_bytes_that_http_calls_whole_are_judged_by_the_decoder(host: OddHost, path: str, code: str) -> None:
    async with fetching() as fetcher:
        image = await fetcher.fetch(host.url + path)
    with pytest.raises(Refused) as caught:
        decode(image.body, MAX_PIXELS)
    assert caught.value.code == code


@pytest.mark.parametrize("path", ["/growing?1", "/growing-empty?1", "/later?1"])
async def test_what_was_still_on_its_way_is_there_the_next_time(host: OddHost, path: str) -> None:
    async with fetching() as fetcher:
        try:
            first = (await fetcher.fetch(host.url + path)).body
        except (JobFailed, JobRefused):
            first = b""
        assert len(first) < len(IMAGE)
        assert (await fetcher.fetch(host.url + path)).body == IMAGE


async def test_bytes_left_over_from_an_answer_never_reach_the_next_fetch(host: OddHost) -> None:
    async with fetching() as fetcher:
        for _ in range(3):
            await failure(fetcher, f"{host.url}/204-with-body")
            assert (await fetcher.fetch(f"{host.url}/plain.jpg")).body == IMAGE


async def test_a_cookie_never_reaches_another_host_of_its_domain(host: OddHost) -> None:
    port = host.url.rpartition(":")[2]
    target = f"http://b.site.example:{port}/plain.jpg"
    host.asked.clear()
    async with fetching(resolver=ListResolver([["127.0.0.1"]])) as fetcher:
        await fetcher.fetch(f"http://a.site.example:{port}/redirect-cookie-to?{target}")
    assert [cookie for _, cookie in host.asked] == [None, None]


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("url_tab_inside", "bad_url: http://127.0.0.1:8099/pl?ain.jpg: not a URL"),
        ("url_data", "image_url: must start with one of http://, https://, s3://"),
        ("url_no_scheme", "image_url: must start with one of http://, https://, s3://"),
    ],
)
async def test_a_url_that_is_none_is_refused_with_a_true_reason(name: str, words: str) -> None:
    body = (TESTS / f"cases/messages/bodies/{name}.bin").read_bytes()
    async with fetching() as fetcher:
        with pytest.raises(JobRefused) as caught:
            await fetcher.fetch(decode_job(EnhanceJob, body).image_url)
    assert words in str(caught.value)
