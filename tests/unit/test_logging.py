"""Logs: one JSON object a line, everything about a job findable, and no secret in any of it."""

import io
import json
import logging
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import structlog

from orchestrator import observe
from orchestrator.domain.jobs import EnhanceJob
from orchestrator.domain.outcome import Done
from orchestrator.observe import Metrics, configure_logging, job_context, new_traceparent, scrub
from orchestrator.runtime.execute import handle
from tests.kit.fakes import ONE_PURGE, answering, body_of, delivery_of, lane_of, new_world

SECRET = "canary-5ecret"
TRACE = "00-" + "a" * 32 + "-" + "b" * 16 + "-01"
JOB = EnhanceJob(
    business_id="acme", image_id="7", image_url="https://x/7.png", job_id="018bcfe568007000800000000000abcd"
)


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.fixture(autouse=True)
def _as_before() -> Iterator[None]:
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    yield
    for handler in root.handlers:
        if handler not in handlers and isinstance(handler, logging.StreamHandler):
            stream = handler.stream
            if stream not in (sys.stderr, sys.__stderr__):
                stream.close()
    root.handlers[:], root.level = handlers, level
    structlog.reset_defaults()


@pytest.fixture
def logged(monkeypatch: pytest.MonkeyPatch) -> Callable[[], list[dict[str, Any]]]:
    """Configure JSON logs into a buffer; calling it gives the lines."""
    stream = io.StringIO()
    monkeypatch.setattr(sys, "stderr", stream)
    configure_logging("info", "json", [SECRET, "", "p/w"])
    return lambda: [json.loads(line) for line in stream.getvalue().splitlines()]


Logged = Callable[[], list[dict[str, Any]]]


def test_a_log_line_is_one_json_object(logged: Logged) -> None:
    structlog.get_logger("x").warning("happened", detail="two\nlines", n=7)
    (line,) = logged()
    assert line.pop("timestamp").endswith("Z")
    assert line == {"event": "happened", "level": "warning", "detail": "two\nlines", "n": 7}


def test_lines_below_the_level_are_left_out(logged: Logged) -> None:
    structlog.get_logger("x").debug("hidden")
    structlog.get_logger("x").info("shown")
    logging.getLogger("driver").info("hidden")
    logging.getLogger("driver").warning("shown %s", "too")
    assert [line["event"] for line in logged()] == ["shown", "shown too"]


def test_a_driver_s_line_looks_like_ours(logged: Logged) -> None:
    logging.getLogger("driver").error("lost %s", "it")
    (line,) = logged()
    assert set(line) == {"event", "level", "timestamp"} and line["level"] == "error"


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


def test_what_is_not_text_stays_what_it_is(logged: Logged) -> None:
    structlog.get_logger("x").info("e", a=1, b=None, c=True, d=1.5, e=["x", {"y": 2}])
    (line,) = logged()
    assert {name: line[name] for name in "abcde"} == {"a": 1, "b": None, "c": True, "d": 1.5, "e": ["x", {"y": 2}]}


def test_the_lines_of_a_job_carry_queue_job_image_and_trace(logged: Logged) -> None:
    log = structlog.get_logger("x")
    with job_context("work", JOB, TRACE) as traceparent:
        log.info("inside")
    log.info("outside")
    inside, outside = logged()
    assert {name: inside[name] for name in ("queue", "job", "image", "trace")} == {
        "queue": "work",
        "job": JOB.job_id,
        "image": "acme/7",
        "trace": "a" * 32,
    }
    assert traceparent[:35] == TRACE[:35]
    assert not outside.keys() & {"queue", "job", "image", "trace"}


def test_a_job_without_a_trace_gets_one_that_it_passes_on(logged: Logged) -> None:
    with job_context("work", None, None) as first:
        structlog.get_logger("x").info("inside")
    with job_context("work", None, first) as second:
        pass
    assert first[3:35] == second[3:35] == logged()[0]["trace"]
    assert logged()[0]["job"] is None


def test_fresh_traces_differ_and_have_the_w3c_form() -> None:
    made = {new_traceparent() for _ in range(100)}
    assert len(made) == 100 and all(len(t) == 55 and t.startswith("00-") and t.endswith("-01") for t in made)


async def test_a_whole_job_can_be_found_by_its_trace_in_the_log(logged: Logged) -> None:
    world = new_world()
    delivery = delivery_of(body_of(), traceparent=TRACE)
    await handle(delivery, lane_of(answering(KeyError(SECRET), Done())), world.engine())
    await handle(delivery, lane_of(answering(Done(effects=(ONE_PURGE,)))), world.engine())
    assert [line["event"] for line in logged()] == ["stage_bug", "retried", "done"]
    assert {line["trace"] for line in logged()} == {"a" * 32}
    assert {line["image"] for line in logged()} == {"acme/7"}


def test_on_a_terminal_the_lines_are_for_people(monkeypatch: pytest.MonkeyPatch) -> None:
    terminal = Terminal()
    monkeypatch.setattr(sys, "stderr", terminal)
    configure_logging("info", "auto", [SECRET])
    local = SECRET
    try:
        raise ConnectionError("lost " + local)
    except ConnectionError:
        structlog.get_logger("x").exception("happened", detail=SECRET)
    shown = terminal.getvalue()
    assert "\x1b[" in shown and "happened" in shown and "ConnectionError" in shown
    assert SECRET not in shown, "neither in the message nor as a local variable"


def test_pretty_lines_that_go_into_a_file_have_no_colours(tmp_path: Path) -> None:
    configure_logging("info", "pretty", [SECRET], tmp_path / "log")
    structlog.get_logger("x").info("happened", detail=SECRET)
    text = (tmp_path / "log").read_text()
    assert "happened" in text and "\x1b[" not in text and SECRET not in text


def test_without_a_terminal_auto_means_json(tmp_path: Path) -> None:
    configure_logging("info", "auto", [], tmp_path / "log")
    structlog.get_logger("x").info("happened")
    logging.getLogger("driver").warning("too")
    assert [json.loads(line)["event"] for line in (tmp_path / "log").read_text().splitlines()] == ["happened", "too"]


class Full(io.StringIO):
    def write(self, text: str) -> int:
        raise OSError(28, "No space left on device")


async def test_a_log_that_cannot_be_written_stops_no_job(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stderr", Full())
    configure_logging("info", "json", [])
    world = new_world()
    await handle(delivery_of(), lane_of(answering(KeyError("x"))), world.engine())
    assert world.journal.steps[-1] == "ack"


def test_metrics_have_the_names_that_are_documented() -> None:
    metrics = Metrics()
    metrics.watch_workers({})
    metrics.settled("work", "done", None, 0.1)
    names = {sample.name for family in metrics.registry.collect() for sample in family.samples}
    names |= {family.name for family in metrics.registry.collect()}
    assert observe.__doc__ is not None
    documented = [line.partition("{")[0].split()[0] for line in observe.__doc__.splitlines() if "justlens_" in line]
    known = names | {f"{name}_total" for name in names}
    assert len(documented) == 10 and [name for name in documented if name not in known] == []
