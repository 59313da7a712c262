"""The command line on an embedded system: real processes, real files, the owner's socket."""

import asyncio
import fcntl
import json
import os
import signal
import socket
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import psutil
import pytest
from PIL import Image

from orchestrator.cli.exits import ExitCode
from tests.kit.cli import Cli
from tests.kit.orchestrators import ROOT, Orchestrator
from tests.kit.process import wait_until

QUEUE = "image_enhance_process"


@pytest.fixture
def cli(tmp_path: Path) -> Cli:
    environment = {"JUSTLENS_DATA_DIR": str(tmp_path / "data"), "JUSTLENS_QUEUES_FILE": str(ROOT / "queues.yaml")}
    return Cli(tmp_path, environment)


@pytest.fixture
def pictures(tmp_path: Path) -> Path:
    folder = tmp_path / "pictures"
    folder.mkdir()
    for number, name in enumerate(("front", "menu")):
        Image.effect_noise((96, 72), 40 + number).convert("RGB").save(folder / f"{name}.jpg")
    (folder / "broken.jpg").write_bytes(b"no picture at all")
    return folder


@pytest.fixture
async def owner(cli: Cli, tmp_path: Path) -> AsyncIterator[Orchestrator]:
    process = Orchestrator("owner", tmp_path, {**cli.environment, "JUSTLENS_FETCH_ALLOW_NETWORKS": '["127.0.0.0/8"]'})
    try:
        await process.ready()
        yield process
    finally:
        process.kill()


def row(cli: Cli, queue: str = QUEUE) -> dict[str, Any]:
    """The queue's line of the status."""
    [found] = [row for row in cli.json("status")["queues"] if row["queue"] == queue]
    return dict(found)


def until(cli: Cli, what: str, holds: Callable[[dict[str, Any]], bool]) -> None:
    wait_until(lambda: holds(row(cli)), 30, what)


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
    assert done.stdout.strip() == "image_enhance_bulk: published 1, duplicates left out 1, refused 2"
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


def test_jobs_go_through_the_owner_and_a_broken_one_is_found_shown_mended_and_done(
    cli: Cli, owner: Orchestrator, pictures: Path
) -> None:
    assert cli.json("publish", pictures, "--business", "shop")["published"] == 3
    until(cli, "two pictures to be done and one to be dead", lambda q: (q["done"], q["dead"]) == (2, 1))
    state = cli.json("status")
    assert state["dead_letters"] == [{"queue": QUEUE, "reason": "not_an_image", "count": 1}]
    assert state["workers"][0]["state"] == "ready"

    [letter] = cli.json("dlq", "list", "--business", "shop", "--newer-than", "1h")
    name = letter["letter_id"]
    assert (letter["image_id"], letter["reason"], letter["parked"]) == ("broken", "not_an_image", False)
    assert cli.json("dlq", "list", "--older-than", "1h") == []
    shown = cli.json("dlq", "show", f"error.{QUEUE}", name)
    assert json.loads(shown["body"])["image_url"].endswith("broken.jpg")
    assert "not_an_image" in cli("dlq", "show", QUEUE, name).stdout
    assert cli.json("dlq", "stats") == state["dead_letters"]

    foreseen = cli.json("dlq", "replay", "--reason", "not_an_image", "--dry-run")
    assert (foreseen["count"], foreseen["dry_run"]) == (1, True)
    assert row(cli)["dead"] == 1

    refused = cli("dlq", "edit", QUEUE, name, "--set", "image_url=gopher://x")
    assert refused.returncode == ExitCode.NOT_DONE and "image_url: must start with" in refused.stderr
    assert cli("dlq", "show", QUEUE, "nope").returncode == ExitCode.NOT_DONE

    good = (pictures / "front.jpg").as_uri()
    edited = cli.json("dlq", "edit", QUEUE, name, "--set", f"image_url={good}")
    assert edited["job_id"] != name
    until(cli, "the mended job to be done", lambda q: (q["done"], q["dead"]) == (3, 0))


def test_an_editor_mends_a_letter(cli: Cli, owner: Orchestrator, pictures: Path, tmp_path: Path) -> None:
    cli.json("publish", pictures / "broken.jpg", "--business", "shop")
    until(cli, "the job to be dead", lambda q: q["dead"] == 1)
    [letter] = cli.json("dlq", "list")
    editor = Cli(tmp_path, {**cli.environment, "EDITOR": "sed -i s/broken.jpg/menu.jpg/"})
    idle = Cli(tmp_path, {**cli.environment, "EDITOR": "true"})

    assert idle("dlq", "edit", QUEUE, letter["letter_id"], "--editor").returncode == ExitCode.NOT_DONE
    editor.json("dlq", "edit", QUEUE, letter["letter_id"], "--editor")

    until(cli, "the mended job to be done", lambda q: (q["done"], q["dead"]) == (1, 0))


