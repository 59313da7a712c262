"""The enhance worker as a real process, with networks."""

import io
import json
from collections.abc import Callable, Iterator
from pathlib import Path

import aiohttp
import numpy as np
import pytest
from PIL import Image, ImageCms

from tests.kit.image_files import encoded, picture
from tests.kit.sr_networks import saved, srvgg
from tests.kit.worker import Worker
from tests.kit.worker_client import Client, photo
from workers.enhance.gate import HARMFUL_COLOUR, HARMFUL_PATTERN, HARMFUL_STRUCTURE
from workers.weights.digest import weights_digest
from workers.wire import HANDSHAKE_PATH, METRICS_PATH, READY_PATH, EnhanceReply, Handshake

HARMFUL = (HARMFUL_COLOUR, HARMFUL_PATTERN, HARMFUL_STRUCTURE)


@pytest.fixture(scope="module")
def weights(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    folder = tmp_path_factory.mktemp("weights")
    return [saved(srvgg(scale, residual=0.02), folder / f"x{scale}.safetensors") for scale in (4, 2)]


@pytest.fixture(scope="module")
def networked(tmp_path_factory: pytest.TempPathFactory, weights: list[Path]) -> Iterator[Worker]:
    folder = tmp_path_factory.mktemp("networked")
    spoilt = saved(srvgg(2, residual=0.2), folder / "spoilt.pth")
    arguments = ["--model", "torch", "--decoders", "1", "--threads", "1", "--text-weights", str(spoilt)]
    for path in weights:
        arguments += ["--weights", str(path)]
    for path in (*weights, spoilt):
        arguments += ["--weights-sha256", weights_digest([path])]
    with Worker(folder, *arguments) as worker:
        yield worker


@pytest.fixture
async def client(networked: Worker, session: aiohttp.ClientSession) -> Client:
    client = Client(session, networked.url)
    await client.until(READY_PATH, 200)
    return client


async def test_a_photograph_is_enlarged_by_the_network_that_suffices(client: Client, weights: list[Path]) -> None:
    status, reply, body = await client.enhance(photo())
    assert status == 200 and isinstance(reply, EnhanceReply) and reply.skipped is None
    digest = weights_digest([weights[1]])
    assert reply.model == f"SRVGGNetCompact-x2@{digest[:8]}" and (reply.width, reply.height) == (1079, 720)
    assert Image.open(io.BytesIO(body)).size == (1079, 720)
    assert (await client.enhance(photo()))[2] == body
    handshake = Handshake.model_validate_json((await client.get(HANDSHAKE_PATH))[1])
    assert handshake.model == "torch" and digest in handshake.weights


async def test_a_small_picture_is_enlarged_four_times(client: Client) -> None:
    _, reply, _ = await client.enhance(encoded(picture(size=(64, 48)), "PNG"))
    assert isinstance(reply, EnhanceReply) and reply.model.startswith("SRVGGNetCompact-x4@")
    assert (reply.width, reply.height, reply.scale) == (256, 192, 4.0)


async def test_a_result_that_would_do_harm_is_skipped_with_the_reason(client: Client) -> None:
    status, reply, body = await client.enhance(photo(), "?image_type=text")
    assert isinstance(reply, EnhanceReply)
    assert status == 200 and reply.skipped in HARMFUL
    assert Image.open(io.BytesIO(body)).size == (reply.width, reply.height) == (640, 427)
    assert f'code="{reply.skipped}"' in (await client.get(METRICS_PATH))[1].decode()


def rgba(body: bytes) -> np.ndarray:
    return np.asarray(Image.open(io.BytesIO(body)).convert("RGBA"), int)


@pytest.mark.parametrize("mode", ["L", "P", "RGB", "RGBA", "LA", "I;16", "1"])
async def test_every_kind_of_png_keeps_what_it_shows(client: Client, mode: str) -> None:
    source = encoded(picture(mode), "PNG")
    status, reply, body = await client.enhance(source)
    assert status == 200 and isinstance(reply, EnhanceReply) and reply.skipped is None
    large = Image.open(io.BytesIO(body))
    assert (large.format, large.size) == ("PNG", (256, 192))
    small = np.asarray(large.convert("RGBA").resize((64, 48), Image.Resampling.BOX), int)
    shown = np.asarray(picture("L").convert("RGBA"), int) if mode == "I;16" else rgba(source)
    assert np.abs(small - shown).mean() < 4


@pytest.mark.parametrize("settings", [{"mode": "CMYK"}, {"mode": "L"}, {"mode": "RGB", "progressive": True}])
async def test_every_kind_of_jpeg_comes_back_as_jpeg(client: Client, settings: dict[str, object]) -> None:
    mode = str(settings.pop("mode"))
    _, reply, body = await client.enhance(encoded(picture(mode), "JPEG", **settings))
    assert isinstance(reply, EnhanceReply) and reply.skipped is None and reply.format == "jpeg"
    assert Image.open(io.BytesIO(body)).mode == ("L" if mode == "L" else "RGB")


def described() -> Callable[[str], bytes]:
    exif = Image.Exif()
    exif[0x0112] = 6  # turned by a quarter
    exif.get_ifd(0x8825)[2] = (52.0, 31.0, 12.0)  # GPSLatitude
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    return lambda image_format: encoded(picture(), image_format, exif=exif, icc_profile=profile, comment=b"HOME")


@pytest.mark.parametrize("image_format", ["JPEG", "PNG", "WEBP"])
async def test_a_turned_picture_is_put_upright_and_says_nothing_of_where_it_was_taken(
    client: Client, image_format: str
) -> None:
    _, reply, body = await client.enhance(described()(image_format))
    assert isinstance(reply, EnhanceReply) and (reply.width, reply.height) == (192, 256)
    large = Image.open(io.BytesIO(body))
    large.load()
    assert not large.getexif() and not {"exif", "icc_profile", "comment", "xmp"} & large.info.keys()
    assert b"HOME" not in body


async def test_an_animation_is_skipped_and_never_replaced_by_a_still(client: Client) -> None:
    frames = [picture().transpose(turn) for turn in (Image.Transpose.ROTATE_180, Image.Transpose.FLIP_TOP_BOTTOM)]
    for image_format in ("WEBP", "PNG", "AVIF"):
        body = encoded(picture(), image_format, save_all=True, append_images=frames)
        for query in ("", "?force=true"):
            _, reply, large = await client.enhance(body, query)
            assert isinstance(reply, EnhanceReply)
            assert (reply.skipped, reply.content.animated, large) == ("animated", True, b"")


def test_weights_that_are_not_the_ones_asked_for_keep_the_worker_from_starting(
    tmp_path: Path, weights: list[Path]
) -> None:
    arguments = ("--model", "torch", "--decoders", "1", "--weights", str(weights[0]), "--weights-sha256", "0" * 64)
    with Worker(tmp_path, *arguments) as worker:
        assert worker.process.wait(150) == 1
    failed = [json.loads(line) for line in worker.log.read_text().splitlines() if "load_failed" in line]
    assert len(failed) == 1 and "which is not what was asked for" in json.dumps(failed)
