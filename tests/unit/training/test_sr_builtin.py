"""The networks that come with JustLens, on photographs that nobody trained with."""

import numpy as np
import pytest
import torch
from safetensors.numpy import load_file

from workers.builtin import pinned
from workers.training.sr import quality as sr_quality
from workers.training.sr.export import furthest_apart
from workers.training.sr.networks import compact
from workers.training.sr.photographs import read_skimage
from workers.training.sr.quality import exported_network
from workers.training.sr.training import State

MOST_BYTES = 1_500_000


@pytest.mark.parametrize("scale", [2, 4])
def test_the_built_in_network_beats_both_filters(scale: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sr_quality, "SIDE", 256)
    network = exported_network(pinned(f"sr_x{scale}/model.onnx"), 1)

    found = sr_quality.rows({scale: network}, {"scikit-image": read_skimage()})

    assert [row for row in found if row["value"] <= 0] == []
    assert [row for row in found if "bicubic" in row["name"] and not row["holds"]] == []


@pytest.mark.parametrize("scale", [2, 4])
def test_both_files_of_a_built_in_network_hold_the_same_one(scale: int) -> None:
    network = compact(scale).eval()
    kept = load_file(pinned(f"sr_x{scale}/model.safetensors"))
    state: State = {name: torch.from_numpy(values.astype(np.float32)) for name, values in kept.items()}
    network.load_state_dict(state)

    assert furthest_apart(network, pinned(f"sr_x{scale}/model.onnx")) < 1e-3


@pytest.mark.parametrize("scale", [2, 4])
def test_a_built_in_network_is_small_and_its_card_says_where_it_is_from(scale: int) -> None:
    folder = pinned(f"sr_x{scale}/model.onnx").parent

    assert all((folder / name).stat().st_size <= MOST_BYTES for name in ("model.safetensors", "model.onnx"))
    card = (folder / "card.md").read_text()
    assert all(words in card for words in ("Licence", "GPL-2+", "steps", "held-out", "scikit-image"))
