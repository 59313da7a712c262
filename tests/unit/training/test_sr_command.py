"""``python -m workers.training sr``, from photographs to files, with a few steps."""

from pathlib import Path

import numpy as np
import pytest
import torch

from workers.training.sr import command as sr
from workers.training.sr import quality as sr_quality
from workers.training.sr.photograph_list import Part
from workers.training.sr.photographs import Picture
from workers.training.sr.training import read_checkpoint

NOISE = np.random.default_rng(3).integers(0, 256, (176, 176, 3), np.uint8)


@pytest.fixture(autouse=True)
def _small(monkeypatch: pytest.MonkeyPatch) -> None:
    def read(_folder: Path, part: Part) -> dict[str, Picture]:
        return {part.value: NOISE if part is Part.TRAIN else NOISE[:64, :64]}

    monkeypatch.setattr(sr, "read_part", read)
    monkeypatch.setattr(sr_quality, "read_part", read)
    monkeypatch.setattr(sr_quality, "read_skimage", lambda: {"noise": NOISE[:64, :64]})
    monkeypatch.setattr(sr_quality, "SIDE", 64)


def test_both_networks_are_trained_resumed_and_exported(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    work, out = tmp_path / "work", tmp_path / "out"
    common = ["--work", str(work), "--out", str(out)]

    assert sr.main([*common, "--steps", "2"]) == 0
    before = read_checkpoint(work / "x4.pt")
    assert sr.main([*common, "--resume"]) == 0
    assert sr.main([*common, "--export"]) == 0

    after = read_checkpoint(work / "x4.pt")
    assert (before.step, after.step, before.seconds) == (2, 2, after.seconds)
    assert all(torch.equal(after.average[name], values) for name, values in before.average.items())
    for scale in (2, 4):
        files = {path.name for path in (out / f"sr_x{scale}").iterdir()}
        assert files == {"model.safetensors", "model.onnx", "card.md"}
    assert "x2 held-out, bicubic" in capsys.readouterr().out


def test_a_training_goes_on_from_a_finished_one(tmp_path: Path) -> None:
    first, second = ["--scale", "2", "--work", str(tmp_path / "1")], ["--scale", "2", "--work", str(tmp_path / "2")]
    sr.main([*first, "--steps", "2"])

    assert sr.main([*second, "--steps", "1", "--seed", "5", "--clean", "0.25", "--start", str(tmp_path / "1")]) == 0

    one, other = (read_checkpoint(tmp_path / folder / "x2.pt") for folder in ("1", "2"))
    assert str(other.plan) == "2 steps at x2 with seed 4 (50% clean), then 1 steps at x2 with seed 5 (25% clean)"
    apart = max(float((other.average[name] - values).abs().max()) for name, values in one.average.items())
    assert 0 < apart < 0.01


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--export"], "train it first"),
        (["--start", "/nowhere"], "train it first"),
        (["--resume", "--steps", "5"], "of 2 steps"),
        (["--resume", "--seed", "9"], "with seed 4"),
    ],
)
def test_what_does_not_fit_is_one_line_and_status_one(
    arguments: list[str], message: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    work = ["--scale", "2", "--work", str(tmp_path)]
    if "--resume" in arguments:
        sr.main([*work, "--steps", "2"])

    assert sr.main([*work, *arguments]) == 1
    assert message in capsys.readouterr().out


def test_an_unfinished_training_is_not_exported(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    work = ["--scale", "2", "--work", str(tmp_path)]
    sr.main([*work, "--steps", "2"])
    state = torch.load(tmp_path / "x2.pt", weights_only=True)
    torch.save(state | {"step": 1}, tmp_path / "x2.pt")

    assert sr.main([*work, "--export", "--out", str(tmp_path / "out")]) == 1
    assert "step 1 of 2" in capsys.readouterr().out
    assert not (tmp_path / "out").exists()
