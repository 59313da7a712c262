"""Whatever a URL, a name or a redirect says: nothing of ours is reached."""

import pytest

from orchestrator.domain.errors import JobRefused
from tests.kit.fetching import failure, fetching
from tests.kit.raw_server import PICTURE, ListResolver, RawServer, redirect_to, says


@pytest.mark.parametrize(
    "url",
    [
        "http://127.0.0.1:{port}/",
        "http://localhost:{port}/",
        "http://127.1:{port}/",
        "http://0x7f000001:{port}/",
        "http://2130706433:{port}/",
        "http://017700000001:{port}/",
        "http://0:{port}/",
        "http://0.0.0.0:{port}/",
        "http://127.0.0.1.:{port}/",
        "http://[::ffff:127.0.0.1]:{port}/",
        "http://[::ffff:7f00:1]:{port}/",
        "http://①②⑦.0.0.1:{port}/",
        "http://127。0。0。1:{port}/",
        "http://%31%32%37.0.0.1:{port}/",
        "http://LOCALHOST:{port}/",
        "http:\\\\127.0.0.1:{port}/",
        "http:///127.0.0.1:{port}/",
        "http://a@127.0.0.1:{port}/",
        "http://a:b@127.0.0.1:{port}/",
        "http://example.org@127.0.0.1:{port}/",
        "http://127.0.0.1:{port}#@example.org/",
    ],
)
async def test_nothing_of_ours_is_reached_without_being_allowed(url: str) -> None:
    async with RawServer(says(PICTURE)).running() as ours, fetching(allow_networks=()) as fetcher:
        await failure(fetcher, url.format(port=ours.port))

        assert ours.connections == 0


async def test_a_blocked_address_is_refused_by_name() -> None:
    async with RawServer(says(PICTURE)).running() as ours, fetching(allow_networks=()) as fetcher:
        caught = await failure(fetcher, f"{ours.url}/?token=s3cret")

        assert isinstance(caught, JobRefused)
        assert caught.reason.code == "address_refused"
        assert "127.0.0.1" in caught.reason.message
        assert "s3cret" not in caught.reason.message


async def test_a_host_whose_every_address_is_blocked_is_refused() -> None:
    resolver = ListResolver([["127.0.0.1", "10.0.0.1", "::1"]])
    async with fetching(allow_networks=(), resolver=resolver) as fetcher:
        caught = await failure(fetcher, "http://pictures.example/")

        assert caught.reason.code == "address_refused"


async def test_a_redirect_into_our_networks_reaches_nobody() -> None:
    async with (
        RawServer(says(PICTURE), "127.0.0.1").running() as ours,
        RawServer(says(redirect_to(f"{ours.url}/admin")), "127.0.0.2").running() as public,
        fetching(allow_networks=("127.0.0.2/32",)) as fetcher,
    ):
        caught = await failure(fetcher, public.url)

        assert (public.connections, ours.connections) == (1, 0)
        assert caught.reason.code == "address_refused"


async def test_a_name_that_resolves_to_us_the_second_time_reaches_nobody() -> None:
    resolver = ListResolver([["127.0.0.2"], ["127.0.0.1"]])
    async with RawServer(says(PICTURE), "127.0.0.1").running() as ours:
        answer = redirect_to(f"http://rebind.example:{ours.port}/")
        async with (
            RawServer(says(answer), "127.0.0.2").running() as public,
            fetching(allow_networks=("127.0.0.2/32",), resolver=resolver) as fetcher,
        ):
            caught = await failure(fetcher, f"http://rebind.example:{public.port}/")

            assert (public.connections, ours.connections, resolver.asked) == (1, 0, 2)
            assert caught.reason.code == "address_refused"
