"""The enhance worker as a real process."""

import asyncio
import functools
import io
import json
import os
import random
import signal
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import aiohttp
import psutil
import pytest
from PIL import Image, ImageCms

from tests.kit.hostile_images import encoded, hostile_images, picture
from tests.kit.process import wait_until
from tests.kit.worker import PHOTOS, Worker
from workers.wire import (
    ENHANCE_PATH,
    HANDSHAKE_PATH,
    LIVE_PATH,
    METRICS_PATH,
    READY_PATH,
    RESULT_HEADER,
    WIRE_VERSION,
    EnhanceReply,
    ErrorReply,
    Handshake,
)

TRACEPARENT = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"


class Client:
    """Talks to one worker."""

    def __init__(self, session: aiohttp.ClientSession, url: str) -> None:
        self.session = session
        self.url = url

    async def get(self, path: str) -> tuple[int, bytes]:
        async with self.session.get(self.url + path) as response:
            return response.status, await response.read()

    async def enhance(self, body: bytes, query: str = "") -> tuple[int, EnhanceReply | ErrorReply, bytes]:
        headers = {"Content-Type": "text/plain", "traceparent": TRACEPARENT}
        data = io.BytesIO(body)
        async with self.session.post(self.url + ENHANCE_PATH + query, data=data, headers=headers) as response:
            answer = await response.read()
            if response.status == 200:
                return 200, EnhanceReply.model_validate_json(response.headers[RESULT_HEADER]), answer
            if response.status == 503:
                assert int(response.headers["Retry-After"]) >= 1
            return response.status, ErrorReply.model_validate_json(answer), b""

    async def metric(self, name: str) -> float:
        lines = (await self.get(METRICS_PATH))[1].decode().splitlines()
        return sum(float(line.rsplit(" ", 1)[1]) for line in lines if line.startswith("justlens_worker_" + name))

    async def until(self, path: str, status: int) -> None:
        async with asyncio.timeout(30):
            while (await self.get(path))[0] != status:
                await asyncio.sleep(0.01)

    async def until_in_flight(self, count: int) -> None:
        async with asyncio.timeout(30):
            while await self.metric("in_flight") < count:
                await asyncio.sleep(0.005)


@pytest.fixture
async def session() -> AsyncIterator[aiohttp.ClientSession]:
    async with aiohttp.ClientSession() as session:
        yield session


@pytest.fixture(scope="module")
def shared_worker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Worker]:
    with Worker(tmp_path_factory.mktemp("worker"), "--decoders", "2") as worker:
        yield worker


@pytest.fixture
async def client(shared_worker: Worker, session: aiohttp.ClientSession) -> Client:
    client = Client(session, shared_worker.url)
    await client.until(READY_PATH, 200)
    return client


def photo(name: str = "rocket.jpg") -> bytes:
    return (PHOTOS / name).read_bytes()


@functools.cache
def slow_picture(side: int = 3000) -> bytes:
    """Takes most of a second to read, and is a small file."""
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    return encoded(Image.new("RGBA", (side, side), "teal"), "PNG", compress_level=1, icc_profile=profile)


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


async def test_a_picture_at_target_is_skipped_unless_forced(client: Client) -> None:
    large = encoded(picture(size=(1600, 1200)), "PNG")
    status, reply, body = await client.enhance(large)
    assert isinstance(reply, EnhanceReply)
    assert (status, reply.skipped, body, reply.content.width) == (200, "at_target", b"", 1600)
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


async def test_hostile_files_get_their_reason_and_their_neighbours_are_served(
    client: Client, shared_worker: Worker
) -> None:
    files = hostile_images()
    assert len(files) >= 60 and len({file.name for file in files}) == len(files)
    wrong = []
    for start in range(0, len(files), 4):
        group = files[start : start + 4]
        *answers, neighbour = await asyncio.gather(*(client.enhance(f.body) for f in group), client.enhance(photo()))
        assert neighbour[0] == 200, [file.name for file in group]
        for file, (status, reply, _) in zip(group, answers, strict=True):
            code = reply.code if isinstance(reply, ErrorReply) else reply.skipped or "done"
            if not (status == 200 or 400 <= status < 500) or code not in file.codes:
                wrong.append((file.name, status, code))
    assert wrong == []
    assert shared_worker.process.poll() is None and await client.metric("decoder_restarts_total") == 0


