"""Pictures that TritonDescriber hands to a real tritonserver in shared memory."""

import asyncio
import json
import random
from collections.abc import AsyncIterator
from multiprocessing.shared_memory import SharedMemory
from pathlib import Path

import pytest
from PIL import Image
from tritonclient.grpc.aio import InferenceServerClient

from orchestrator.clients.triton.shared_memory import MIN_IMAGE_BYTES
from orchestrator.clients.triton.vlm import TritonDescriber
from orchestrator.domain.errors import JobRefused
from tests.integration.triton.conftest import LLAMA, LLAVA, OpenDescriber
from tests.kit.image_files import encoded
from tests.kit.triton import Triton
from tests.kit.triton_asking import ask, begun

ROOM = 64 * 2**20


@pytest.fixture
async def control(scripted: Triton) -> AsyncIterator[InferenceServerClient]:
    async with InferenceServerClient(scripted.url) as client:
        yield client


def noise(width: int, height: int = 300) -> bytes:
    """A picture whose file is as large as its pixels."""
    pixels = random.Random(width).randbytes(width * height * 3)
    return encoded(Image.frombytes("RGB", (width, height), pixels), "PNG", compress_level=0)


BIG = noise(400)


async def regions(control: InferenceServerClient) -> set[str]:
    """What the server knows of."""
    status = await control.get_system_shared_memory_status()
    return {name for name in status.regions if name.startswith("justlens-image-")}


def files() -> set[str]:
    """What takes memory, whoever put it there."""
    return {path.name for path in Path("/dev/shm").glob("justlens-image-*")}


async def size_seen(describer: TritonDescriber, body: bytes, prompt: str = "q") -> list[int]:
    return json.loads((await describer.describe(body, ask(prompt))).text)[1:3]


async def all_gone(control: InferenceServerClient, names: set[str]) -> None:
    async with asyncio.timeout(20):
        while names & (await regions(control) | files()):
            await asyncio.sleep(0.05)


async def test_pictures_in_shared_memory_are_seen_each_for_what_it_is(
    scripted: Triton, control: InferenceServerClient, describer_of: OpenDescriber
) -> None:
    describer = describer_of(scripted.url, shared_bytes=ROOM)
    widths = [400 + 20 * n for n in range(6)]

    for _ in range(3):
        seen = await asyncio.gather(*(size_seen(describer, noise(width)) for width in widths))

        assert seen == [[width, 300] for width in widths]
    mine = await regions(control)
    assert 1 <= len(mine) <= len(widths) and mine <= files()
    await describer.close()
    await all_gone(control, mine)


async def test_a_small_picture_and_one_for_which_there_is_no_room_travel_in_the_message(
    scripted: Triton, control: InferenceServerClient, describer_of: OpenDescriber, jpeg: bytes
) -> None:
    assert len(jpeg) < MIN_IMAGE_BYTES < len(BIG)
    before = await regions(control)

    assert await size_seen(describer_of(scripted.url, shared_bytes=ROOM), jpeg) == [64, 48]
    assert await size_seen(describer_of(scripted.url, shared_bytes=2**18), BIG) == [400, 300]
    assert await size_seen(describer_of(scripted.url), BIG) == [400, 300]

    assert await regions(control) == before


async def test_the_region_of_a_question_that_is_cancelled_is_given_back_once_the_server_has_let_go_of_it(
    scripted: Triton, control: InferenceServerClient, describer_of: OpenDescriber, jpeg: bytes
) -> None:
    describer = describer_of(scripted.url, shared_bytes=ROOM)
    before = await regions(control)
    blocker = asyncio.create_task(describer.describe(jpeg, ask("sleep 1.1")))
    await begun(scripted, "sleep 1.1")
    waiting = asyncio.create_task(describer.describe(BIG, ask("shared-but-unwanted")))
    async with asyncio.timeout(10):
        while not (mine := await regions(control) - before):
            await asyncio.sleep(0.02)

    waiting.cancel()
    await asyncio.gather(waiting, return_exceptions=True)

    assert not mine & files()
    assert await size_seen(describer, noise(500)) == [500, 300]
    await blocker
    await all_gone(control, mine)


async def test_a_picture_that_is_refused_takes_its_region_along(
    scripted: Triton, control: InferenceServerClient, describer_of: OpenDescriber
) -> None:
    describer = describer_of(scripted.url, shared_bytes=ROOM)
    await size_seen(describer, BIG)
    mine = await regions(control)

    with pytest.raises(JobRefused) as caught:
        await describer.describe(b"no picture" * 100_000, ask("q"))

    assert caught.value.reason.code == "not_an_image"
    await all_gone(control, mine)
    assert await size_seen(describer, BIG) == [400, 300]


async def test_a_server_that_was_started_afresh_is_handed_new_regions(
    scripted: Triton, describer_of: OpenDescriber
) -> None:
    describer = describer_of(scripted.url, shared_bytes=ROOM)
    await size_seen(describer, BIG)

    scripted.kill()
    await asyncio.to_thread(scripted.start)
    answer = await describer.describe(BIG, ask("q", LLAVA, LLAMA))

    assert (json.loads(answer.text)[1], answer.model) == (400, LLAVA)


async def test_what_a_killed_client_left_with_the_server_is_swept(
    scripted: Triton, control: InferenceServerClient, describer_of: OpenDescriber
) -> None:
    left = SharedMemory("justlens-image-of-the-dead", create=True, size=4096)
    await control.register_system_shared_memory(left.name, left.name, 4096)
    left.close()
    left.unlink()

    await size_seen(describer_of(scripted.url, shared_bytes=ROOM), BIG)

    assert "justlens-image-of-the-dead" not in await regions(control)
