"""Objects whose server is stopped, frozen or refuses: unavailable within the timeout, never half of one."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from orchestrator.domain.errors import JobRefused
from orchestrator.domain.outcome import PutObject
from orchestrator.stores.s3 import S3Objects
from tests.conftest import require
from tests.kit.away import TIMEOUT_S, is_unavailable
from tests.kit.s3 import ACCESS_KEY, REGION, SECRET_KEY, S3Server

PUT = PutObject("a/b", b"x" * 100_000, "image/png")


@pytest.fixture
def own_s3(tmp_path: Path) -> Iterator[S3Server]:
    require(S3Server.missing())
    server = S3Server(tmp_path / "s3")
    try:
        server.start()
        server.make_bucket("pictures")
        yield server
    finally:
        server.stop()


async def s3_at(endpoint: str, bucket: str = "pictures") -> S3Objects:
    return await S3Objects.open(
        bucket, region=REGION, timeout_s=TIMEOUT_S, endpoint=endpoint, access_key=ACCESS_KEY, secret_key=SECRET_KEY
    )


class TestS3:
    async def test_every_call_gives_up_when_the_server_freezes_or_dies(self, own_s3: S3Server) -> None:
        objects = await s3_at(own_s3.endpoint)
        assert await objects.put(PUT)
        for take_away in (own_s3.freeze, own_s3.kill):
            take_away()
            calls = [objects.put(PUT), objects.get("a/b"), objects.exists("a/b"), objects.ping()]
            said = await asyncio.gather(*(is_unavailable(call) for call in calls))
            assert all(text.startswith("s3 is not available: bucket pictures") for text in said)
            own_s3.thaw()
        await objects.close()

    async def test_a_bucket_that_does_not_exist_is_the_operators_fault(self, own_s3: S3Server) -> None:
        objects = await s3_at(own_s3.endpoint, "missing")
        assert "NoSuchBucket" in await is_unavailable(objects.put(PUT))
        assert "NoSuchBucket" in await is_unavailable(objects.get("a/b"))
        await is_unavailable(objects.ping())
        await objects.close()


class Scripted:
    """An S3 endpoint that answers with given statuses and error codes, one after the other."""

    def __init__(self) -> None:
        self.answers: list[tuple[int, str]] = []
        self.requests: list[web.Request] = []

    async def answer(self, request: web.Request) -> web.StreamResponse:
        await request.read()
        self.requests.append(request)
        status, code = self.answers.pop(0)
        if code == "cut":
            reply = web.StreamResponse(headers={"Content-Length": "1000"})
            await reply.prepare(request)
            await reply.write(b"half")
            assert request.transport is not None
            request.transport.close()
            return reply
        body = f"<Error><Code>{code}</Code><Message>why</Message></Error>" if code else ""
        return web.Response(status=status, body=body.encode(), content_type="application/xml")


@pytest.fixture
async def scripted() -> AsyncIterator[tuple[Scripted, S3Objects]]:
    script = Scripted()
    app = web.Application(client_max_size=2**24)
    app.router.add_route("*", "/{path:.*}", script.answer)
    async with TestServer(app) as server:
        objects = await s3_at(str(server.make_url("")).rstrip("/"))
        yield script, objects
        await objects.close()


class TestS3Answers:
    async def test_a_put_is_conditional_and_a_conflict_is_tried_again(
        self, scripted: tuple[Scripted, S3Objects]
    ) -> None:
        script, objects = scripted
        script.answers = [(409, "ConditionalRequestConflict"), (409, "OperationAborted"), (200, "")]
        assert await objects.put(PUT)
        assert [request.headers["If-None-Match"] for request in script.requests] == ["*"] * 3
        script.answers = [(409, "ConditionalRequestConflict"), (412, "PreconditionFailed")]
        assert not await objects.put(PUT)
        script.answers = [(409, "ConditionalRequestConflict")] * 10
        await is_unavailable(objects.put(PUT))

    @pytest.mark.parametrize(
        ("status", "code"),
        [(500, "InternalError"), (503, "SlowDown"), (403, "AccessDenied"), (400, "RequestTimeout"), (502, "")],
    )
    async def test_what_is_not_the_jobs_fault_is_unavailable_after_one_request(
        self, scripted: tuple[Scripted, S3Objects], status: int, code: str
    ) -> None:
        script, objects = scripted
        script.answers = [(status, code)]
        assert code in await is_unavailable(objects.put(PUT))
        assert len(script.requests) == 1

    async def test_an_object_that_is_too_large_refuses_the_job(self, scripted: tuple[Scripted, S3Objects]) -> None:
        script, objects = scripted
        script.answers = [(400, "EntityTooLarge")]
        with pytest.raises(JobRefused, match="EntityTooLarge"):
            await objects.put(PUT)

    async def test_a_body_that_breaks_off_is_unavailable_not_short(self, scripted: tuple[Scripted, S3Objects]) -> None:
        script, objects = scripted
        script.answers = [(200, "cut")]
        await is_unavailable(objects.get("a/b"))