async def test_mutated_pictures_are_answered_and_never_with_500(client: Client, shared_worker: Worker) -> None:
    seed = random.randrange(2**32)
    print(f"seed {seed}")
    dice = random.Random(seed)
    small = Image.open(PHOTOS / "astronaut.png").convert("RGB").resize((96, 96))
    sources = [encoded(small, name, **more) for name, more in (("JPEG", {}), ("JPEG", {"progressive": True}))]
    sources += [encoded(small, "PNG"), encoded(small.convert("P"), "PNG"), encoded(small, "WEBP")]
    sources.append(encoded(small, "WEBP", lossless=True))
    mutants = [_mutate(dice, bytearray(dice.choice(sources))) for _ in range(300)]
    for start in range(0, len(mutants), 10):
        answers = await asyncio.gather(*(client.enhance(body) for body in mutants[start : start + 10]))
        assert all(status == 200 or 400 <= status < 500 for status, _, _ in answers), f"seed {seed}, from {start}"
    assert (await client.enhance(photo()))[0] == 200 and shared_worker.process.poll() is None


def _mutate(dice: random.Random, body: bytearray) -> bytes:
    for _ in range(dice.randint(1, 8)):
        at = dice.randrange(len(body))
        match dice.randrange(5):
            case 0:
                body[at] ^= 1 << dice.randrange(8)
            case 1:
                body[at : at + dice.randint(1, 64)] = dice.randbytes(dice.randint(0, 64))
            case 2:
                body[at : at + 4] = dice.choice((b"\xff\xff\xff\xff", bytes(4), b"\x7f\xff\xff\xff"))
            case 3:
                del body[max(at, 1) :]
            case _:
                body[at:at] = body[: dice.randint(1, 200)]
    return bytes(body)


async def test_every_request_is_logged_with_its_trace_and_counted(client: Client, shared_worker: Worker) -> None:
    before = await client.metric("requests_total")
    await client.enhance(photo())
    await client.enhance(b"SECRET CONTENT")
    assert await client.metric("requests_total") == before + 2
    text = shared_worker.log.read_text()
    lines = [line for line in map(json.loads, text.splitlines()) if line["event"] == "request"]
    assert [(line["status"], line["code"]) for line in lines[-2:]] == [(200, "done"), (422, "not_an_image")]
    assert {line["trace"] for line in lines[-2:]} == {TRACEPARENT.split("-")[1]} and "SECRET" not in text


async def test_it_is_alive_before_it_is_ready_and_refuses_work_until_then(
    tmp_path: Path, session: aiohttp.ClientSession
) -> None:
    with Worker(tmp_path, "--decoders", "2") as worker:
        client = Client(session, worker.url)
        assert (await client.get(READY_PATH))[0] == 503
        status, reply, _ = await client.enhance(photo())
        assert (status, reply.code) == (503, "loading")  # type: ignore[union-attr]
        assert (await client.get(LIVE_PATH))[0] == 200
        await client.until(READY_PATH, 200)
        assert (await client.enhance(photo()))[0] == 200


async def test_a_full_queue_answers_503_with_retry_after(tmp_path: Path, session: aiohttp.ClientSession) -> None:
    with Worker(tmp_path, "--decoders", "1", "--max-queue", "2") as worker:
        client = Client(session, worker.url)
        await client.until(READY_PATH, 200)
        accepted = [asyncio.create_task(client.enhance(slow_picture())) for _ in range(2)]
        await client.until_in_flight(2)
        status, reply, _ = await client.enhance(photo())
        assert (status, reply.code) == (503, "full")  # type: ignore[union-attr]
        assert [answer[0] for answer in await asyncio.gather(*accepted)] == [200, 200]
        assert (await client.enhance(photo()))[0] == 200


async def test_too_many_bytes_are_413(tmp_path: Path, session: aiohttp.ClientSession) -> None:
    with Worker(tmp_path, "--decoders", "1", "--max-body-mib", "0.1") as worker:
        client = Client(session, worker.url)
        await client.until(READY_PATH, 200)
        status, reply, _ = await client.enhance(photo())
        assert (status, reply.code) == (413, "too_large")  # type: ignore[union-attr]

        async def chunks() -> AsyncIterator[bytes]:
            for _ in range(8):
                yield bytes(16 * 1024)

        async with session.post(worker.url + ENHANCE_PATH, data=chunks()) as response:
            assert (response.status, (await response.json())["code"]) == (413, "too_large")


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
async def test_a_signal_lets_work_in_progress_finish_refuses_more_and_exits_0(
    tmp_path: Path, session: aiohttp.ClientSession, number: int
) -> None:
    with Worker(tmp_path, "--decoders", "1") as worker:
        client = Client(session, worker.url)
        await client.until(READY_PATH, 200)
        decoders = worker.decoders()
        work = asyncio.create_task(client.enhance(slow_picture(), "?force=true"))
        await client.until_in_flight(1)
        worker.process.send_signal(number)
        await client.until(READY_PATH, 503)
        status, reply, _ = await client.enhance(photo())
        assert (status, reply.code) == (503, "draining")  # type: ignore[union-attr]
        status, reply, body = await work
        assert (status, Image.open(io.BytesIO(body)).size) == (200, (3000, 3000))
        assert await asyncio.to_thread(worker.process.wait, 20) == 0
        wait_until(lambda: not any(decoder.is_running() for decoder in decoders), 10, "the decoders to end")


