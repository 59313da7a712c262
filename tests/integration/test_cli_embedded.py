"""Images and dead letters on an embedded system: real processes, real files, the owner's socket."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from orchestrator.cli.exits import ExitCode
from tests.kit.cli import Cli
from tests.kit.embedded import QUEUE, ask, dead, embedded, picture_folder, started, until_dead, until_done
from tests.kit.process import wait_until


@pytest.fixture
def pictures(tmp_path: Path) -> Path:
    return picture_folder(tmp_path)


@pytest.fixture(scope="module")
def busy(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cli]:
    """A system at work that several tests share: each has a business of its own."""
    cli = embedded(tmp_path_factory.mktemp("busy"))
    owner = started(cli)
    try:
        yield cli
    finally:
        owner.kill()


def test_an_image_is_shown_stage_by_stage_with_all_that_is_known_of_it(busy: Cli, pictures: Path) -> None:
    (busy.folder / "shop.jsonl").write_text(
        json.dumps(
            {
                "business_id": "known",
                "categories": [{"category_id": "7", "name": "Bakery"}],
                "images": [{"image_id": "front", "image_url": "https://e.x/front.jpg", "contract": "gold"}],
            }
        )
    )
    assert busy("catalogue", "load", "shop.jsonl").returncode == 0
    published = busy.json("publish", pictures / "front.jpg", "--business", "known", "--to", "enhance,relevance")
    queues = ["image_enhance_process", "image_enhance_update", "image_tag_process", "image_relevance_process"]
    queues += ["image_relevance_score", "image_relevance_seo_process"]

    def ends() -> list[tuple[str, str]]:
        return sorted(
            (end["queue"], end["outcome"]) for job in published["job_ids"] for end in ask(busy, "jobs", job_id=job)
        )

    wait_until(lambda: ends() == sorted((queue, "done") for queue in queues), 60, "both roads to end")
    found = busy.json("image", "Known", "FRONT")

    assert {"source", "content", "enhanced", "clip", "description", "seo"} == found["metadata"].keys()
    assert found["relevance"]["scores"][0]["name"] == "Bakery"
    assert found["catalogue"]["contract"] == "gold" and found["alt_text"]["source"] == "model"
    assert {(end["job_id"], end["queue"]) for end in found["jobs"]} >= {
        (published["job_ids"][0], "image_enhance_update"),
        (published["job_ids"][1], "image_relevance_score"),
    }
    assert (found["dead_letters"], found["missing"]) == ([], [])
    page = busy("image", "known", "front").stdout
    for words in ("known/front", " by sr_x", "class", "description", "in force", "Bakery", "gold", *queues):
        assert words in page, words


def test_of_a_broken_image_the_letters_are_shown_and_of_an_unknown_one_nothing(busy: Cli, pictures: Path) -> None:
    busy.json("publish", pictures / "broken.jpg", "--business", "hurt")
    name = until_dead(busy, "hurt")

    found = busy.json("image", "hurt", "broken")
    assert [letter["letter_id"] for letter in found["dead_letters"]] == [name]
    assert [(end["queue"], end["outcome"]) for end in found["jobs"]] == [(QUEUE, "dead")]
    page = busy("image", "hurt", "broken").stdout
    assert name in page and "not_an_image" in page and "Nothing known: Source" in page

    unknown = busy("image", "hurt", "other")
    assert (unknown.returncode, unknown.stdout) == (ExitCode.NOT_DONE, "")
    assert "Nothing is known of hurt/other" in unknown.stderr
    assert busy.json("image", "hurt", "other", code=ExitCode.NOT_DONE)["metadata"] is None


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
    absent = Cli(busy.folder, {**busy.environment, "EDITOR": "no-such-editor"})

    refused = absent("dlq", "edit", QUEUE, name, "--editor")
    assert refused.returncode == ExitCode.USAGE and "no-such-editor" in refused.stderr
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
