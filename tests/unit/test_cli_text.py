"""What the command line says: help, exit codes, settings, errors."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from typer import BadParameter
from typer.testing import CliRunner, Result

from orchestrator.cli import application
from orchestrator.cli.dlq.editing import changes_from, difference
from orchestrator.cli.dlq.render import pretty_body
from orchestrator.cli.dlq.selection import Wanted
from orchestrator.cli.exits import MEANINGS, ExitCode, exit_code, explain
from orchestrator.cli.quantities import duration_s, per_second
from orchestrator.cli.terminal import age, plain
from orchestrator.domain.errors import (
    ConfigurationError,
    JustLensError,
    PublishUnconfirmed,
    TopologyMismatch,
    Unavailable,
)
from orchestrator.embedded.control_socket import OperationFailed
from orchestrator.embedded.data_dir import DataDirInUse

QUEUES = Path(__file__).parents[2] / "queues.yaml"
CANARY = "s3cr3t-canary"


def ask(*words: str, environment: dict[str, str] | None = None, queues: Path = QUEUES) -> Result:
    env = {"JUSTLENS_QUEUES_FILE": str(queues), "COLUMNS": "200", **(environment or {})}
    return CliRunner().invoke(application(), words, env=env)


def test_help_names_every_command_and_every_exit_code() -> None:
    result = ask("--help")

    assert result.exit_code == 0
    commands = ("run", "worker", "demo", "publish", "status", "image", "config", "topology", "doctor", "dlq", "schema")
    for command in commands:
        assert f" {command} " in result.output
    for text in MEANINGS.values():
        assert text in " ".join(result.output.split())


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (ConfigurationError(["a"]), ExitCode.CONFIGURATION),
        (TopologyMismatch(["a"]), ExitCode.TOPOLOGY),
        (Unavailable("a"), ExitCode.UNAVAILABLE),
        (PublishUnconfirmed("a"), ExitCode.UNAVAILABLE),
        (DataDirInUse("a"), ExitCode.IN_USE),
        (OperationFailed("a"), ExitCode.NOT_DONE),
    ],
)
def test_every_error_has_its_exit_code(error: JustLensError, code: ExitCode) -> None:
    assert exit_code(error) is code


def test_a_directory_in_use_says_what_works_beside_its_owner() -> None:
    assert "second `run`" in MEANINGS[ExitCode.IN_USE]
    assert "`justlens status`, `publish` and `dlq` work" in explain(DataDirInUse("a is in use"))


def test_an_error_is_told_without_the_password_of_a_url() -> None:
    text = explain(Unavailable("rabbitmq", f"amqp://guest:{CANARY}@mq:5672/ refused"))

    assert CANARY not in text and "mq:5672" in text and "justlens doctor" in text


def test_a_broken_pipeline_is_told_line_by_line_without_a_traceback(tmp_path: Path) -> None:
    broken = tmp_path / "queues.yaml"
    broken.write_text("version: 1\nqueues:\n  a: {stage: nope, next: [b]}\n")

    result = ask("config", queues=broken)

    assert result.exit_code == ExitCode.CONFIGURATION
    assert "queues.a.stage" in result.stderr and "queues.a.next" in result.stderr
    assert "Traceback" not in result.stderr and result.stdout == ""


def test_embedded_topology_says_that_there_is_nothing_to_do() -> None:
    for command in ("apply", "diff", "definitions"):
        result = ask("topology", command)
        assert result.exit_code == 0 and "declares its queues itself" in result.stderr
        assert "note" in json.loads(ask("topology", command, "--json").stdout)


def test_an_unknown_worker_is_wrong_usage_and_names_the_known_ones() -> None:
    result = ask("worker", "nope")

    assert result.exit_code == ExitCode.USAGE and "known: clip, enhance, text, vlm" in result.stderr


@pytest.mark.parametrize(
    ("words", "named"),
    [
        (("publish", "https://e.x/a.jpg"), "--business"),
        (("publish", "https://e.x/a.jpg", "--business", "b", "--to", "nope"), "image_enhance_bulk"),
        (("publish", "https://e.x/a.jpg", "--business", "b", "--to", "image_enhance_update", "--force"), "force"),
        (("publish", "https://e.x/a.jpg", "--business", "b", "--rate", "fast"), "50/s"),
        (("publish", "https://e.x/a.jpg", "--business", "b", "--prompt", "cat"), "for enhance have no prompt"),
        (("publish", "https://e.x/a.jpg", "--business", "b", "--to", "enhance,relevance", "--force"), "for relevance"),
        (("publish", "https://e.x/a.jpg", "--business", "b", "--to", "relevance", "--prompt", "x"), "vision_json"),
        (("publish", "https://e.x/a.jpg", "--business", "b", "--to", "seo,seo"), "twice"),
        (("image", "a/b", "1"), "slash"),
        (("--mode", "servers", "publish", str(QUEUES.parent), "--business", "b"), "embedded mode only"),
        (("status", "--watch", "--json"), "one document"),
        (("dlq", "list", "--older-than", "10"), "10m"),
        (("dlq", "show", "nope", "x"), "known"),
        (("dlq", "edit", "image_enhance_process", "x"), "--set"),
        (("dlq", "edit", "image_enhance_process", "x", "--set", "job_id=1"), "new job"),
        (("schema", "nope"), "justlens.enhance/1"),
    ],
)
def test_wrong_usage_exits_2_and_says_what_would_be_right(words: tuple[str, ...], named: str) -> None:
    result = ask(*words)

    assert result.exit_code == ExitCode.USAGE and named in result.stderr and result.stdout == ""


def test_durations_and_rates_need_units_that_people_know() -> None:
    assert [duration_s(text) for text in ("90s", "10m", "1h30m", "7d")] == [90, 600, 5400, 604800]
    assert [per_second(text) for text in ("50", "50/s", "600/min", "3600/h")] == [50, 50, 10, 1]
    for text in ("10", "m", "1x", "10m!"):
        with pytest.raises(BadParameter):
            duration_s(text)
    for text in ("0", "-1/s", "5/y", "x"):
        with pytest.raises(BadParameter):
            per_second(text)


def test_an_edit_takes_json_or_text_and_an_empty_value_removes() -> None:
    changes = changes_from(
        ["image_url=https://e.x/?a=b", "force=true", 'served_urls=["https://c/1"]', "content_sha256="]
    )

    assert changes == {
        "image_url": "https://e.x/?a=b",
        "force": True,
        "served_urls": ["https://c/1"],
        "content_sha256": None,
    }


def test_the_difference_of_an_edited_job_removes_what_is_gone() -> None:
    assert difference({"a": 1, "b": 2, "c": 3}, {"a": 1, "b": 5, "d": 0}) == {"b": 5, "c": None, "d": 0}


def test_a_replay_leaves_out_letters_that_died_after_it_began() -> None:
    assert Wanted(reason="r").fields(12.5) == {"reason": "r", "older_than_s": 12.5}
    assert Wanted(older_than_s=60).fields(12.5) == {"older_than_s": 60}
    assert Wanted(newer_than_s=60).fields(12.5) == {"newer_than_s": 72.5, "older_than_s": 12.5}


def test_control_characters_of_a_job_do_not_reach_the_terminal() -> None:
    assert plain("a\x1b[2Jb\nc\ud800[bold]").plain == "a?[2Jb c?[bold]"


def test_an_age_is_told_in_its_two_largest_units() -> None:
    assert [age(s) for s in (0, 59, 61, 7260, 90061)] == ["0s", "59s", "1m 1s", "2h 1m", "1d 1h"]


@pytest.mark.parametrize("package", ["onnxruntime", "tokenizers"])
def test_the_demo_names_what_its_workers_lack_instead_of_waiting(
    package: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setitem(sys.modules, package, None)  # as if it were not installed

    result = ask("demo", "--exit", "--data-dir", str(tmp_path / "data"))

    assert result.exit_code == ExitCode.CONFIGURATION and not (tmp_path / "data").exists()
    assert package in result.stderr and "pip install 'justlens[demo]'" in result.stderr
    checked = ask("--data-dir", str(tmp_path / "data"), "doctor", "--json")
    [own] = [check for check in json.loads(checked.stdout)["checks"] if check["name"] == "own workers"]
    assert own["state"] == "failing" and package in own["detail"] and "justlens[demo]" in own["remedy"]


def test_importing_the_command_line_loads_no_driver_and_no_torch() -> None:
    drivers = ("aio_pika", "motor", "pymongo", "boto3", "botocore", "torch", "aiohttp", "PIL", "numpy", "fastapi")
    code = f"import sys, orchestrator.cli as c; c.application(); print([n for n in {drivers} if n in sys.modules])"
    root = str(QUEUES.parent)

    done = subprocess.run(  # noqa: PLW1510
        [sys.executable, "-c", code], cwd=root, env={**os.environ, "PYTHONPATH": root}, capture_output=True, text=True
    )

    assert done.stdout.strip() == "[]", done.stderr


def test_a_body_that_is_nested_too_deeply_is_shown_as_it_is() -> None:
    assert pretty_body("[" * 60_000) == "[" * 60_000
