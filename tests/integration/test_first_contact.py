"""What somebody meets who uses the command line for the first time, in a folder of his own."""

import json
import os
import pty
import re
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from tests.kit.cli import Cli
from tests.kit.embedded import QUEUE, embedded
from tests.kit.orchestrators import ROOT, plain_environment
from tests.kit.process import wait_until

COLOUR = re.compile(r"\x1b\[[0-9;]*m")
JOB = {"business_id": "b", "image_id": "1", "image_url": "file:///nowhere.jpg"}


class Terminal:
    """`justlens run` on a terminal of 80 columns; ``text`` is what it shows."""

    def __init__(self, cli: Cli) -> None:
        self.text = ""
        ours, its = pty.openpty()
        environment = {**cli.environment, "HOME": str(cli.folder), "PYTHONPATH": str(ROOT), "JUSTLENS_API_PROT": "7"}
        self.process = subprocess.Popen(
            [sys.executable, "-m", "orchestrator", "run"],
            env=plain_environment(environment | {"TERM": "dumb"}),
            cwd=cli.folder,
            stdin=its,
            stdout=its,
            stderr=its,
        )
        os.close(its)
        threading.Thread(target=self._read, args=(ours,), daemon=True).start()

    def _read(self, ours: int) -> None:
        while self.process.poll() is None:
            try:
                self.text += COLOUR.sub("", os.read(ours, 65536).decode(errors="replace"))
            except OSError:  # the other end is closed
                return


@pytest.fixture
def cli(tmp_path: Path) -> Cli:
    return embedded(tmp_path)


@pytest.fixture
def terminal(cli: Cli) -> Iterator[Terminal]:
    running = Terminal(cli)
    try:
        yield running
    finally:
        running.process.send_signal(signal.SIGTERM)
        try:
            running.process.wait(20)
        finally:
            running.process.kill()


def test_doctor_makes_nothing_and_says_what_will_be_made(cli: Cli) -> None:
    before = sorted(path.name for path in cli.folder.iterdir())
    found = {check["name"]: check for check in cli.json("doctor")["checks"]}
    assert sorted(path.name for path in cli.folder.iterdir()) == before
    assert "made by the first command" in found["data directory"]["detail"]
    assert found["running process"] == {
        "name": "running process",
        "state": "ok",
        "detail": "none; `justlens run` starts it",
        "remedy": "",
    }


def test_publish_says_that_nothing_works_until_run_is_started(cli: Cli) -> None:
    done = cli("publish", "-", typed=json.dumps(JOB), ampq_url="x")
    assert done.returncode == 0
    assert done.stderr.splitlines() == [
        "warning: JUSTLENS_AMPQ_URL is no setting and is ignored; do you mean JUSTLENS_AMQP_URL?",
        f"Nothing works on {QUEUE} now: the jobs wait there until `justlens run` is started.",
    ]


def test_a_run_on_a_terminal_speaks_one_format_and_is_found_by_status_and_doctor(cli: Cli, terminal: Terminal) -> None:
    wait_until(lambda: terminal.text.count("ready ") >= 4, 40, "the workers to be ready")

    lines = [line for line in terminal.text.replace("\r", "").split("\n") if line]
    assert not [line for line in lines if line.startswith("{")]
    assert "do you mean JUSTLENS_API_PORT?" in lines[0]
    assert sum("service=" in line for line in lines) >= 8 and any(line.startswith("API at http") for line in lines)
    health = re.search(r"health=(http://127\.0\.0\.1:\d+)", terminal.text)
    assert health and httpx.get(f"{health[1]}/livez").status_code == 200
    assert cli.json("status")["health"] == health[1]
    assert f"Health at {health[1]}/readyz" in cli("status").stdout
    checks = {check["name"]: check["detail"] for check in cli.json("doctor")["checks"]}
    assert checks["running process"] == f"at work; its health is at {health[1]}/readyz"
    published = cli("publish", "-", typed=json.dumps(JOB))
    assert published.returncode == 0 and published.stderr == ""
