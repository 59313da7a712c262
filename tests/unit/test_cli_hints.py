"""What a command says to do next can be typed as it stands: about the same system, with an address that answers."""

import asyncio
import json
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from orchestrator.cli.demo import report
from orchestrator.cli.demo import run as demo_run
from orchestrator.cli.demo.pictures import broken_picture
from orchestrator.cli.demo.relevance import Makers
from orchestrator.cli.exits import ExitCode
from orchestrator.cli.image_page import image_page
from orchestrator.cli.invocation import Invocation
from orchestrator.config import load_settings
from tests.unit.test_cli_text import ask

ANSWER = {"business_id": "b", "basis": "scores", "degraded": [], "static": None, "dynamic": [], "carousel": []}


def test_a_command_repeats_the_options_that_say_which_system_is_meant() -> None:
    given = {"log_level": "debug", "data_dir": Path("my tour"), "mode": "embedded"}

    assert Invocation().command == "justlens"
    assert Invocation(given).command == "justlens --mode embedded --data-dir 'my tour'"


def test_the_hints_of_commands_name_the_data_directory_they_were_given(tmp_path: Path) -> None:
    before = ("--data-dir", str(tmp_path / "tour"))
    begun = f"`justlens --data-dir {tmp_path / 'tour'}"

    published = ask(*before, "publish", "https://e.x/1.jpg", "--business", "b")
    assert published.exit_code == ExitCode.DONE and f"until {begun} run` is started" in published.stderr
    assert f"{begun} status`" in ask(*before, "image", "b", "other").stderr
    letter = {"queue": "q", "letter_id": "l", "reason": "r", "message": "m"}
    known = dict.fromkeys(("metadata", "alt_text", "relevance", "catalogue")) | {"jobs": [], "missing": []}
    page = image_page({**known, "business_id": "b", "image_id": "i", "dead_letters": [letter]}, "justlens --x y")
    assert "`justlens --x y dlq show" in shown([page])


def shown(parts: list[Any]) -> str:
    console = Console(width=200)
    with console.capture() as text:
        for part in parts:
            console.print(part)
    return text.get()


@pytest.mark.parametrize("stay", [True, False])
def test_the_demo_names_its_address_only_while_it_is_there(tmp_path: Path, stay: bool) -> None:
    row = report.PictureRow("b", "i", "done", "", "", None)
    found = report.Outcome([], [row], [], Makers((), (), ()), [], [], "http://127.0.0.1:1/v1/x", ANSWER)
    settings = load_settings(data_dir=tmp_path)
    plan = demo_run.Plan(settings, [broken_picture(tmp_path)], [], "justlens --data-dir x", stay=stay, as_json=False)
    console = Console(width=200)

    async def call(operation: str, arguments: dict[str, Any]) -> None:
        raise AssertionError(json.dumps([operation, arguments]))

    with console.capture() as text:
        demo = demo_run._Demo(plan, call, {}, console, asyncio.Event())
        asyncio.run(demo_run._show(demo, found, "http://127.0.0.1:1"))

    said = text.get()
    assert ("as long as the demo runs" in said) is ("curl" in said) is ("/docs" in said) is stay
    assert ("justlens --data-dir x api serves" in said) is not stay
