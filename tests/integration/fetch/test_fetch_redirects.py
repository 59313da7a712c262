"""Redirects: followed up to a limit, and to plain http URLs only."""

from pathlib import Path

import pytest
from yarl import URL

from orchestrator.clients.fetch.fetcher import SafeFetcher, next_hop
from orchestrator.domain.errors import JobRefused
from orchestrator.domain.pictures import Picture
from tests.kit.fetching import LIMITS, failure, fetching
from tests.kit.raw_server import RawServer, redirect_to, says


async def test_redirects_are_followed_up_to_the_limit(fetcher: SafeFetcher, site: str) -> None:
    assert (await fetcher.fetch(f"{site}/redirects/5")).content_type == "image/jpeg"

    for too_many in (6, 11):
        caught = await failure(fetcher, f"{site}/redirects/{too_many}")
        assert (type(caught), caught.reason.code) == (JobRefused, "too_many_redirects")


async def test_a_redirect_loop_ends(fetcher: SafeFetcher) -> None:
    async with RawServer(says(redirect_to("/again"))).running() as loop:
        caught = await failure(fetcher, loop.url)

        assert caught.reason.code == "too_many_redirects"
        assert loop.connections == LIMITS.max_redirects + 1


async def test_a_redirect_without_scheme_keeps_the_scheme(fetcher: SafeFetcher, site: str) -> None:
    target = site.removeprefix("http:") + "/picture"

    assert (await fetcher.fetch(f"{site}/location?to={target}")).content_type == "image/jpeg"


@pytest.mark.parametrize(
    ("target", "code"),
    [
        ("file:///etc/passwd", "redirect_refused"),
        ("ftp://127.0.0.1/a", "redirect_refused"),
        ("gopher://127.0.0.1:6379/_x", "redirect_refused"),
        ("s3://bucket/key", "redirect_refused"),
        ("data:image/png,x", "redirect_refused"),
        ("http://[::1", "redirect_refused"),
        ("http://user:pw@127.0.0.1/", "bad_url"),
        ("http://xn--a/", "redirect_refused"),
    ],
)
async def test_a_redirect_elsewhere_than_to_a_plain_http_url_is_refused(site: str, target: str, code: str) -> None:
    async def read_object(bucket: str, key: str) -> Picture | None:
        return Picture(b"secret", "image/png")

    async with fetching(read_object=read_object, file_root=Path("/")) as fetcher:
        async with RawServer(says(redirect_to(target))).running() as away:
            caught = await failure(fetcher, away.url)

        assert (type(caught), caught.reason.code) == (JobRefused, code)


async def test_a_redirect_to_nowhere_is_refused(fetcher: SafeFetcher, site: str) -> None:
    caught = await failure(fetcher, f"{site}/location?to=")

    assert caught.reason.code == "redirect_refused"


async def test_https_does_not_fall_back_to_http() -> None:
    with pytest.raises(JobRefused, match="redirect_refused"):
        next_hop(URL("https://a.example/"), "http://a.example/")
    assert next_hop(URL("http://a.example/"), "https://a.example/b") == URL("https://a.example/b")
