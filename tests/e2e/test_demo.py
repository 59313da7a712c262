"""The demo as a user runs it: a process, a terminal's output, files, and an exit code."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from PIL import Image

ROOT = Path(__file__).parents[2]
JUSTLENS = [sys.executable, "-m", "orchestrator"]


def run_demo(*arguments: str, data_dir: Path) -> subprocess.CompletedProcess[str]:
    command = [*JUSTLENS, "demo", *arguments, "--data-dir", str(data_dir)]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=120, check=False)


@pytest.fixture(scope="module")
def data_dir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("demo") / "data"


@pytest.fixture(scope="module")
def first_run(data_dir: Path) -> subprocess.CompletedProcess[str]:
    return run_demo("--exit", data_dir=data_dir)


def test_the_demo_enhances_real_photographs_and_shows_the_broken_job(
    first_run: subprocess.CompletedProcess[str], data_dir: Path
) -> None:
    assert first_run.returncode == 0, first_run.stderr
    assert "enhanced x1.8 by lanczos" in first_run.stdout
    assert "skipped: at_target" in first_run.stdout
    assert "dead: not_an_image" in first_run.stdout
    assert f"justlens --data-dir {data_dir} dlq replay --id" in first_run.stdout
    assert first_run.stderr == ""


def test_what_it_made_is_there_and_larger_than_the_originals(
    first_run: subprocess.CompletedProcess[str], data_dir: Path
) -> None:
    enhanced = sorted(p for p in (data_dir / "objects" / "enhanced").rglob("*") if p.suffix in (".png", ".jpg"))
    assert len(enhanced) == 10
    for path in enhanced:
        with Image.open(path) as picture:
            picture.load()
            assert max(picture.size) <= 1280 and min(picture.size) >= 600
    purged = [json.loads(line)["url"] for line in (data_dir / "purged.jsonl").read_text().splitlines()]
    assert len(purged) == 10 and len(set(purged)) == 10


def test_run_again_it_goes_on_with_what_is_there(first_run: subprocess.CompletedProcess[str], data_dir: Path) -> None:
    again = run_demo("--exit", data_dir=data_dir)
    assert again.returncode == 0, again.stderr
    assert "0 published, 13 known already" in again.stdout
    assert len((data_dir / "purged.jsonl").read_text().splitlines()) == 10


def test_a_folder_of_ones_own_becomes_businesses_and_json_is_one_document(tmp_path: Path) -> None:
    folder = tmp_path / "flower-shop"
    folder.mkdir()
    (folder / "My Window.PNG").write_bytes((ROOT / "tests/e2e/pictures/florist.png").read_bytes())
    done = run_demo(str(tmp_path), "--json", data_dir=tmp_path / "data")
    assert done.returncode == 0, done.stderr
    rows = json.loads(done.stdout)["pictures"]
    assert [(row["business"], row["image"], row["before"], row["after"]) for row in rows] == [
        ("flower-shop", "my-window", "400x300", "960x720"),
        ("corner-cafe", "menu", "", ""),
    ]


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
