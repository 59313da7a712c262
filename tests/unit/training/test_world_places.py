"""Where things are in a picture."""

from collections.abc import Sequence

import numpy as np

from workers.training.world.frames import BAR_SHARE
from workers.training.world.places import Place
from workers.training.world.scene import placed_scene, scene
from workers.training.world.truth import Scene, Split


def test_every_thing_of_the_truth_has_its_place_in_the_same_picture() -> None:
    for index in range(12):
        shown, places = placed_scene(Split.VALIDATION, index, size=240)
        assert scene(Split.VALIDATION, index, size=240) == shown
        assert {name for name, _ in places} == set(shown.truth.objects)
        for _, (left, top, right, bottom) in places:
            assert -0.1 < left < right < 1.1 and -0.1 < top < bottom < 1.1


def test_there_is_more_to_see_in_the_places_than_beside_them() -> None:
    ratios = []
    for index in range(60):
        shown, places = placed_scene(Split.TRAIN, index, size=240)
        if shown.truth.view == "product" and not shown.truth.defects and places:
            inside, beside = _edges(shown, places)
            ratios.append(inside / beside)
    assert len(ratios) >= 5 and np.median(ratios) > 3


def _edges(shown: Scene, places: Sequence[Place]) -> tuple[float, float]:
    """The mean step between neighbouring pixels in the places, and outside them."""
    edges = np.abs(np.diff(np.asarray(shown.picture, np.float32).sum(axis=2), axis=1))
    height, width = edges.shape
    inside = np.zeros_like(edges, bool)
    for _, (left, top, right, bottom) in places:
        rows = slice(max(0, round(top * height)), round(bottom * height))
        inside[rows, max(0, round(left * width)) : round(right * width)] = True
    return float(edges[inside].mean()), float(edges[~inside].mean())


def test_in_a_screenshot_the_bar_above_moves_things_down() -> None:
    drawn = (placed_scene(Split.TRAIN, index, size=240) for index in range(200))
    crop_to_square = [(shown, places) for shown, places in drawn if "screenshot" in shown.truth.defects and places]
    shifts = (-BAR_SHARE, 0.0, BAR_SHARE)
    best = [max(shifts, key=lambda by: _edges(shown, _moved(places, by))[0]) for shown, places in crop_to_square]
    assert len(best) >= 5 and best.count(0.0) > 0.7 * len(best)


def _moved(places: Sequence[Place], by: float) -> list[Place]:
    """Lower by that share of the height."""
    return [(name, (left, top + by, right, bottom + by)) for name, (left, top, right, bottom) in places]
