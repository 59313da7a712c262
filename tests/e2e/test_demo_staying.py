"""The demo that stays up until somebody ends it."""

import json
import os
import signal
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.kit.process import wait_until

ROOT = Path(__file__).parents[2]
JUSTLENS = [sys.executable, "-m", "orchestrator"]


@pytest.fixture
def staying(tmp_path: Path) -> Iterator[subprocess.Popen[str]]:
    environment = {name: value for name, value in os.environ.items() if name != "CI"}
    command = [*JUSTLENS, "demo", str(ROOT / "tests/e2e/pictures"), "--data-dir", str(tmp_path / "data")]
    process = subprocess.Popen(
        command, cwd=ROOT, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    )
    yield process
    if process.poll() is None:
        process.kill()
    process.communicate()


def test_while_it_stays_up_the_broken_job_can_be_mended_and_control_c_ends_it(
    staying: subprocess.Popen[str], tmp_path: Path
) -> None:
    assert staying.stdout is not None
    lines: list[str] = []
    while not lines or "Still running" not in lines[-1]:
        line = staying.stdout.readline()
        assert line, "".join(lines)
        lines.append(line)
    [url] = [line.split()[1] for line in lines if line.startswith("API")]
    assert url.startswith("http://127.0.0.1:") and f"Docs  {url.rstrip(',')}/docs\n" in lines
    [curl] = [line.split("'")[1] for line in lines if line.startswith("Try")]
    with urllib.request.urlopen(curl, timeout=10) as reply:
        answer = json.load(reply)
    assert answer["static"]["image_id"] in {"florist", "shop-front"}
    edit = next(line.split() for line in lines if " dlq edit " in line)
    mended = subprocess.run([*JUSTLENS, *edit[1:]], cwd=ROOT, capture_output=True, text=True, timeout=60, check=False)
    assert mended.returncode == 0, mended.stderr
    status = [*JUSTLENS, "--data-dir", str(tmp_path / "data"), "status", "--json"]
    for _ in range(150):
        seen = json.loads(
            subprocess.run(status, cwd=ROOT, capture_output=True, text=True, timeout=60, check=True).stdout
        )
        first = seen["queues"][0]
        if (first["done"], first["dead"], first["total"]) == (3, 0, 0):
            break
        time.sleep(0.1)
    else:
        pytest.fail(f"the mended job was not done: {seen}")
    staying.send_signal(signal.SIGINT)
    assert staying.wait(timeout=30) == 0
    children = subprocess.run(["pgrep", "-f", f"parent-pid {staying.pid}"], capture_output=True, text=True, check=False)
    assert children.stdout == ""


@pytest.mark.parametrize("after_s", [0.1, 0.15, 0.2, 0.3])
def test_control_c_while_parts_are_imported_is_not_lost(
    after_s: float, staying: subprocess.Popen[str], tmp_path: Path
) -> None:
    wait_until((tmp_path / "data" / "menu.jpg").exists, 30, "it to begin", poll_s=0.002)
    time.sleep(after_s)  # no sign is given from outside of how far the imports are
    staying.send_signal(signal.SIGINT)
    output, _ = staying.communicate(timeout=40)
    assert "KeyboardInterrupt" not in output and "Done after" not in output, output
    assert staying.returncode in (0, 130, -signal.SIGINT), output


@pytest.mark.parametrize("published", [False, True], ids=["while it starts", "while jobs are on their way"])
def test_control_c_at_any_time_leaves_cleanly(published: bool, staying: subprocess.Popen[str], tmp_path: Path) -> None:
    assert staying.stdout is not None
    lines: list[str] = []
    while published and not any("published" in line for line in lines):
        lines.append(staying.stdout.readline())
        assert lines[-1], "".join(lines)
    wait_until((tmp_path / "data" / "menu.jpg").exists, 30, "it to begin")
    staying.send_signal(signal.SIGINT)
    output, _ = staying.communicate(timeout=40)
    assert "Traceback" not in output, output
    assert staying.returncode in (0, 130, -signal.SIGINT), output  # a shell says 130 of both others
    if published:
        assert "Stopped after" in output and "Relevance" not in output
    children = subprocess.run(["pgrep", "-f", f"parent-pid {staying.pid}"], capture_output=True, text=True, check=False)
    assert children.stdout == ""
