"""Trained networks as files: torch, onnxruntime and the enhance worker see the same one."""

from pathlib import Path

import numpy as np
import onnx
import pytest
import torch
from safetensors.torch import load_file

from workers.training.sr import export as sr_export
from workers.training.sr.export import card, export, furthest_apart
from workers.training.sr.networks import compact
from workers.training.sr.quality import WAYS, Figures, Likeness, exported_network
from workers.training.sr.training import Checkpoint, Plan


def _weights(scale: int) -> dict[str, torch.Tensor]:
    torch.manual_seed(1)
    return {name: values * (1 + torch.rand_like(values)) for name, values in compact(scale).state_dict().items()}


@pytest.mark.parametrize("scale", [2, 4])
def test_the_graph_is_the_network_of_the_weights_file_for_any_size(scale: int, tmp_path: Path) -> None:
    difference = export(Plan(scale, 1), _weights(scale), tmp_path)

    kept = load_file(tmp_path / "model.safetensors")
    network = compact(scale).eval()
    network.load_state_dict({name: values.float() for name, values in kept.items()})
    assert difference == furthest_apart(network, tmp_path / "model.onnx") < 1e-3
    small = np.random.default_rng(1).integers(0, 256, (13, 29, 3), np.uint8)
    assert exported_network(tmp_path / "model.onnx", 1)(small).shape == (13 * scale, 29 * scale, 3)


def test_a_graph_that_is_not_the_network_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    other = sr_export.write_graph
    monkeypatch.setattr(sr_export, "write_graph", lambda _network, path: other(compact(2).eval(), path))

    with pytest.raises(RuntimeError, match="differs"):
        export(Plan(2, 1), _weights(2), tmp_path)


def test_the_graph_is_of_a_common_opset_and_names_no_path_of_the_machine(tmp_path: Path) -> None:
    export(Plan(2, 1), _weights(2), tmp_path)

    graph = onnx.load(tmp_path / "model.onnx")
    assert [one.version for one in graph.opset_import] == [17]
    assert not [node for node in graph.graph.node if "/" in node.doc_string or node.metadata_props]


def test_the_card_names_licences_steps_and_figures() -> None:
    ours, filters = Likeness(31.5, 0.91), Likeness(30.0, 0.9)
    figures = Figures(4, "held-out", WAYS[0], 8, ours, filters, Likeness(30.25, 0.89))
    trained = Checkpoint(Plan(4, 4321, seed=9, before="99 steps at x2 with seed 8"), 4321, 1200.0, {}, {}, {})

    text = card(trained, 1e-6, [figures])

    assert "| held-out | bicubic | 8 | 31.50 dB, 0.910 | 30.00 dB, 0.900 | 30.25 dB, 0.890 | +1.25 dB, +0.010 |" in text
    assert all(
        words in " ".join(text.split())
        for words in (
            "99 steps at x2 with seed 8, then 4321 steps at x4 with seed 9 (50% clean)",
            "20 minutes",
            "CC0-1.0",
            "GPL-2+",
            "160 px",
        )
    )
