"""Paths on the command line and in settings: none is empty, ``~`` is the home folder; the demo has its own."""

from pathlib import Path

import pytest
from typer import BadParameter

from orchestrator.cli.demo.command import demo_settings
from orchestrator.cli.demo.pictures import pictures_in
from orchestrator.cli.exits import ExitCode
from orchestrator.cli.invocation import Invocation
from orchestrator.cli.quantities import given_path
from orchestrator.config import load_settings
from orchestrator.domain.errors import ConfigurationError
from tests.unit.test_cli_text import ask

PATHS = ("data_dir", "queues_file", "prompt_examples_file", "log_file")


@pytest.mark.parametrize("name", PATHS)
def test_a_setting_that_is_a_path_is_not_empty_and_knows_the_home_folder(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", "/home/somebody")
    assert getattr(load_settings(**{name: "~/x"}), name) == Path("/home/somebody/x")
    for value, said in (("", "is empty"), ("~nobody-of-that-name/x", "write the whole path")):
        monkeypatch.setenv(f"JUSTLENS_{name.upper()}", value)
        with pytest.raises(ConfigurationError, match=f"^JUSTLENS_{name.upper()}: .*{said}"):
            load_settings()


@pytest.mark.parametrize(
    "words",
    [
        ("--data-dir", "", "status"),
        ("--queues-file", " ", "config"),
        ("demo", "--data-dir", ""),
        ("demo", ""),
        ("schema", "--to", ""),
        ("publish", "", "--business", "b"),
        ("catalogue", "load", ""),
    ],
)
def test_an_empty_path_is_wrong_usage(words: tuple[str, ...], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    done = ask(*words)
    assert done.exit_code == ExitCode.USAGE and "is empty" in done.stderr
    assert not list(tmp_path.iterdir())


def test_an_option_knows_the_home_folder(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", "/home/somebody")
    assert given_path("~/x") == Path("/home/somebody/x")


def test_the_demo_heeds_the_options_before_it_but_not_the_data_directory_of_a_real_system(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("JUSTLENS_DATA_DIR", "real")
    asked = Invocation({"data_dir": Path("tour"), "log_level": "debug"})

    assert demo_settings(Invocation(), None).data_dir == Path("justlens-demo")
    before = demo_settings(asked, None)
    assert (before.data_dir, before.log_file, before.log_level) == (Path("tour"), Path("tour/log.jsonl"), "debug")
    assert demo_settings(asked, Path("own")).data_dir == Path("own")
    with pytest.raises(BadParameter, match="takes none"):
        demo_settings(Invocation({"mode": "servers"}), None)
    assert "JUSTLENS_DATA_DIR is not heeded" in " ".join(ask("demo", "--help").output.replace("│", " ").split())


def test_a_folder_that_makes_no_demo_is_wrong_usage_and_nothing_is_made(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "empty").mkdir()
    for folder, said in (("nothere", "is not a folder"), ("empty", "no file below")):
        done = ask("demo", folder, "--exit")
        assert done.exit_code == ExitCode.USAGE and said in done.stderr and "FOLDER" in done.stderr
    assert [path.name for path in tmp_path.iterdir()] == ["empty"]
    for name in ("front door.jpg", "front-door.jpg"):
        (tmp_path / "empty" / name).write_bytes(b"")
    with pytest.raises(BadParameter, match="would have the same id"):
        pictures_in(tmp_path / "empty")
