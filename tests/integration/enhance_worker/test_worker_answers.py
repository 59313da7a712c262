"""The enhance worker as a real process: what it answers."""

import asyncio
import io
import json
from pathlib import Path

import aiohttp
import pytest
from PIL import Image

from tests.kit.heif_files import grid, still, turned_property
from tests.kit.image_files import encoded, picture
from tests.kit.keep_alive import MOST_TIMES_AS_LONG, answer_s, bare_answer_s
from tests.kit.worker import Worker
from tests.kit.worker_client import TRACEPARENT, Client, photo
from workers.wire import (
    ENHANCE_PATH,
    HANDSHAKE_PATH,
    LIVE_PATH,
    READY_PATH,
    WIRE_VERSION,
    EnhanceReply,
    ErrorReply,
    Handshake,
)


async def test_a_photograph_comes_back_larger_and_described(client: Client) -> None:
    status, reply, body = await client.enhance(photo())
    assert status == 200 and isinstance(reply, EnhanceReply)
    assert (reply.width, reply.height, reply.scale) == (1079, 720, 1.686183)
    assert (reply.content.width, reply.content.height, reply.content.format) == (640, 427, "jpeg")
    assert (reply.model, reply.skipped, len(reply.recipe), len(reply.content.phash)) == ("lanczos", None, 16, 16)
    image = Image.open(io.BytesIO(body))
    image.load()
    assert (image.format, image.size) == ("JPEG", (1079, 720))
    assert (await client.enhance(photo()))[2] == body


@pytest.mark.parametrize("image_format", ["jpeg", "png", "webp"])
async def test_the_format_follows_the_content_and_not_the_header(client: Client, image_format: str) -> None:
    _, reply, body = await client.enhance(encoded(picture(), image_format))
    assert isinstance(reply, EnhanceReply) and reply.format == reply.content.format == image_format
    assert Image.open(io.BytesIO(body)).format == image_format.upper()


@pytest.mark.parametrize(
    ("body", "source", "size", "written"),
    [
        (still(more=[turned_property(1)]), "heif", (160, 240), "jpeg"),
        (grid(2, 2, width=480, height=320), "heif", (480, 320), "jpeg"),
        (encoded(picture(), "AVIF"), "avif", (64, 48), "jpeg"),
        (encoded(picture("RGBA"), "AVIF"), "avif", (64, 48), "webp"),
    ],
    ids=["heic", "heic_grid", "avif", "avif_with_alpha"],
)
async def test_what_phones_write_comes_back_as_what_is_shown_everywhere(
    client: Client, body: bytes, source: str, size: tuple[int, int], written: str
) -> None:
    _, reply, better = await client.enhance(body)
    assert isinstance(reply, EnhanceReply) and reply.skipped is None
    assert (reply.content.format, (reply.content.width, reply.content.height), reply.format) == (source, size, written)
    image = Image.open(io.BytesIO(better))
    image.load()
    assert (image.format, image.size, "A" in image.mode) == (
        written.upper(),
        (reply.width, reply.height),
        written == "webp",
    )


async def test_heic_and_avif_are_written_as_configured(tmp_path: Path) -> None:
    with Worker(tmp_path, "--decoders", "1", "--modern-as", "webp") as worker:
        async with aiohttp.ClientSession() as session:
            asked = Client(session, worker.url)
            await asked.until(READY_PATH, 200)
            for body, written in ((still(), "webp"), (encoded(picture(), "JPEG"), "jpeg")):
                _, reply, better = await asked.enhance(body)
                assert isinstance(reply, EnhanceReply) and reply.format == written
                assert Image.open(io.BytesIO(better)).format == written.upper()
            _, reply, rendition = await asked.enhance(grid(8, 7, width=1680, height=1280))
            assert isinstance(reply, EnhanceReply)
            assert (reply.skipped, reply.format, Image.open(io.BytesIO(rendition)).size) == (
                "at_target",
                "webp",
                (1680, 1280),
            )


async def test_a_picture_at_target_keeps_its_size_and_is_made_anew(client: Client) -> None:
    large = encoded(picture(size=(1600, 1200)), "PNG")
    status, reply, body = await client.enhance(large)
    assert isinstance(reply, EnhanceReply)
    assert (status, reply.skipped, reply.width, reply.height) == (200, "at_target", 1600, 1200)
    assert Image.open(io.BytesIO(body)).size == (1600, 1200)
    status, reply, body = await client.enhance(large, "?force=true&image_type=text")
    assert isinstance(reply, EnhanceReply)
    assert (status, reply.skipped, reply.scale, reply.width, reply.height) == (200, None, 1.0, 1600, 1200)
    assert Image.open(io.BytesIO(body)).size == (1600, 1200)


async def test_the_handshake_says_who_answers(client: Client, shared_worker: Worker) -> None:
    status, body = await client.get(HANDSHAKE_PATH)
    handshake = Handshake.model_validate_json(body)
    assert status == 200
    assert (handshake.service, handshake.wire, handshake.model, handshake.weights) == (
        "enhance",
        WIRE_VERSION,
        "lanczos",
        "none",
    )
    assert shared_worker.first_line == {"listening": shared_worker.url, "service": "enhance"}


@pytest.mark.parametrize("query", ["?force=maybe", "?image_type=cat"])
async def test_a_query_that_makes_no_sense_is_400(client: Client, query: str) -> None:
    status, reply, _ = await client.enhance(photo(), query)
    assert (status, reply.code) == (400, "bad_request")  # type: ignore[union-attr]


async def test_what_is_not_there_is_said_in_the_same_form(client: Client) -> None:
    for path, status, code in (("/nothing", 404, "not_found"), (ENHANCE_PATH, 405, "method_not_allowed")):
        answer = await client.get(path)
        assert answer[0] == status and ErrorReply.model_validate_json(answer[1]).code == code


async def test_every_request_is_logged_with_its_trace_and_counted(client: Client, shared_worker: Worker) -> None:
    before = await client.metric("requests_total")
    await client.enhance(photo())
    await client.enhance(b"SECRET CONTENT")
    assert await client.metric("requests_total") == before + 2
    text = shared_worker.log.read_text()
    lines = [line for line in map(json.loads, text.splitlines()) if line["event"] == "request"]
    assert [(line["status"], line["code"]) for line in lines[-2:]] == [(200, "done"), (422, "not_an_image")]
    assert {line["trace"] for line in lines[-2:]} == {TRACEPARENT.split("-")[1]} and "SECRET" not in text


async def test_a_kept_connection_is_answered_like_one_of_a_bare_server(shared_worker: Worker) -> None:
    ours_s = await asyncio.to_thread(answer_s, int(shared_worker.url.rpartition(":")[2]), LIVE_PATH)
    assert ours_s < MOST_TIMES_AS_LONG * await bare_answer_s()


@pytest.mark.parametrize(("spoken", "status"), [("justlens.wire/99", 503), (WIRE_VERSION, 200)])
async def test_a_caller_of_another_wire_is_refused_by_name(client: Client, spoken: str, status: int) -> None:
    url = client.url + ENHANCE_PATH
    async with client.session.post(url, data=photo(), headers={"JustLens-Wire": spoken}) as response:
        answer = await response.read()
    assert response.status == status
    if status == 503:
        error = ErrorReply.model_validate_json(answer)
        assert error.code == "incompatible_wire"
        assert spoken in error.message and WIRE_VERSION in error.message
