"""What a download asks for and brings home, and what a status means."""

import json

import pytest

from orchestrator.clients.fetch.fetcher import SafeFetcher
from orchestrator.domain.errors import JobError, JobFailed, JobRefused
from orchestrator.domain.pictures import Picture
from tests.kit.fetching import failure


async def test_a_picture_comes_with_its_bytes_and_claimed_type(fetcher: SafeFetcher, site: str) -> None:
    assert await fetcher.fetch(f"{site}/picture") == Picture(b"\xff\xd8\xff picture", "image/jpeg")


async def test_requests_say_who_asks_and_ask_for_plain_bytes(fetcher: SafeFetcher, site: str) -> None:
    echo = (await fetcher.fetch(f"{site}/echo")).body.decode()

    assert '"User-Agent": "JustLens/' in echo
    assert '"Accept-Encoding": "identity"' in echo


@pytest.mark.parametrize(
    ("written", "sent"),
    [
        ("/echo?sig=a%2Fb%3d+c&x", "/echo?sig=a%2Fb%3d+c&x"),
        ("/echo?a/../%7e", "/echo?a/../%7e"),
        ("/echo?q=ä b|", "/echo?q=%C3%A4%20b%7C"),
        ("/echo#fragment", "/echo"),
    ],
)
async def test_a_url_is_sent_as_it_was_signed(fetcher: SafeFetcher, site: str, written: str, sent: str) -> None:
    echo = json.loads((await fetcher.fetch(site + written)).body)

    assert echo["path"].startswith(sent)
    assert "X-Injected" not in echo


async def test_a_scheme_may_be_written_in_capitals(fetcher: SafeFetcher, site: str) -> None:
    assert (await fetcher.fetch(f"HTTP{site.removeprefix('http')}/picture")).content_type == "image/jpeg"


async def test_the_environment_names_no_proxy(fetcher: SafeFetcher, site: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:9")

    assert (await fetcher.fetch(f"{site}/picture")).content_type == "image/jpeg"


@pytest.mark.parametrize(
    ("status", "error", "code"),
    [
        *((status, JobRefused, "source_gone") for status in (404, 410)),
        *((status, JobRefused, "source_refused") for status in (204, 206, 304, 400, 401, 403, 406, 418, 451)),
        *((status, JobFailed, "source_unavailable") for status in (408, 425, 500, 502, 503, 504)),
    ],
)
async def test_a_status_says_whether_trying_again_may_help(
    fetcher: SafeFetcher, site: str, status: int, error: type[JobError], code: str
) -> None:
    caught = await failure(fetcher, f"{site}/status/{status}")

    assert (type(caught), caught.reason.code) == (error, code)


async def test_reasons_and_their_causes_show_no_secrets(fetcher: SafeFetcher, site: str) -> None:
    for url in (f"{site}/status/403?sig=s3cret", "http://a..b/?sig=s3cret", "http://u:s3cret@127.0.0.1/"):
        caught = await failure(fetcher, url)
        assert "s3cret" not in str(caught)
        assert caught.__cause__ is None


@pytest.mark.parametrize("url", ["/echo?q=a\r\nX-Injected: 1", "/pl\tain.jpg", "/a\x00b"])
async def test_a_control_character_in_a_url_is_refused(fetcher: SafeFetcher, site: str, url: str) -> None:
    assert (await failure(fetcher, site + url)).reason.code == "bad_url"