async def test_work_that_outlasts_the_drain_is_cut_off_and_the_exit_code_says_so(
    tmp_path: Path, session: aiohttp.ClientSession
) -> None:
    with Worker(tmp_path, "--decoders", "1", "--drain-s", "0.1") as worker:
        client = Client(session, worker.url)
        await client.until(READY_PATH, 200)
        work = asyncio.gather(*(client.enhance(slow_picture(), "?force=1") for _ in range(4)), return_exceptions=True)
        await client.until_in_flight(4)
        worker.process.terminate()
        assert await asyncio.to_thread(worker.process.wait, 20) == 1
        await work


async def test_a_decoder_that_is_killed_by_accident_costs_no_picture(
    tmp_path: Path, session: aiohttp.ClientSession
) -> None:
    with Worker(tmp_path, "--decoders", "1") as worker:
        client = Client(session, worker.url)
        await client.until(READY_PATH, 200)
        (decoder,) = worker.decoders()
        before = decoder.cpu_times().user
        work = asyncio.create_task(client.enhance(slow_picture()))
        while decoder.cpu_times().user < before + 0.05:
            await asyncio.sleep(0.005)
        decoder.kill()
        assert (await work)[0] == 200
        assert await client.metric("decoder_restarts_total") == 1
        (fresh,) = worker.decoders()
        fresh.kill()
        assert (await client.enhance(photo()))[0] == 200  # nobody had given it work, so nobody sees it


async def test_a_picture_that_outlasts_its_time_is_refused_and_the_next_works(
    tmp_path: Path, session: aiohttp.ClientSession
) -> None:
    with Worker(tmp_path, "--decoders", "1", "--decode-timeout-s", "1") as worker:
        client = Client(session, worker.url)
        await client.until(READY_PATH, 200)
        status, reply, _ = await client.enhance(slow_picture(6300))
        assert (status, reply.code) == (422, "decode_timeout")  # type: ignore[union-attr]
        await client.until(READY_PATH, 200)
        assert (await client.enhance(encoded(picture(), "PNG")))[0] == 200


async def test_a_caller_that_goes_away_frees_its_place(tmp_path: Path, session: aiohttp.ClientSession) -> None:
    with Worker(tmp_path, "--decoders", "1") as worker:
        client = Client(session, worker.url)
        await client.until(READY_PATH, 200)
        calls = [asyncio.create_task(client.enhance(slow_picture(), "?force=1")) for _ in range(3)]
        await client.until_in_flight(3)
        for call in calls:
            call.cancel()
        await asyncio.gather(*calls, return_exceptions=True)
        async with asyncio.timeout(20):
            while await client.metric("in_flight"):
                await asyncio.sleep(0.01)
        assert await client.metric('requests_total{code="client_gone"') == 3
        assert (await client.enhance(photo()))[0] == 200


async def test_the_death_of_its_parent_ends_worker_and_decoders(tmp_path: Path) -> None:
    script = (
        "import os, subprocess, sys, time\n"
        "command = [sys.executable, '-m', 'workers.enhance', '--port', '0', '--decoders', '2']\n"
        "subprocess.Popen([*command, '--parent-pid', str(os.getpid())], stdout=1, stderr=subprocess.DEVNULL)\n"
        "time.sleep(600)\n"
    )
    parent = await asyncio.create_subprocess_exec(sys.executable, "-c", script, stdout=subprocess.PIPE, cwd=os.getcwd())
    assert parent.stdout is not None
    url = json.loads(await parent.stdout.readline())["listening"]
    async with aiohttp.ClientSession() as session:
        await Client(session, url).until(READY_PATH, 200)
    family = psutil.Process(parent.pid).children(recursive=True)
    assert len(family) >= 3
    parent.kill()
    await parent.wait()
    wait_until(lambda: not any(_runs(member) for member in family), 10, "the family to end")


def _runs(process: psutil.Process) -> bool:
    return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
