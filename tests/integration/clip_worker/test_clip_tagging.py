"""The clip worker with the model that needs no weights: what it says of pictures."""

import asyncio
import io

import numpy as np
import pytest
from PIL import Image, ImageFilter

from orchestrator.clients.workers.clip import ClipClient
from orchestrator.domain.errors import JobRefused
from orchestrator.domain.relevance.tags import Tag
from tests.kit.image_files import encoded, picture
from tests.kit.vector_client import VectorClient, pool_over
from tests.kit.worker import Worker
from tests.kit.worker_client import photo
from workers.images.codecs import decode
from workers.images.phash import phash
from workers.wire import WIRE_VERSION, TagReply


async def test_a_photograph_comes_back_described_with_a_unit_vector(client: VectorClient) -> None:
    reply, vector = await client.tagged(photo())
    content = reply.content
    assert (content.width, content.height, content.format) == (640, 427, "jpeg")
    assert content.phash == phash(decode(photo(), 40_000_000)[0])
    assert (reply.model, reply.space, reply.dimension) == ("dummy", "clip/dummy-1", 64)
    assert vector.shape == (64,) and np.linalg.norm(vector) == pytest.approx(1, abs=1e-6)
    assert reply.tags[0] == ("landscape", 1.0) and {"dark", "black"} <= dict(reply.tags).keys()
    assert (reply.image_class, reply.class_valid) == ("unknown", True) and 0 < reply.quality < 1


async def test_the_same_bytes_get_the_same_answer_whatever_comes_with_them(client: VectorClient) -> None:
    alone = await client.tagged(photo())
    names = ("rocket.jpg", "rocket.jpg", "coffee.png", "rocket.jpg", "chelsea.png")
    together = await asyncio.gather(*(client.tagged(photo(name)) for name in names))
    for name, (reply, vector) in zip(names, together, strict=True):
        assert (reply == alone[0] and vector.tobytes() == alone[1].tobytes()) == (name == "rocket.jpg")


async def test_pictures_of_like_colours_lie_closer_than_others(client: VectorClient) -> None:
    image = Image.open(io.BytesIO(photo("coffee.png")))
    one, again, other = [
        vector
        for _, vector in [
            await client.tagged(photo("coffee.png")),
            await client.tagged(encoded(image.resize((301, 200)), "JPEG")),
            await client.tagged(photo("rocket.jpg")),
        ]
    ]
    assert one @ again > 0.99 > 0.8 > one @ other


@pytest.mark.parametrize(
    ("colour", "size", "expected"),
    [
        ("black", (40, 80), {"portrait": 1.0, "black": 1.0, "dark": 1.0, "grey": 1.0}),
        ("white", (80, 40), {"landscape": 1.0, "white": 1.0, "bright": 1.0, "grey": 1.0}),
        ((230, 40, 40), (50, 50), {"square": 1.0, "red": 1.0, "colourful": 0.5847}),
    ],
)
async def test_tags_say_what_the_pixels_are(
    client: VectorClient, colour: str | tuple[int, int, int], size: tuple[int, int], expected: dict[str, float]
) -> None:
    reply, _ = await client.tagged(encoded(Image.new("RGB", size, colour), "PNG"))
    assert dict(reply.tags) == expected and reply.quality == 0.0


async def test_a_sharp_picture_has_more_quality_than_a_blurred_or_a_dark_one(client: VectorClient) -> None:
    image = Image.open(io.BytesIO(photo("coffee.png")))
    blurred = image.resize((40, 27)).resize(image.size, Image.Resampling.BICUBIC)
    dark = image.point(lambda value: value // 8)
    sharp, *worse = [(await client.tagged(encoded(one, "PNG")))[0].quality for one in (image, blurred, dark)]
    assert all(quality < sharp * 0.8 for quality in worse)


async def test_a_blurred_and_a_badly_compressed_picture_are_flagged(client: VectorClient) -> None:
    image = Image.open(io.BytesIO(photo("coffee.png")))
    blurred = encoded(image.filter(ImageFilter.GaussianBlur(3)), "JPEG", quality=90)
    shown = (photo("coffee.png"), blurred, encoded(image, "JPEG", quality=10))
    assert [(await client.tagged(body))[0].flags for body in shown] == [[], ["blur"], ["jpeg"]]


async def test_what_is_behind_transparent_pixels_is_not_seen(client: VectorClient) -> None:
    hidden = Image.new("RGBA", (64, 64), (255, 0, 0, 0))
    reply, _ = await client.tagged(encoded(hidden, "PNG"))
    assert "white" in dict(reply.tags) and "red" not in dict(reply.tags)


async def test_the_handshake_says_what_it_is_and_that_it_has_no_weights(client: VectorClient) -> None:
    card = await client.handshake()
    assert (card.service, card.wire, card.model) == ("clip", WIRE_VERSION, "dummy")
    assert (card.weights, card.space) == ("none", "clip/dummy-1")


async def test_the_client_gives_the_stages_value(client: VectorClient, dummy_worker: Worker) -> None:
    body = encoded(picture(), "PNG")
    reply, vector = await client.tagged(body)
    assert isinstance(reply, TagReply)
    async with pool_over("clip", [dummy_worker.url]) as pool:
        clip = ClipClient(pool)
        tagged = await clip.tag(body, sha256="a" * 64)
        assert tagged.tags == tuple(Tag(name, score) for name, score in reply.tags)
        assert (tagged.vector.values, tagged.vector.space) == (vector.tobytes(), "clip/dummy-1")
        assert (tagged.content.sha256, tagged.content.bytes, tagged.content.phash) == (
            "a" * 64,
            len(body),
            reply.content.phash,
        )
        assert await clip.space() == "clip/dummy-1"
        with pytest.raises(JobRefused) as caught:
            await clip.tag(b"no picture", sha256="a" * 64)
    assert caught.value.reason.code == "not_an_image"


async def test_an_animation_is_seen_by_a_frame_with_content_and_flagged(client: VectorClient) -> None:
    shown = Image.open(io.BytesIO(photo("coffee.png"))).convert("RGBA")
    body = encoded(Image.new("RGBA", shown.size), "WEBP", save_all=True, append_images=[shown, shown.rotate(180)])
    moving, vector = await client.tagged(body)
    still, same = await client.tagged(photo("coffee.png"))
    assert (moving.content.animated, "animated" in moving.flags, "animated" in still.flags) == (True, True, False)
    assert float(vector @ same) > 0.98
