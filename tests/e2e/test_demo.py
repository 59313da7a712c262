"""The demo as a user runs it: a process, a terminal's output, files, and an exit code."""

import json
import os
import re
import signal
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest
from PIL import Image

from tests.kit.process import wait_until

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


def line_of(output: str, *words: str) -> str:
    [found] = [line for line in output.splitlines() if line.split()[: len(words)] == list(words)]
    return found


def test_the_demo_enhances_real_photographs_and_shows_the_broken_job(
    first_run: subprocess.CompletedProcess[str], data_dir: Path
) -> None:
    assert first_run.returncode == 0, first_run.stderr
    assert "x1.8 by lanczos" in line_of(first_run.stdout, "corner-cafe/coffee")
    assert "skipped: at_target" in line_of(first_run.stdout, "space-museum/hubble_deep_field")
    assert "dead: not_an_image" in line_of(first_run.stdout, "corner-cafe/menu")
    for queue in ("image_enhance_process", "image_tag_process"):
        assert f"error.{queue} holds corner-cafe/menu: not_an_image" in first_run.stdout
    assert f"justlens --data-dir {data_dir} dlq replay --id" in first_run.stdout
    assert first_run.stderr == ""


def test_it_shows_what_the_relevance_road_found_and_which_models_said_so(
    first_run: subprocess.CompletedProcess[str],
) -> None:
    output = first_run.stdout
    assert "Tags, quality, descriptions and alt texts here come from the dummy model." in output
    assert "by text/all-MiniLM-L6-v2." in output
    assert "knows nothing of what a picture shows" in output
    for image, business, categories in (("coffee", "corner-cafe", 4), ("coins", "old-town-coins", 2)):
        first = next(line for line in output.splitlines() if line.split()[:1] == [image])
        second = output.splitlines()[output.splitlines().index(first) + 1]
        assert "landscape" in first and re.search(r"0\.\d\d +\d\.\d\d", first), first
        assert second.split()[0] == business and f"of {categories}" in second, second
    for queue in ("image_tag_process", "image_relevance_process", "image_relevance_score"):
        assert line_of(output, queue, "12")


def test_it_asks_its_own_api_for_one_business_and_says_how_to_ask_again(
    first_run: subprocess.CompletedProcess[str],
) -> None:
    output = first_run.stdout
    assert "What a page gets for space-museum (basis scores)" in output
    for block in ("static", "dynamic", "carousel"):
        assert re.search(rf"^ *{block} +\S+ +scores +0\.\d\d +[01]\.\d\d +\d+x\d+", output, re.MULTILINE), block
    [url] = re.findall(r"^API +(http://127\.0\.0\.1:\d+), as long as the demo runs$", output, re.MULTILINE)
    assert f"{url}/docs" in output and f"curl '{url}/v1/relevancy/space-museum" in output


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
    again = run_demo("--exit", "--json", data_dir=data_dir)
    assert again.returncode == 0, again.stderr
    found = json.loads(again.stdout)
    assert [(it["queue"], it["published"], it["known"]) for it in found["published"]] == [
        ("image_enhance_process", 0, 13),
        ("image_relevance_process", 0, 13),
    ]
    assert len((data_dir / "purged.jsonl").read_text().splitlines()) == 10
    assert found["models"] == {"tags": ["dummy"], "texts": ["dummy"], "scores": ["text/all-MiniLM-L6-v2"]}
    scored = {row["image"]: row for row in found["relevance"] if not row["problem"]}
    assert len(scored) == 12 and all(0 < row["score"] <= 1 and row["alt_text"] for row in scored.values())
    answer = found["answer"]
    assert (answer["business_id"], answer["basis"], answer["degraded"]) == ("space-museum", "scores", [])
    shown = {picture["image_id"]: picture["score"] for picture in answer["dynamic"]}
    assert shown == {image: row["score"] for image, row in scored.items() if row["business"] == "space-museum"}
    assert answer["static"] == answer["dynamic"][0]


def test_a_folder_of_ones_own_becomes_businesses_and_json_is_one_document(tmp_path: Path) -> None:
    folder = tmp_path / "flower-shop"
    folder.mkdir()
    (folder / "My Window.PNG").write_bytes((ROOT / "tests/e2e/pictures/florist.png").read_bytes())
    done = run_demo(str(tmp_path), "--json", data_dir=tmp_path / "data")
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    assert [(row["business"], row["image"], row["before"], row["after"]) for row in found["pictures"]] == [
        ("flower-shop", "my-window", "400x300", "960x720"),
        ("corner-cafe", "menu", "", ""),
    ]
    window, menu = found["relevance"]
    assert window["tags"] and (window["score"], window["categories"]) == (None, 0)
    assert menu["problem"] == "dead: not_an_image"
    assert found["answer"]["business_id"] == "flower-shop" and found["answer"]["basis"] == "rule_set"
    assert [picture["image_id"] for picture in found["answer"]["dynamic"]] == ["my-window"]


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
    assert staying.returncode in (0, 130), output
    if published:
        assert "Stopped after" in output and "Relevance" not in output
    children = subprocess.run(["pgrep", "-f", f"parent-pid {staying.pid}"], capture_output=True, text=True, check=False)
    assert children.stdout == ""
