"""Drawn pictures and what a tower makes of them: each drawn and looked at once."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from tests.kit.vlm_lessons import known, tiny_tower
from workers.training.vlm import data
from workers.training.vlm.data import FIRST, Pictures, pictures
from workers.training.vlm.features import as_input, features, new_tower
from workers.training.world.scene import placed_scene
from workers.training.world.truth import Split

CPU = torch.device("cpu")
TOWER = tiny_tower()


def noise(folder: Path, count: int) -> Pictures:
    path = folder / "noise.npy"
    side = TOWER.side_px
    np.save(path, np.random.default_rng(2).integers(0, 256, (count, side, side, 3), dtype=np.uint8))
    return Pictures([path], known(count))


def test_features_are_those_of_the_last_layer_without_the_class(tmp_path: Path) -> None:
    shown = noise(tmp_path, 5)
    model = new_tower(TOWER)
    with torch.inference_mode():
        wanted = model(as_input(np.load(shown.chunks[0]), TOWER)).last_hidden_state[:, 1:]
    seen = features(shown, TOWER, CPU)
    torch.testing.assert_close(seen.of([4, 0]), wanted[[4, 0]], rtol=2e-3, atol=2e-3)
    assert len(seen) == 5


def test_what_was_seen_is_kept_and_another_tower_looks_anew(tmp_path: Path) -> None:
    shown = noise(tmp_path, 3)
    first = features(shown, TOWER, CPU)
    other = replace(TOWER, digest="other", weights={name: value + 0.1 for name, value in TOWER.weights.items() if name})
    assert not torch.equal(first.of([0]), features(shown, other, CPU).of([0]))
    np.save(shown.chunks[0], np.zeros_like(np.load(shown.chunks[0])))
    assert torch.equal(first.of([0]), features(shown, TOWER, CPU).of([0]))


def test_pictures_are_drawn_from_the_number_asked_for_and_only_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    drawn = pictures(tmp_path, Split.TRAIN, FIRST, 3, 48)
    scene, places = placed_scene(Split.TRAIN, FIRST + 2)
    assert [one.truth for one in drawn.known][2] == scene.truth
    assert [(one.name, one.box) for one in drawn.known[2].places] == list(places)
    assert np.array_equal(np.load(drawn.chunks[0])[2], np.asarray(data.square(scene.picture, 48)))
    monkeypatch.setattr(data, "ProcessPoolExecutor", None)  # nobody draws again
    assert pictures(tmp_path, Split.TRAIN, FIRST, 3, 48) == drawn
