"""Publishing into an embedded system that nobody runs: real processes, real files."""

import json
import os
from pathlib import Path

import pytest

from orchestrator.cli.exits import ExitCode
from tests.kit.cli import Cli
from tests.kit.embedded import embedded, picture_folder, row


@pytest.fixture
def cli(tmp_path: Path) -> Cli:
    return embedded(tmp_path)


@pytest.fixture
def pictures(tmp_path: Path) -> Path:
    return picture_folder(tmp_path)


def test_a_folder_is_only_checked_on_a_dry_run_and_published_without_one(cli: Cli, pictures: Path) -> None:
    checked = cli.json("publish", pictures, "--business", "Shop", "--dry-run")
    assert (checked["valid"], checked["published"], checked["job_ids"]) == (3, 0, [])
    assert not (cli.folder / "data").exists()

    published = cli.json("publish", pictures, "--business", "Shop")

    assert published["published"] == len(set(published["job_ids"])) == 3
    assert row(cli)["ready"] == 3


def test_a_file_name_that_is_no_text_costs_the_other_files_nothing(cli: Cli, pictures: Path) -> None:
    (pictures / "menu.jpg").rename(pictures / "Menu (new).JPE")
    (pictures / "front.jpg").rename(Path(os.fsdecode(os.fsencode(pictures) + b"/caf\xe9.jpg")))
    (pictures / "notes.txt").write_text("no picture")
    (pictures / "older").mkdir()

    done = cli("publish", pictures, "--business", "shop")

    assert done.returncode == ExitCode.NOT_DONE
    counts = "published 2, other files left out 1, folders left out 1, refused 1"
    assert done.stdout.splitlines()[0] == f"image_enhance_process: {counts}"
    assert done.stderr.splitlines()[0] == r"refused, caf\xe9.jpg: the file's name is not UTF-8; rename it"
    assert row(cli)["ready"] == 2


def test_a_csv_with_bad_lines_publishes_the_good_ones_and_names_the_others(cli: Cli, tmp_path: Path) -> None:
    (tmp_path / "jobs.csv").write_text(
        "business_id,image_id,image_url,served_urls\n"
        "b,1,https://e.x/1.jpg,https://c.x/1 https://c.x/2\n"
        "b,,https://e.x/2.jpg,\n"
        "b,3,gopher://e.x/3.jpg,\n"
        "b,1,https://e.x/1.jpg,\n"
    )

    done = cli("publish", "jobs.csv", "--to", "image_enhance_bulk")

    assert done.returncode == ExitCode.NOT_DONE
    assert done.stdout.splitlines()[0] == "image_enhance_bulk: published 1, duplicates left out 1, refused 2"
    lines = done.stderr.splitlines()
    assert lines[0].startswith("refused, line 3: image_id: is missing")
    assert lines[1].startswith("refused, line 4: image_url: must start with")
    assert row(cli, "image_enhance_bulk")["ready"] == 1


def test_jsonl_is_taken_from_a_file_and_from_stdin(cli: Cli, tmp_path: Path) -> None:
    job = {"business_id": "b", "image_id": "1", "image_url": "https://e.x/1.jpg"}
    (tmp_path / "jobs.jsonl").write_text(json.dumps(job) + "\n")

    assert cli.json("publish", "jobs.jsonl")["published"] == 1
    done = cli("publish", "-", "--json", typed=json.dumps({**job, "image_id": 2}) + "\n{}\n")

    assert done.returncode == ExitCode.NOT_DONE
    assert json.loads(done.stdout)["published"] == 1
    assert json.loads(done.stdout)["refused"][0]["place"] == "line 2"


def test_pictures_go_to_both_roads_each_with_a_job_of_its_own(cli: Cli, pictures: Path) -> None:
    checked = cli.json("publish", pictures, "--business", "shop", "--to", "enhance,relevance", "--dry-run")
    assert (checked["valid"], checked["published"]) == (6, 0)

    published = cli.json("publish", pictures, "--business", "shop", "--to", "enhance,relevance")

    assert published["published"] == len(set(published["job_ids"])) == 6
    per_queue = {queue["queue"]: queue["published"] for queue in published["queues"]}
    assert per_queue == {"image_enhance_process": 3, "image_relevance_process": 3}
    assert row(cli)["ready"] == row(cli, "image_relevance_process")["ready"] == 3

    one = cli("publish", pictures / "front.jpg", "--business", "b", "--to", "relevance", "--prompt", "description")
    assert one.stdout.startswith("image_relevance_process: published 1\njob_id ")
    assert row(cli, "image_relevance_process")["ready"] == 4
