"""The commands: recipes by their names, and pictures on a disk."""

import json
from pathlib import Path

import pytest
from PIL import Image

from tests.conftest import require
from workers.training.__main__ import RECIPES, main
from workers.training.world import glyphs


def test_an_unknown_recipe_is_refused_with_the_names_of_those_that_exist(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["wordl"]) == 2
    said = capsys.readouterr().err
    assert "no recipe 'wordl'" in said
    assert all(name in said for name in RECIPES)


def test_without_a_recipe_the_usage_is_shown(capsys: pytest.CaptureFixture[str]) -> None:
    assert main([]) == 2
    assert main(["--help"]) == 0
    assert "usage: python -m workers.training" in capsys.readouterr().out


def test_a_recipe_that_lacks_a_module_says_which(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def absent(name: str) -> None:
        raise ModuleNotFoundError("No module named 'torch'", name="torch")

    monkeypatch.setattr("workers.training.__main__.import_module", absent)
    assert main(["clip"]) == 2
    assert "needs the module torch" in capsys.readouterr().err


def test_world_writes_pictures_their_truth_and_a_contact_sheet(tmp_path: Path) -> None:
    require(glyphs.missing())
    out, sheet = tmp_path / "out", tmp_path / "sheet.jpg"
    asked = ["world", "--out", str(out), "--count", "3", "--start", "5", "--split", "held_out", "--size", "240"]
    assert main([*asked, "--sheet", str(sheet)]) == 0
    lines = [json.loads(line) for line in (out / "truth.jsonl").read_text().splitlines()]
    assert [line["file"] for line in lines] == [f"held_out-00000{number}.jpg" for number in (5, 6, 7)]
    for line in lines:
        with Image.open(out / line["file"]) as picture:
            assert picture.format == "JPEG" and max(picture.size) == 240
        assert {"category", "view", "objects", "tags", "alt_text", "caption", "text", "defects"} < set(line)
    with Image.open(sheet) as opened:
        assert opened.size == (3 * 244, 244)


def test_a_missing_font_is_named_with_its_debian_package(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(glyphs, "FONT", tmp_path / "NotoColorEmoji.ttf")
    assert main(["world", "--out", str(tmp_path / "out"), "--count", "1"]) == 1
    assert "fonts-noto-color-emoji" in capsys.readouterr().out