def test_a_letter_replayed_in_vain_is_parked_and_needs_force(cli: Cli, owner: Orchestrator, pictures: Path) -> None:
    cli.json("publish", pictures / "broken.jpg", "--business", "shop")
    for replays in range(3):
        until(cli, f"the job to die after {replays} replays", lambda q: q["dead"] == 1)
        assert cli.json("dlq", "replay", "--queue", QUEUE)["count"] == 1
    until(cli, "the job to die again", lambda q: q["dead"] == 1)

    parked = cli("dlq", "replay")

    [letter] = cli.json("dlq", "list")
    assert letter["parked"] and parked.returncode == ExitCode.NOT_DONE
    assert f"parked: {QUEUE} {letter['letter_id']}" in parked.stderr and "--force" in parked.stderr
    assert cli.json("dlq", "replay", "--force")["count"] == 1


def test_dropping_asks_first_and_removes_for_good(cli: Cli, owner: Orchestrator, pictures: Path) -> None:
    cli.json("publish", pictures / "broken.jpg", "--business", "shop")
    until(cli, "the job to be dead", lambda q: q["dead"] == 1)

    declined = cli("dlq", "drop", typed="n\n")
    assert declined.returncode == ExitCode.NOT_DONE and row(cli)["dead"] == 1
    assert cli.json("dlq", "drop", "--dry-run")["count"] == 1 and row(cli)["dead"] == 1
    assert cli.json("dlq", "drop", "--business", "other", "--yes")["count"] == 0

    assert cli.json("dlq", "drop", "--yes")["count"] == 1
    assert row(cli)["dead"] == 0 and cli.json("dlq", "list") == []


async def test_sigterm_ends_the_owner_and_its_workers_with_exit_code_0(cli: Cli, owner: Orchestrator) -> None:
    family = psutil.Process(owner.pid).children(recursive=True)
    assert family

    assert await owner.leave() == 0

    gone, alive = psutil.wait_procs(family, timeout=10)
    assert alive == [] and len(gone) == len(family)
    assert row(cli)["consumers"] == 0


async def test_a_second_signal_hands_back_what_is_in_progress(cli: Cli, owner: Orchestrator) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        url = f"http://127.0.0.1:{silent.getsockname()[1]}/slow.jpg"
        cli.json("publish", url, "--business", "b")
        silent.settimeout(20)
        connection, _ = await asyncio.to_thread(silent.accept)
        with connection:
            os.kill(owner.pid, signal.SIGTERM)
            await asyncio.sleep(0.3)
            os.kill(owner.pid, signal.SIGINT)
            assert await owner.ended() == 0

    assert (row(cli)["ready"], row(cli)["retrying"]) == (1, 0)


def test_a_data_directory_in_use_is_exit_code_6(cli: Cli, tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()
    with (tmp_path / "data" / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        for command in ("run", "status"):
            done = cli(command)
            assert done.returncode == ExitCode.IN_USE
            assert "in use" in done.stderr and "--data-dir" in done.stderr and "Traceback" not in done.stderr
    assert cli("status").returncode == 0


def test_two_commands_at_the_same_time_wait_for_each_other(cli: Cli, tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()
    job = {"business_id": "b", "image_url": "https://e.x/1.jpg"}

    async def publish(number: int) -> Any:
        done = await asyncio.to_thread(cli, "publish", "-", typed=json.dumps({**job, "image_id": number}))
        return done.returncode

    async def together() -> list[int]:
        return await asyncio.gather(*(publish(number) for number in range(3)))

    assert asyncio.run(together()) == [0, 0, 0]
    assert row(cli)["ready"] == 3


def test_doctor_finds_nothing_wrong_or_says_what(cli: Cli, tmp_path: Path) -> None:
    assert cli("doctor").returncode == 0

    (tmp_path / "broken.yaml").write_text("version: 1\nqueues: {a: {stage: nope}}\n")
    (tmp_path / "file").write_text("")
    done = cli.json(
        "doctor",
        code=ExitCode.UNAVAILABLE,
        queues_file="broken.yaml",
        data_dir="file",
        cdn_purge_url="http://u:canary@127.0.0.1:1/?t=canary",
        endpoints='{"enhance": ["http://127.0.0.1:1"]}',
    )

    failing = {check["name"]: check for check in done["checks"] if check["state"] == "failing"}
    assert {"queues file", "data directory", "cdn"} <= failing.keys()
    assert "no stage 'nope'" in failing["queues file"]["detail"]
    assert all(check["remedy"] for check in failing.values()) and "canary" not in json.dumps(done)


def test_the_dlq_commands_are_a_script_of_their_own(cli: Cli) -> None:
    script = Cli(cli.folder, cli.environment, module="orchestrator.admin")

    assert script.json("replay", "--dry-run")["count"] == 0
    assert script("show", QUEUE, "nope").returncode == ExitCode.NOT_DONE


def test_a_worker_becomes_the_process_itself(cli: Cli) -> None:
    done = cli("worker", "enhance", "--", "--help")

    assert done.returncode == 0 and "python -m workers.enhance" in done.stdout
