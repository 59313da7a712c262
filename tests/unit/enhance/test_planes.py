"""Every kind of picture as three colours, and back."""

import numpy as np
import pytest
from PIL import Image

from tests.kit.image_files import picture
from workers.enhance.planes import join, split
from workers.images.codecs import Pixels


def repeated(image: Image.Image) -> Image.Image:
    """``image`` through a network that repeats each pixel."""
    planes = split(Pixels.of(image))
    better = planes.colour.repeat(2, axis=0).repeat(2, axis=1)
    return join(planes, better, image.width * 2, image.height * 2).image()


@pytest.mark.parametrize("mode", ["L", "RGB", "RGBA"])
def test_the_mode_stays_and_every_channel_grows(mode: str) -> None:
    image = picture(mode)
    large = repeated(image)
    assert (large.mode, large.size) == (mode, (128, 96))
    back = np.asarray(large.resize(image.size, Image.Resampling.BOX), int)
    assert np.abs(back - np.asarray(image)).mean() < 2


def test_the_exact_size_is_reached_from_a_larger_one() -> None:
    planes = split(Pixels.of(picture("RGB")))
    better = planes.colour.repeat(4, axis=0).repeat(4, axis=1)
    assert join(planes, better, 100, 75).image().size == (100, 75)


def test_hidden_colours_do_not_bleed_into_an_edge() -> None:
    image = Image.new("RGBA", (40, 40), (0, 255, 0, 0))  # what cannot be seen is green
    image.paste((200, 30, 30, 255), (10, 10, 30, 30))
    planes = split(Pixels.of(image))
    assert np.abs(planes.colour.astype(int) - np.array([200, 30, 30])).max() <= 6
    large = np.asarray(repeated(image))
    assert np.abs(large[large[..., 3] > 0][:, :3].astype(int) - np.array([200, 30, 30])).max() <= 4
    assert large[0, 0, 3] == 0 and large[40, 40, 3] == 255


def test_colours_that_are_seen_at_all_stay_as_they_are() -> None:
    values = np.random.default_rng(0).integers(0, 256, (17, 23, 4), np.uint8)
    values[..., 3] = values[..., 3].clip(0, 1) * 7
    colour = split(Pixels.of(Image.fromarray(values))).colour
    seen = values[..., 3] > 0
    assert (colour[seen] == values[seen][:, :3]).all()


@pytest.mark.parametrize("size", [(1, 1), (1, 9), (5, 1)])
@pytest.mark.parametrize("alpha", [0, 255])
def test_the_smallest_and_the_invisible_pictures_work_too(size: tuple[int, int], alpha: int) -> None:
    large = repeated(Image.new("RGBA", size, (9, 8, 7, alpha)))
    assert large.size == (size[0] * 2, size[1] * 2) and large.getpixel((0, 0))[3] == alpha
