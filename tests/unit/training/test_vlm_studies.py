"""Where the things of a drawn scene are, patch by patch."""

import random

import numpy as np

from workers.training.vlm.looking import KEPT, patches_to_look_at
from workers.training.vlm.studies import grid, thing_names
from workers.training.world.camera import Camera
from workers.training.world.canvas import Canvas
from workers.training.world.catalogue import things
from workers.training.world.colours import READABLE_CONTRAST
from workers.training.world.truth import Split

SIDE, PATCHES = 200, 10
STRAIGHT = Camera((), (0.0,) * 8, 0.0, 0.0, None)


def canvas() -> Canvas:
    return Canvas((SIDE, SIDE), Split.TRAIN, random.Random(1), 10, READABLE_CONTRAST)


def named(canvas: Canvas, plan: Camera = STRAIGHT) -> dict[str, set[tuple[int, int]]]:
    """By name the patches (column, row) that show it."""
    found: dict[str, set[tuple[int, int]]] = {}
    for number, name in enumerate(grid(canvas, plan, PATCHES)):
        if name:
            found.setdefault(thing_names()[name], set()).add((number % PATCHES, number // PATCHES))
    return found


def test_a_thing_is_in_the_patches_that_its_box_covers() -> None:
    sheet = canvas()
    sheet.put(things()["cake"], 100, 160, 60, "shelf")
    left, top, right, bottom = (value / (SIDE / PATCHES) for value in sheet.placed[0].box)
    found = named(sheet)
    assert found.keys() == {"cake"}
    columns, rows = {column for column, _ in found["cake"]}, {row for _, row in found["cake"]}
    assert min(columns) in (int(left), int(left) + 1) and max(columns) in (int(right), int(right) - 1)
    assert min(rows) in (int(top), int(top) + 1) and max(rows) in (int(bottom), int(bottom) - 1)


def test_a_thing_that_is_hidden_is_nowhere() -> None:
    sheet = canvas()
    sheet.put(things()["cake"], 100, 160, 60, "shelf")
    sheet.cover_box((0, 0, SIDE, 150), (200, 200, 200))
    assert named(sheet) == {}


def test_a_tiny_thing_is_still_in_the_patch_that_it_stands_in() -> None:
    sheet = canvas()
    sheet.put(things()["ring"], 51, 58, 8, "shelf")
    assert named(sheet) == {"ring": {(2, 2)}}


def test_a_leaning_camera_moves_what_it_takes() -> None:
    sheet = canvas()
    sheet.put(things()["cake"], 160, 160, 40, "shelf")
    leaning = Camera((), (0.0, 0.0, 0.2, 0.0, 0.2, 0.0, 0.0, 0.0), 0.0, 0.0, None)  # the right fifth is cut off
    assert min(column for column, _ in named(sheet, leaning)["cake"]) > min(
        column for column, _ in named(sheet)["cake"]
    )


def test_patches_with_things_are_looked_at_before_any_other() -> None:
    grids = np.zeros((3, 100), np.int64)
    grids[0, 50:60] = 7
    grids[1] = 9
    kept = patches_to_look_at(grids, random.Random(2))
    assert kept.shape == (3, KEPT)
    assert set(range(50, 60)) <= set(kept[0].tolist())
    assert all(list(row) == sorted(set(row)) for row in kept.tolist())
    assert kept[2].tolist() != kept[1].tolist()
