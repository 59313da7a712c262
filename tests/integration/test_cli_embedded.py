"""Publishing and dead letters on an embedded system: real processes, real files, the owner's socket."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from PIL import Image

from orchestrator.cli.exits import ExitCode
from tests.kit.cli import Cli
from tests.kit.embedded import QUEUE, ask, dead, embedded, row, started, until_dead, until_done


@pytest.fixture
def cli(tmp_path: Path) -> Cli:
    return embedded(tmp_path)


@pytest.fixture
def pictures(tmp_path: Path) -> Path:
    folder = tmp_path / "pictures"
    folder.mkdir()
    for number, name in enumerate(("front", "menu")):
        Image.effect_noise((96, 72), 40 + number).convert("RGB").save(folder / f"{name}.jpg")
    (folder / "broken.jpg").write_bytes(b"no picture at all")
    return folder


@pytest.fixture(scope="module")
def busy(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cli]:
    """A system at work that several tests share: each has a business of its own."""
    cli = embedded(tmp_path_factory.mktemp("busy"))
    owner = started(cli)
    try:
        yield cli
    finally:
        owner.kill()


def test_a_folder_is_only_checked_on_a_dry_run_and_published_without_one(cli: Cli, pictures: Path) -> None:
    checked = cli.json("publish", pictures, "--business", "Shop", "--dry-run")
    assert (checked["valid"], checked["published"], checked["job_ids"]) == (3, 0, [])
    assert not (cli.folder / "data").exists()

    published = cli.json("publish", pictures, "--business", "Shop")

    assert published["published"] == len(set(published["job_ids"])) == 3
    assert row(cli)["ready"] == 3


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


def test_jobs_go_through_the_owner_and_a_broken_one_is_found_shown_mended_and_done(busy: Cli, pictures: Path) -> None:
    published = busy.json("publish", pictures, "--business", "shop")
    assert published["published"] == 3
    name = until_dead(busy, "shop")
    for job_id in set(published["job_ids"]) - {name}:
        until_done(busy, job_id)
    state = busy.json("status")
    assert state["queues"][0]["done"] >= 2 and state["queues"][0]["dead"] >= 1
    assert state["workers"][0]["state"] == "ready"
    assert [letters["reason"] for letters in state["dead_letters"]] == ["not_an_image"]

    [letter] = busy.json("dlq", "list", "--business", "shop", "--newer-than", "1h")
    assert (letter["image_id"], letter["reason"], letter["parked"]) == ("broken", "not_an_image", False)
    assert busy.json("dlq", "list", "--older-than", "1h") == []
    shown = busy.json("dlq", "show", f"error.{QUEUE}", name)
    assert json.loads(shown["body"])["image_url"].endswith("broken.jpg")
    assert "not_an_image" in busy("dlq", "show", QUEUE, name).stdout
    assert busy.json("dlq", "stats") == state["dead_letters"]

    foreseen = busy.json("dlq", "replay", "--reason", "not_an_image", "--id", name, "--dry-run")
    assert (foreseen["count"], foreseen["dry_run"]) == (1, True)
    assert dead(busy, "shop")[0]["replays"] == 0

    refused = busy("dlq", "edit", QUEUE, name, "--set", "image_url=gopher://x")
    assert refused.returncode == ExitCode.NOT_DONE and "image_url: must start with" in refused.stderr
    assert busy("dlq", "show", QUEUE, "nope").returncode == ExitCode.NOT_DONE

    edited = busy.json("dlq", "edit", QUEUE, name, "--set", f"image_url={(pictures / 'front.jpg').as_uri()}")
    assert edited["job_id"] != name
    until_done(busy, edited["job_id"])
    assert dead(busy, "shop") == []


def test_an_editor_mends_a_letter(busy: Cli, pictures: Path) -> None:
    busy.json("publish", pictures / "broken.jpg", "--business", "editor")
    name = until_dead(busy, "editor")
    editor = Cli(busy.folder, {**busy.environment, "EDITOR": "sed -i s/broken.jpg/menu.jpg/"})
    idle = Cli(busy.folder, {**busy.environment, "EDITOR": "true"})

    assert idle("dlq", "edit", QUEUE, name, "--editor").returncode == ExitCode.NOT_DONE
    assert dead(busy, "editor")
    job_id = editor.json("dlq", "edit", QUEUE, name, "--editor")["job_id"]

    until_done(busy, job_id)


def test_a_letter_replayed_in_vain_is_parked_and_needs_force(busy: Cli, pictures: Path) -> None:
    busy.json("publish", pictures / "broken.jpg", "--business", "parked")
    for replays in range(3):
        until_dead(busy, "parked", replays)
        assert ask(busy, "dlq.replay", business_id="parked")["count"] == 1
    name = until_dead(busy, "parked", 3)

    parked = busy("dlq", "replay", "--business", "parked")

    assert parked.returncode == ExitCode.NOT_DONE and parked.stdout.startswith("0 letters sent again")
    assert f"parked: {QUEUE} {name}" in parked.stderr and "--force" in parked.stderr
    assert busy.json("dlq", "replay", "--business", "parked", "--force")["count"] == 1
    until_dead(busy, "parked", 4)


def test_dropping_asks_first_and_removes_for_good(busy: Cli, pictures: Path) -> None:
    busy.json("publish", pictures / "broken.jpg", "--business", "drop")
    until_dead(busy, "drop")

    assert busy("dlq", "drop", "--business", "drop", typed="n\n").returncode == ExitCode.NOT_DONE
    assert busy.json("dlq", "drop", "--business", "drop", "--dry-run")["count"] == 1
    assert busy.json("dlq", "drop", "--business", "other", "--yes")["count"] == 0
    assert len(dead(busy, "drop")) == 1

    assert busy.json("dlq", "drop", "--business", "drop", "--yes")["count"] == 1
    assert dead(busy, "drop") == []
