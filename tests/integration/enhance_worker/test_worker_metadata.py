"""What a worker makes to be shown holds pixels and nothing else, whatever its source holds."""

import asyncio
import io
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageOps

from tests.kit.image_files import encoded, picture
from tests.kit.metadata import NEEDED, SECRET, Described, described_files, parts_of
from tests.kit.worker_client import Client
from workers.wire import EnhanceReply

IMAGES = Path(__file__).parents[2] / "cases/images"
SMALL, LARGE = (64, 48), (1320, 760)
"""One is enlarged, the other is at its target already."""
AT_ONCE = 4


@pytest.mark.parametrize("size", [SMALL, LARGE])
def test_the_inputs_say_where_they_were_taken(size: tuple[int, int]) -> None:
    files = list(described_files(size))
    assert len(files) >= 25
    for it in files:
        assert it.format not in NEEDED or set(parts_of(it.body)) - NEEDED[it.format], it.name
        assert SECRET in it.body or "iCCP" in it.name, it.name


@pytest.mark.filterwarnings("ignore:.*malformed MPO")
@pytest.mark.parametrize("size", [SMALL, LARGE])
async def test_nothing_but_pixels_comes_back_and_they_are_upright(client: Client, size: tuple[int, int]) -> None:
    places = asyncio.Semaphore(AT_ONCE)

    async def ask(it: Described) -> None:
        async with places:
            status, reply, body = await client.enhance(it.body)
        assert status == 200 and isinstance(reply, EnhanceReply), it.name
        assert reply.skipped == ("at_target" if size == LARGE else None), it.name
        assert set(parts_of(body)) <= NEEDED[reply.format] and SECRET not in body, (it.name, parts_of(body))
        shown = Image.open(io.BytesIO(body))
        assert shown.size == (reply.width, reply.height) and reply.format == (
            it.format if it.format in NEEDED else "jpeg"
        ), it.name
        upright = ImageOps.exif_transpose(Image.open(io.BytesIO(it.body)).convert("RGB"))
        assert (upright.height > upright.width) == it.turned or "everything" in it.name
        source = np.asarray(upright.resize((32, 32), Image.Resampling.BOX), int)
        seen = np.asarray(shown.convert("RGB").resize((32, 32), Image.Resampling.BOX), int)
        assert np.abs(source - seen).mean() < 4, it.name

    await asyncio.gather(*map(ask, described_files(size)))


async def test_a_rendition_is_the_same_each_time_and_names_its_recipe(client: Client) -> None:
    first, again = [await client.enhance(encoded(picture(size=LARGE), "JPEG")) for _ in range(2)]
    assert first == again and isinstance(first[1], EnhanceReply)
    assert (len(first[1].recipe), first[1].model, first[1].width, first[1].height) == (16, "", *LARGE)


@pytest.mark.parametrize("image_format", ["PNG", "WEBP"])
async def test_a_rendition_keeps_what_is_transparent(client: Client, image_format: str) -> None:
    source = picture("RGBA", LARGE)
    _, reply, body = await client.enhance(encoded(source, image_format, lossless=True))
    assert isinstance(reply, EnhanceReply) and reply.skipped == "at_target"
    shown = Image.open(io.BytesIO(body))
    assert shown.mode == "RGBA" and np.abs(np.asarray(shown, int) - np.asarray(source, int)).mean() < 4


async def test_a_rendition_is_in_srgb(client: Client) -> None:
    with Image.open(IMAGES / "grey_gamma10_profile.jpg") as grey:
        profile = grey.info["icc_profile"]
    _, reply, body = await client.enhance(encoded(Image.new("L", LARGE, 82), "JPEG", icc_profile=profile))
    assert isinstance(reply, EnhanceReply) and reply.skipped == "at_target"
    assert abs(Image.open(io.BytesIO(body)).getpixel((5, 5)) - 154) <= 2
