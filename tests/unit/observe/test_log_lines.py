"""Logs: one JSON object a line, and everything about a job findable."""

import io
import json
import logging
import sys
from pathlib import Path

import pytest
import structlog

from orchestrator.domain.jobs import EnhanceJob
from orchestrator.domain.outcome import Done
from orchestrator.observe import configure_logging, job_context, new_traceparent
from orchestrator.runtime.execute import handle
from tests.kit.fakes import ONE_PURGE, TRACE, answering, body_of, bound_queue, delivery_of, new_world
from tests.kit.logs import SECRET, Logged

JOB = EnhanceJob(
    business_id="acme", image_id="7", image_url="https://x/7.png", job_id="018bcfe568007000800000000000abcd"
)


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


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
    await handle(delivery, bound_queue(answering(KeyError(SECRET), Done())), world.engine())
    await handle(delivery, bound_queue(answering(Done(effects=(ONE_PURGE,)))), world.engine())
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
    await handle(delivery_of(), bound_queue(answering(KeyError("x"))), world.engine())
    assert world.journal.steps[-1] == "ack"
