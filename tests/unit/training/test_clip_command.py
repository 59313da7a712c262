"""The command line of the recipe, where it must say no."""

from pathlib import Path

import pytest

from workers.training.clip.command import main


def test_too_few_pictures_are_refused_with_the_reason(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--work", str(tmp_path), "--pictures", "2", "--steps", "1", "--batch", "2"]) == 1
    assert "tokens were learnt of 2048: more texts are needed" in capsys.readouterr().out


@pytest.mark.parametrize("arguments", [["--resume"], ["--export"]])
def test_without_a_checkpoint_nothing_is_resumed_or_exported(
    arguments: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["--work", str(tmp_path), "--out", str(tmp_path / "out"), *arguments]) == 1
    assert "checkpoint.pt" in capsys.readouterr().out and not list(tmp_path.glob("out/*"))
