"""A picture through a network in windows."""

from dataclasses import dataclass, field
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.kit.sr_networks import rrdb, srvgg
from tests.unit.enhance.conftest import Make
from workers.enhance.network import Bytes, Network
from workers.enhance.tiling import grid, spans, upscale


@given(st.integers(1, 2000), st.integers(1, 12), st.integers(0, 70), st.sampled_from([1, 2, 4, 8]))
def test_what_is_kept_of_the_windows_covers_the_side_once_and_stays_a_halo_from_every_cut(
    units: int, count: int, halo: int, multiple: int
) -> None:
    length = units * multiple
    parts = spans(length, count, halo, multiple)
    assert (parts[0].first, parts[-1].last) == (0, length)
    assert {part.stop - part.start for part in parts} == {parts[0].stop - parts[0].start}
    for part in parts:
        assert 0 <= part.start <= part.first <= part.last <= part.stop <= length
        assert part.start % multiple == part.stop % multiple == 0
        assert part.start == 0 or part.first - part.start >= halo
        assert part.stop == length or part.stop - part.last >= halo
    assert all(left.last == right.first for left, right in pairwise(parts))


@given(st.integers(20, 1500), st.integers(20, 1500), st.integers(1, 40), st.integers(12_000, 300_000))
def test_windows_stay_within_the_limit_whenever_any_do(width: int, height: int, halo: int, limit: int) -> None:
    columns, rows = grid(width, height, halo, 1, limit)
    area = (columns[0].stop - columns[0].start) * (rows[0].stop - rows[0].start)
    assert area <= limit or len(columns) * len(rows) > 1
    if width * height <= limit:
        assert (len(columns), len(rows)) == (1, 1)


def test_the_arrangement_with_the_fewest_pixels_is_taken() -> None:
    columns, rows = grid(1280, 720, 18, 1, 1 << 18)
    area = (columns[0].stop - columns[0].start) * (rows[0].stop - rows[0].start)
    assert area <= 1 << 18
    assert len(columns) * len(rows) * area <= 1.10 * 1280 * 720


@pytest.mark.parametrize("scale", [2, 4])
def test_no_seam_is_seen(make: Make, photograph: Bytes, scale: int) -> None:
    network = make(srvgg(scale, residual=0.1))
    whole = network.run(photograph[None].copy())[0]
    network.tile_pixels = 1200
    parts = upscale(network, photograph)
    assert parts.shape == (90 * scale, 120 * scale, 3)
    assert np.abs(parts.astype(int) - whole).max() <= 1


def test_a_halo_that_is_too_narrow_would_be_seen(make: Make, photograph: Bytes) -> None:
    network = make(srvgg(2, residual=0.3))
    whole = upscale(network, photograph)
    network.tile_pixels, network.halo = 1200, 0
    assert np.abs(upscale(network, photograph).astype(int) - whole).max() > 3


@pytest.mark.parametrize("make", ["float32", "bfloat16"], indirect=True)
@pytest.mark.parametrize(("scale", "size"), [(1, (1, 1)), (2, (1, 1)), (2, (33, 21)), (4, (1, 7))])
def test_a_side_that_the_network_cannot_take_is_padded_and_cut_again(
    make: Make, scale: int, size: tuple[int, int], photograph: Bytes
) -> None:
    result = upscale(make(rrdb(scale)), photograph[: size[0], : size[1]])
    assert result.shape == (size[0] * scale, size[1] * scale, 3)


@dataclass
class Cramped:
    """Repeats each pixel; has memory for ``room`` pixels in one run, and fills what it gives up on with rubbish."""

    room: int
    batch: int = 4
    tile_pixels: int = 40_000
    runs: list[int] = field(default_factory=list)
    name = weights = runtime = "cramped"
    scale, halo, multiple, minimum = 2, 3, 1, 1
    precise: Network | None = None

    def run(self, windows: Bytes) -> Bytes:
        pixels = windows.shape[0] * windows.shape[1] * windows.shape[2]
        self.runs.append(pixels)
        if pixels > self.room:
            raise MemoryError(f"{pixels} pixels")
        return windows.repeat(2, axis=1).repeat(2, axis=2)


@pytest.mark.parametrize("room", [8_000, 20_000, 90_000])
def test_out_of_memory_the_whole_picture_is_done_again_in_smaller_windows(room: int) -> None:
    picture = np.random.default_rng(0).integers(0, 256, (300, 200, 3), np.uint8)
    network = Cramped(room)
    assert (upscale(network, picture) == picture.repeat(2, axis=0).repeat(2, axis=1)).all()
    assert network.runs[-1] <= room


def test_when_the_smallest_windows_do_not_fit_memory_is_out() -> None:
    network = Cramped(room=1000)
    with pytest.raises(MemoryError):
        upscale(network, np.zeros((300, 200, 3), np.uint8))
    assert len(network.runs) <= 5
