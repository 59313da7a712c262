"""Purging, against a real HTTP endpoint that is told what to answer."""

import asyncio
import json
from collections.abc import AsyncIterator
from pathlib import Path
from time import time_ns

import pytest
from aiohttp import web

from orchestrator.clients.cdn import TRIES, CdnPurger, FilePurger
from orchestrator.clients.http import open_session
from orchestrator.domain.errors import JobFailed, JobRefused, Unavailable

URL = "https://cdn.example/a.jpg?key=s3cret"


class Cdn:
    """Answers with the next status on its list, the last one for ever; 0 stands for no answer at all."""

    def __init__(self) -> None:
        self.statuses = [200]
        self.seen: list[tuple[str | None, object]] = []
        self.url = ""

    async def purge(self, request: web.Request) -> web.Response:
        self.seen.append((request.headers.get("Authorization"), await request.json()))
        status = self.statuses[min(len(self.seen), len(self.statuses)) - 1]
        if status == 0:
            await asyncio.sleep(60)
        return web.Response(status=status, headers={"Retry-After": "7", "Location": "/elsewhere"})


@pytest.fixture
async def cdn() -> AsyncIterator[Cdn]:
    made = Cdn()
    app = web.Application()
    app.router.add_post("/purge", made.purge)
    runner = web.AppRunner(app, shutdown_timeout=0.01, handler_cancellation=True)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    made.url = f"http://127.0.0.1:{runner.addresses[0][1]}/purge"
    yield made
    await runner.cleanup()


async def purge(purge_url: str | None, *, token: str | None = "t0ken", timeout_s: float = 0.2) -> None:
    async with open_session() as session:
        await CdnPurger(session, purge_url=purge_url, token=token, timeout_s=timeout_s).purge(URL)


@pytest.mark.parametrize("status", [200, 202, 204, 404])
async def test_a_purged_or_unknown_url_is_done(cdn: Cdn, status: int) -> None:
    cdn.statuses = [status]
    await purge(cdn.url)

    assert cdn.seen == [("Bearer t0ken", {"url": URL})]


async def test_without_a_token_there_is_no_authorization(cdn: Cdn) -> None:
    await purge(cdn.url, token=None)

    assert cdn.seen[0][0] is None


@pytest.mark.parametrize("first", [500, 503, 429, 0])
async def test_what_may_pass_is_tried_again(cdn: Cdn, first: int) -> None:
    cdn.statuses = [first, 200]
    await purge(cdn.url)

    assert len(cdn.seen) == 2


@pytest.mark.parametrize("status", [500, 429, 0])
async def test_three_tries_are_enough(cdn: Cdn, status: int) -> None:
    cdn.statuses = [status]
    with pytest.raises(Unavailable) as caught:
        await purge(cdn.url)

    assert (caught.value.dependency, len(cdn.seen)) == ("cdn", TRIES)
    assert caught.value.retry_after_s == (None if status == 0 else 7.0)
    assert "s3cret" not in str(caught.value)


@pytest.mark.parametrize("status", [400, 410, 414, 422])
async def test_an_answer_about_the_url_itself_is_the_jobs_fault(cdn: Cdn, status: int) -> None:
    cdn.statuses = [status]
    with pytest.raises(JobRefused) as refused:
        await purge(cdn.url)

    assert refused.value.reason.code == "purge_refused"
    assert "s3cret" not in str(refused.value)
    assert len(cdn.seen) == 1


@pytest.mark.parametrize("status", [301, 401, 403, 405])
async def test_a_refusal_is_charged_because_others_url_would_stop_the_queue(cdn: Cdn, status: int) -> None:
    cdn.statuses = [status]
    with pytest.raises(JobFailed, match=f"purge_refused.*{status}.*JUSTLENS_CDN_TOKEN") as caught:
        await purge(cdn.url)

    assert len(cdn.seen) == 1
    assert "t0ken" not in str(caught.value)


async def test_nobody_listening_is_unavailable(cdn: Cdn, unused_tcp_port: int) -> None:
    with pytest.raises(Unavailable):
        await purge(f"http://127.0.0.1:{unused_tcp_port}/purge")


async def test_without_a_cdn_nothing_is_purged() -> None:
    await purge(None)


async def test_purges_are_written_down_one_line_each(tmp_path: Path) -> None:
    purger = FilePurger(tmp_path / "purged.jsonl")
    before = time_ns() // 1_000_000
    await asyncio.gather(*(purger.purge(f"https://cdn.example/{number}") for number in range(50)))

    lines = [json.loads(line) for line in (tmp_path / "purged.jsonl").read_text().splitlines()]
    assert {line["url"] for line in lines} == {f"https://cdn.example/{number}" for number in range(50)}
    assert all(before <= line["at"] <= time_ns() // 1_000_000 for line in lines)


async def test_a_purge_that_cannot_be_written_down_is_unavailable(tmp_path: Path) -> None:
    with pytest.raises(Unavailable):
        await FilePurger(tmp_path / "missing" / "purged.jsonl").purge(URL)
