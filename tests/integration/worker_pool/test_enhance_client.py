"""The enhance client: replies become the stages' values, and those that break the contract cost an attempt."""

from contextlib import suppress

import pytest
from aiohttp import web

from orchestrator.clients.workers.enhance import EnhanceClient
from orchestrator.clients.workers.pool import WorkerPool
from orchestrator.domain.errors import JobFailed, Unavailable
from orchestrator.domain.jobs import Content
from orchestrator.domain.pictures import EnhancedPicture, Rendition, SkippedPicture
from tests.kit.pool import Behaviour, StubWorker, pooled
from workers.wire import RESULT_HEADER, ContentReply, EnhanceReply

CONTENT = ContentReply(phash="0123456789abcdef", width=10, height=20, format="png")
ENHANCED = EnhanceReply(
    content=CONTENT, width=20, height=40, format="jpeg", scale=2.0, model="m", recipe="fedcba9876543210"
)
RENDERED = EnhanceReply(
    content=CONTENT, skipped="at_target", width=10, height=20, format="jpeg", recipe="fedcba9876543210"
)
JPEG = b"\xff\xd8\xff\xe0 picture"
KNOWN = Content(sha256="a" * 64, phash=CONTENT.phash, width=10, height=20, format="png", bytes=6)


def replies(body: bytes, result: str | None) -> Behaviour:
    async def behave(request: web.Request) -> web.Response:
        return web.Response(body=body, headers={} if result is None else {RESULT_HEADER: result})

    return behave


async def enhance(pool: WorkerPool) -> EnhancedPicture | SkippedPicture:
    return await EnhanceClient(pool).enhance(b"source", image_type="face", force=True, sha256="a" * 64)


async def test_an_enhanced_picture_comes_as_the_stages_value(workers: list[StubWorker]) -> None:
    workers[0].behave = replies(JPEG, ENHANCED.model_dump_json())
    async with pooled(workers[:1]) as pool:
        assert await enhance(pool) == EnhancedPicture(JPEG, "jpeg", 20, 40, 2.0, "m", "fedcba9876543210", KNOWN)

    assert workers[0].requests[0].query_string == "image_type=face&force=true"


async def test_a_skipped_picture_comes_as_the_stages_value(workers: list[StubWorker]) -> None:
    workers[0].behave = replies(b"", EnhanceReply(content=CONTENT, skipped="large enough").model_dump_json())
    async with pooled(workers[:1]) as pool:
        assert await enhance(pool) == SkippedPicture("large enough", KNOWN)


async def test_a_skipped_picture_brings_its_rendition(workers: list[StubWorker]) -> None:
    workers[0].behave = replies(JPEG, RENDERED.model_dump_json())
    async with pooled(workers[:1]) as pool:
        rendition = Rendition(JPEG, "jpeg", 10, 20, "fedcba9876543210")
        assert await enhance(pool) == SkippedPicture("at_target", KNOWN, rendition)


async def test_a_rendition_does_not_vouch_for_a_network_that_fails(workers: list[StubWorker]) -> None:
    skips, fails = replies(JPEG, RENDERED.model_dump_json()), replies(b"", "{")
    async with pooled(workers[:1], eject_after=3, probe_after_s=60) as pool:
        for number in range(3):
            for behave in (skips, fails):
                workers[0].behave = behave
                with suppress(JobFailed, Unavailable):
                    body = b"source %d" % number
                    await EnhanceClient(pool).enhance(body, image_type="general", force=False, sha256="a" * 64)
        assert [state.state for state in pool.state()] == ["ejected"]


@pytest.mark.parametrize(
    ("body", "result"),
    [
        (JPEG, None),
        (JPEG, "{"),
        (JPEG, "{}"),
        (b"", ENHANCED.model_dump_json()),
        (b"<html>", ENHANCED.model_dump_json()),
        (JPEG, ENHANCED.model_copy(update={"format": "webp"}).model_dump_json()),
        (JPEG, ENHANCED.model_copy(update={"width": 0}).model_dump_json()),
        (JPEG, ENHANCED.model_copy(update={"scale": 0.0}).model_dump_json()),
        (JPEG, ENHANCED.model_copy(update={"recipe": "../../x"}).model_dump_json()),
        (JPEG, ENHANCED.model_copy(update={"model": ""}).model_dump_json()),
        (JPEG, ENHANCED.model_copy(update={"skipped": "why", "recipe": ""}).model_dump_json()),
        (JPEG, RENDERED.model_copy(update={"width": 0}).model_dump_json()),
        (JPEG, RENDERED.model_copy(update={"skipped": ""}).model_dump_json()),
        (b"<html>", RENDERED.model_dump_json()),
        (b"", ENHANCED.model_copy(update={"skipped": ""}).model_dump_json()),
        (JPEG, ENHANCED.model_copy(update={"content": CONTENT.model_copy(update={"height": 0})}).model_dump_json()),
        (JPEG, ENHANCED.model_copy(update={"content": CONTENT.model_copy(update={"phash": "?"})}).model_dump_json()),
    ],
)
async def test_a_reply_that_breaks_the_contract_costs_an_attempt(
    workers: list[StubWorker], body: bytes, result: str | None
) -> None:
    workers[0].behave = replies(body, result)
    async with pooled(workers[:1]) as pool:
        with pytest.raises(JobFailed) as caught:
            await enhance(pool)

    assert caught.value.reason.code == "bad_worker_reply"
