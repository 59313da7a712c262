"""Logs: no secret in any of them, wherever it hides."""

import io
import json
import logging
import sys
from pathlib import Path

import pytest
import structlog

from orchestrator.observe import configure_logging, scrub
from tests.kit.logs import SECRET, Logged


class Holder:
    def __repr__(self) -> str:
        return f"Holder({SECRET})"


@pytest.mark.parametrize(
    "value",
    [
        SECRET,
        f"before {SECRET} after",
        {"deep": [{"deeper": SECRET}]},
        {SECRET: 1},
        (SECRET,),
        {SECRET},
        ValueError(SECRET),
        Holder(),
        Path(f"/x/{SECRET}"),
        SECRET.encode(),
        f"amqp://user:{SECRET}@host:5672/",
    ],
)
def test_a_secret_is_masked_wherever_it_hides(logged: Logged, value: object) -> None:
    structlog.get_logger("x").info("event", value=value)
    (line,) = logged()
    assert SECRET not in json.dumps(line) and "***" in json.dumps(line["value"])


def test_a_secret_in_a_traceback_is_masked(logged: Logged) -> None:
    try:
        raise ConnectionError(f"cannot reach amqp://user:{SECRET}@host/")
    except ConnectionError:
        structlog.get_logger("x").exception("failed")
        logging.getLogger("driver").exception("failed")
    for line in logged():
        assert "ConnectionError" in line["exception"] and SECRET not in json.dumps(line)


def test_a_driver_s_message_is_masked(logged: Logged) -> None:
    logging.getLogger("driver").warning("connecting to %s", f"amqp://user:{SECRET}@host")
    assert [line["event"] for line in logged()] == ["connecting to amqp://***@host"]


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("amqp://user:pass@host/v", "amqp://***@host/v"),
        ("amqp://user:p@ss@host/v", "amqp://***@host/v"),
        ("http://host/a@b", "http://host/a@b"),
        ("mail a@b.c and http://u:p@h", "mail a@b.c and http://***@h"),
        ("longer-secret and secret", "*** and ***"),
        ("nothing", "nothing"),
    ],
)
def test_scrubbing_takes_secrets_and_user_information(text: str, shown: str) -> None:
    assert scrub(text, ["longer-secret", "secret"]) == shown


def test_a_longer_secret_is_masked_before_the_one_it_contains(monkeypatch: pytest.MonkeyPatch) -> None:
    stream = io.StringIO()
    monkeypatch.setattr(sys, "stderr", stream)
    configure_logging("info", "json", ["key", "key-and-more"])
    structlog.get_logger("x").info("using key-and-more")
    assert json.loads(stream.getvalue())["event"] == "using ***"
