"""The command that measures what comes with JustLens: what it keeps, and what it does with a part that fails."""

import json
from pathlib import Path
from types import MappingProxyType

import pytest

from workers.training.figures import Row, row, table
from workers.training.quality import command, parts


@pytest.fixture
def two_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    """A part that measures, and one that cannot."""

    def away(_scenes: int) -> list[Row]:
        raise ValueError("vlm/model.safetensors is none of the built-in weights")

    def seen(scenes: int) -> list[Row]:
        return [row("clip: seen", scenes, "scenes"), row("clip: right", 0.8, "scenes", 0.9)]

    monkeypatch.setattr(command, "PARTS", MappingProxyType({"away": away, "clip": seen}))


@pytest.mark.usefixtures("two_parts")
def test_a_part_that_fails_is_named_and_the_others_are_measured(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "build" / "quality.json"
    assert command.main(["--out", str(file), "--scenes", "7"]) == 1
    printed = capsys.readouterr().out
    assert "away could not be measured: vlm/model.safetensors is none of the built-in weights" in printed
    assert ">= 0.900 missed" in printed
    kept = json.loads(file.read_text())["rows"]
    assert [(one["name"], one["value"], one["holds"]) for one in kept] == [
        ("clip: seen", 7, True),
        ("clip: right", 0.8, False),
    ]
    assert all(one["measured"] for one in kept)


@pytest.mark.usefixtures("two_parts")
def test_figures_of_other_parts_and_names_stay(tmp_path: Path) -> None:
    file = tmp_path / "quality.json"
    command.keep(file, [row("sr x2: gain", 1.5, "8 photographs", 0.5), row("clip: seen", 1, "scenes")])
    assert command.main(["--only", "clip", "--scenes", "3", "--out", str(file)]) == 0
    kept = {one["name"]: one["value"] for one in json.loads(file.read_text())["rows"]}
    assert kept == {"sr x2: gain": 1.5, "clip: seen": 3, "clip: right": 0.8}


def test_a_figure_says_whether_its_target_holds() -> None:
    assert (
        row("a", 0.12345, "n")["holds"] and row("a", 0.5, "n", 0.5)["holds"] and not row("a", 0.49, "n", 0.5)["holds"]
    )
    assert table([row("a", 0.12345, "2 of it", 0.1)]).splitlines()[-1] == "| a | 0.1235 | >= 0.100 | 2 of it |"


def test_the_parts_measure_what_is_shipped() -> None:
    assert {one["name"] for one in parts.clip(12)} >= {"clip: Recall@5, caption to picture", "clip: class right"}
    named = {one["name"]: one["value"] for one in parts.template(8)}
    assert named["template: valid JSON"] == 1.0
