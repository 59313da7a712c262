"""Image hosts as they are: each answer is the image, or a reason that is true and says whether to come again."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from orchestrator.domain.errors import JobDeferred, JobFailed, JobRefused
from tests.kit.fetching import fetching
from tests.kit.odd_host import OddHost
from tests.kit.pictures import picture

BODIES = Path(__file__).resolve().parents[2] / "cases/messages/bodies"
IMAGE = picture(1) * 4

TAKEN = [
    "/plain.jpg",
    "/gzip-anyway",
    "/identity-header",
    "/utf8-encoding",
    "/utf8-encoding?base64",
    "/type-lies",
    "/no-type",
    "/redirect-cookie",
    "/redirect-raw",
    "/redirect-latin1",
    "/redirect-fragment",
    "/http10-whole",
    "/latin1-header",
    "/200-no-reason",
    "/noai",
]
FAILURES = [
    ("/empty200", JobFailed, "empty"),
    ("/short", JobFailed, "source_unavailable"),
    ("/chunked-cut", JobFailed, "source_unavailable"),
    ("/two-lengths", JobFailed, "source_unavailable"),
    ("/chunked-and-length", JobFailed, "source_unavailable"),
    ("/bad-header", JobFailed, "source_unavailable"),
    ("/status?404", JobRefused, "source_gone"),
    ("/status?403", JobRefused, "source_refused"),
    ("/only-browsers", JobRefused, "source_refused"),
    ("/status?500", JobFailed, "source_unavailable"),
    ("/limited?9,600", JobDeferred, "source_busy"),
    ("/busy", JobDeferred, "source_busy"),
    ("/status?429", JobDeferred, "source_busy"),
    ("/status?503", JobFailed, "source_unavailable"),
    ("/utf8-encoding?br", JobRefused, "encoded_body"),
]


@pytest.fixture
def host() -> Iterator[OddHost]:
    with OddHost(IMAGE) as host:
        yield host


@pytest.mark.parametrize("path", TAKEN)
async def test_what_a_browser_would_show_is_fetched(host: OddHost, path: str) -> None:
    async with fetching() as fetcher:
        assert (await fetcher.fetch(host.url + path)).body == IMAGE


@pytest.mark.parametrize(("path", "error", "code"), FAILURES)
async def test_any_other_answer_has_a_true_reason(
    host: OddHost, path: str, error: type[JobFailed | JobRefused | JobDeferred], code: str
) -> None:
    async with fetching() as fetcher:
        with pytest.raises(error) as caught:
            await fetcher.fetch(host.url + path)
    assert type(caught.value) is error and caught.value.reason.code == code


@pytest.mark.parametrize("name", ["url_space_signed", "url_accent_signed", "url_html_entity"])
async def test_only_the_illegal_character_of_a_url_is_quoted(host: OddHost, name: str) -> None:
    url = json.loads((BODIES / f"{name}.bin").read_text())["image_url"]
    async with fetching() as fetcher:
        assert (await fetcher.fetch(url.replace("http://127.0.0.1:8099", host.url))).body == IMAGE


async def test_a_cookie_is_sent_back_within_its_own_fetch_only(host: OddHost) -> None:
    async with fetching() as fetcher:
        await fetcher.fetch(host.url + "/redirect-cookie")
        await fetcher.fetch(host.url + "/plain.jpg")
    assert [cookie for _, cookie in host.asked] == [None, "seen=1", None]


async def test_a_host_that_asks_for_time_is_left_alone_and_others_are_not(host: OddHost) -> None:
    with OddHost(IMAGE) as other:
        async with fetching() as fetcher:
            with pytest.raises(JobDeferred) as caught:
                await fetcher.fetch(host.url + "/limited?1,120")
            assert caught.value.delay_s == 120
            with pytest.raises(JobDeferred, match="asked to be left alone"):
                await fetcher.fetch(host.url + "/plain.jpg")
            assert (await fetcher.fetch(other.url + "/plain.jpg")).body == IMAGE
    assert len(host.asked) == 1


async def test_the_time_asked_for_may_be_a_date_and_is_bounded(host: OddHost) -> None:
    for path, least_s, most_s in (("/busy", 30, 41), ("/limited?9,86400", 600, 600), ("/limited?9,0", 1, 1)):
        async with fetching() as fetcher:
            with pytest.raises(JobDeferred) as caught:
                await fetcher.fetch(host.url + path)
        assert least_s <= caught.value.delay_s <= most_s
