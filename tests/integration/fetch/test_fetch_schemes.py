"""URLs that are none, and those of objects and files."""

import os
from pathlib import Path

import pytest

from orchestrator.clients.fetch.fetcher import SafeFetcher
from orchestrator.domain.errors import JobRefused, Unavailable
from orchestrator.domain.pictures import Picture
from tests.kit.fetching import LIMITS, failure, fetching


@pytest.mark.parametrize(
    "url",
    [
        "http://",
        "http:///a.jpg",
        "http://[::1/a.jpg",
        "http://[not-an-address]/",
        "http://a..b/",
        "http://xn--a/",
        f"http://{'a' * 70}.example/",
        "http://127.0.0.1:99999/",
        "http://127.0.0.1:port/",
        "http://127.0.0.1:0/",
        "http://user@127.0.0.1/",
        "http://exa mple.com/a.jpg",
        "http://example.com\\a.jpg",
    ],
)
async def test_what_is_no_usable_url_is_refused(fetcher: SafeFetcher, url: str) -> None:
    caught = await failure(fetcher, url)

    assert (type(caught), caught.reason.code) == (JobRefused, "bad_url")


async def test_s3_urls_go_through_the_object_store() -> None:
    async def read_object(bucket: str, key: str) -> Picture | None:
        if bucket == "away":
            raise Unavailable("s3")
        return Picture(key.encode() * 2, "image/png") if bucket == "pictures" else None

    async with fetching(read_object=read_object) as fetcher:
        assert await fetcher.fetch("s3://pictures/a/b c.png") == Picture(b"a/b c.png" * 2, "image/png")
        assert (await failure(fetcher, "s3://other/a.png")).reason.code == "source_gone"
        assert (await failure(fetcher, f"s3://pictures/{'k' * LIMITS.max_bytes}")).reason.code == "too_large"
        with pytest.raises(Unavailable):
            await fetcher.fetch("s3://away/a.png")


async def test_a_scheme_that_is_not_configured_is_refused(fetcher: SafeFetcher, tmp_path: Path) -> None:
    (tmp_path / "a.png").write_bytes(b"x")
    for url in ("s3://bucket/key", f"file://{tmp_path}/a.png", "ftp://127.0.0.1/a", "javascript:x"):
        caught = await failure(fetcher, url)
        assert (type(caught), caught.reason.code) == (JobRefused, "scheme_refused")


async def test_file_urls_read_regular_files_under_the_root_only(tmp_path: Path) -> None:
    root = tmp_path / "root"
    root.mkdir()
    (root / "a b.png").write_bytes(b"x" * 10)
    (root / "large").write_bytes(b"x" * (LIMITS.max_bytes + 1))
    (tmp_path / "outside").write_bytes(b"secret")
    (root / "link").symlink_to(tmp_path / "outside")
    os.mkfifo(root / "pipe")
    refusals = {
        "link": "file_refused",
        "../outside": "file_refused",
        "%2e%2e/outside": "file_refused",
        "pipe": "file_refused",
        "": "file_refused",
        "a%20b.png/x": "file_refused",
        "gone": "source_gone",
        "large": "too_large",
        "a%00b": "bad_url",
    }
    async with fetching(file_root=root) as fetcher:
        assert await fetcher.fetch(f"file://{root}/a%20b.png") == Picture(b"x" * 10, "image/png")
        for name, code in refusals.items():
            caught = await failure(fetcher, f"file://{root}/{name}")
            assert (name, type(caught), caught.reason.code) == (name, JobRefused, code)
        assert (await failure(fetcher, f"file://host{root}/a%20b.png")).reason.code == "scheme_refused"
