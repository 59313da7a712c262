"""The figures of the super-resolution networks: they must tell a good network from a bad one."""

import numpy as np
import pytest
from PIL import Image

from workers.training.sr.degradations import Picture
from workers.training.sr.photographs import read_skimage
from workers.training.sr.quality import filtered, likeness, measure, middle, rows

CAT = {"chelsea": read_skimage()["chelsea"][:120, :120]}


def test_a_network_worse_than_bicubic_is_flagged() -> None:
    found = rows({2: lambda small: filtered(small, 2, Image.Resampling.NEAREST)}, {"held-out": CAT})

    assert [row["holds"] for row in found if "bicubic" in row["name"]] == [False, False]
    assert all(row["value"] < 0 for row in found if "bicubic" in row["name"])


def test_the_better_filter_is_no_gain() -> None:
    found = rows({2: lambda small: filtered(small, 2, Image.Resampling.LANCZOS)}, {"held-out": CAT})
    gain = next(row for row in found if row["name"] == "sr x2: PSNR gain in dB, bicubic, held-out")

    assert gain["value"] <= 0
    assert not gain["holds"]
    assert gain["n"] == "1 photographs"


def test_a_network_that_knows_the_picture_holds_all_bars() -> None:
    wanted = middle(CAT["chelsea"], 4)
    almost = np.where(wanted > 128, wanted - 1, wanted + 1).astype(np.uint8)

    assert all(row["holds"] for row in rows({4: lambda _small: almost}, {"held-out": CAT}))


def test_the_border_does_not_count() -> None:
    wanted = CAT["chelsea"]
    spoilt = wanted.copy()
    spoilt[:2], spoilt[:, -2:] = 0, 255
    assert likeness(spoilt, wanted ^ 1, 2) == likeness(wanted, wanted ^ 1, 2)
    assert likeness(spoilt, wanted ^ 1, 1).psnr < likeness(wanted, wanted ^ 1, 1).psnr


def test_figures_are_the_same_each_time() -> None:
    def network(small: Picture) -> Picture:
        return filtered(small, 2, Image.Resampling.BILINEAR)

    assert measure({2: network}, {"held-out": CAT}) == measure({2: network}, {"held-out": CAT})


@pytest.mark.parametrize("scale", [2, 4])
def test_the_middle_is_a_multiple_of_the_scale(scale: int) -> None:
    picture = np.zeros((515, 1023, 3), np.uint8)

    assert middle(picture[:, :51], scale).shape == (512, 51 // scale * scale, 3)
