"""The demo as a user runs it: a process, a terminal's output, files, and an exit code."""

import json
import os
import re
import subprocess
import sys
from itertools import pairwise
from pathlib import Path

import pytest
from PIL import Image

from tests.kit.metadata import NEEDED, parts_of

ROOT = Path(__file__).parents[2]
BAKERY = "golden-crust-bakery"
JUSTLENS = [sys.executable, "-m", "orchestrator"]


def run_demo(*arguments: str, data_dir: Path) -> subprocess.CompletedProcess[str]:
    command = [*JUSTLENS, "demo", *arguments, "--data-dir", str(data_dir)]
    wide = os.environ | {"COLUMNS": "180"}  # whatever the tests run in
    return subprocess.run(command, cwd=ROOT, env=wide, capture_output=True, text=True, timeout=170, check=False)


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
    assert "x2.7 by sr_x4@" in line_of(first_run.stdout, "corner-cafe/coffee")
    assert "skipped: at_target" in line_of(first_run.stdout, "space-museum/hubble_deep_field")
    renditions = list((data_dir / "objects/renditions").rglob("*.jpg"))
    assert renditions and all(set(parts_of(it.read_bytes())) <= NEEDED["jpeg"] for it in renditions)
    assert "dead: not_an_image" in line_of(first_run.stdout, "corner-cafe/menu")
    for queue in ("image_enhance_process", "image_tag_process"):
        assert f"error.{queue} holds corner-cafe/menu: not_an_image" in first_run.stdout
    assert f"justlens --data-dir {data_dir} dlq replay --id" in first_run.stdout
    assert first_run.stderr == ""


def test_it_shows_what_the_relevance_road_found_and_which_models_said_so(
    first_run: subprocess.CompletedProcess[str],
) -> None:
    output, said = first_run.stdout, " ".join(first_run.stdout.split())
    assert "Tags and quality here come from justlens-clip, descriptions and alt texts from template." in said
    assert "by text/all-MiniLM-L6-v2-int8." in said
    assert "of photographs it knows nothing" in said and "put together from the tags" in said
    for image, tag, business in (
        ("from-a-guest", "street front", "rose-garden-florist"),
        ("counter", "counter", BAKERY),
    ):
        first, second = next(
            pair
            for pair in pairwise(output.splitlines())
            if pair[1].split()[:1] == [business] and pair[0].split()[:1] == [image]
        )
        assert tag in first and re.search(r"0\.\d\d|1\.00", first), first
        assert "of 3" in second, second
    for queue in ("image_tag_process", "image_relevance_process", "image_relevance_score"):
        assert line_of(output, queue, "30")


def test_it_asks_its_own_api_for_one_business_and_names_no_address_that_ends_with_it(
    first_run: subprocess.CompletedProcess[str],
) -> None:
    output = first_run.stdout
    assert "What a page gets for golden-crust-bakery (basis scores)" in output
    for block in ("static", "dynamic", "carousel"):
        assert re.search(rf"^ *{block} +\S+ +scores +[01]\.\d\d +[01]\.\d\d +\d+x\d+", output, re.MULTILINE), block
    assert re.search(r"^API +justlens --data-dir \S+ api serves such answers$", output, re.MULTILINE)
    assert "as long as the demo runs" not in output and "curl" not in output


def test_what_it_made_is_there_and_larger_than_the_originals(
    first_run: subprocess.CompletedProcess[str], data_dir: Path
) -> None:
    enhanced = sorted(p for p in (data_dir / "objects" / "enhanced").rglob("*") if p.suffix in (".png", ".jpg"))
    assert len(enhanced) == 37
    for path in enhanced:
        with Image.open(path) as picture:
            picture.load()
            assert max(picture.size) <= 1280 and min(picture.size) >= 600
    purged = [json.loads(line)["url"] for line in (data_dir / "purged.jsonl").read_text().splitlines()]
    assert len(purged) == 38 and len(set(purged)) == 38


def test_run_again_it_goes_on_with_what_is_there(first_run: subprocess.CompletedProcess[str], data_dir: Path) -> None:
    again = run_demo("--exit", "--json", data_dir=data_dir)
    assert again.returncode == 0, again.stderr
    found = json.loads(again.stdout)
    assert [(it["queue"], it["published"], it["known"]) for it in found["published"]] == [
        ("image_enhance_process", 0, 39),
        ("image_relevance_process", 0, 31),
    ]
    assert len((data_dir / "purged.jsonl").read_text().splitlines()) == 38
    assert found["models"] == {
        "tags": ["justlens-clip"],
        "texts": ["template"],
        "scores": ["text/all-MiniLM-L6-v2-int8"],
    }
    scored = {(row["business"], row["image"]): row for row in found["relevance"] if not row["problem"]}
    assert len(scored) == 30 and all(0 < row["score"] <= 1 and row["alt_text"] for row in scored.values())
    answer = found["answer"]
    assert (answer["business_id"], answer["basis"], answer["degraded"]) == (BAKERY, "scores", [])
    shown = {picture["image_id"]: picture["score"] for picture in answer["dynamic"]}
    assert shown.items() <= {image: row["score"] for (whose, image), row in scored.items() if whose == BAKERY}.items()
    assert "mistaken" not in shown
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
