"""The command line on an embedded system: real processes, real files, the owner's socket."""

import asyncio
import fcntl
import json
import os
import signal
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest
from PIL import Image

from orchestrator.cli.exits import ExitCode
from orchestrator.config import load_settings
from orchestrator.operations import connected
from orchestrator.wiring import load_checked_pipeline
from tests.kit.cli import Cli
from tests.kit.orchestrators import ROOT, Orchestrator
from tests.kit.process import wait_until

QUEUE = "image_enhance_process"


def embedded(folder: Path) -> Cli:
    return Cli(folder, {"JUSTLENS_DATA_DIR": str(folder / "data"), "JUSTLENS_QUEUES_FILE": str(ROOT / "queues.yaml")})


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


def started(cli: Cli) -> Orchestrator:
    process = Orchestrator("owner", cli.folder, {**cli.environment, "JUSTLENS_FETCH_ALLOW_NETWORKS": '["127.0.0.0/8"]'})
    try:
        asyncio.run(process.ready())
    except BaseException:
        process.kill()
        raise
    return process


@pytest.fixture(scope="module")
def busy(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cli]:
    """A system at work that several tests share: each has a business of its own."""
    cli = embedded(tmp_path_factory.mktemp("busy"))
    owner = started(cli)
    try:
        yield cli
    finally:
        owner.kill()


@pytest.fixture
def owner(cli: Cli) -> Iterator[Orchestrator]:
    process = started(cli)
    try:
        yield process
    finally:
        process.kill()


def ask(cli: Cli, operation: str, **arguments: Any) -> Any:
    """An operation's answer without the cost of a process; through the owner when there is one."""
    settings = load_settings(data_dir=cli.environment["JUSTLENS_DATA_DIR"], queues_file=ROOT / "queues.yaml")

    async def work() -> Any:
        async with connected(settings, load_checked_pipeline(settings)) as call:
            return await call(operation, arguments)

    return asyncio.run(work())


def row(cli: Cli, queue: str = QUEUE) -> dict[str, Any]:
    """The queue's line of the status."""
    [found] = [row for row in ask(cli, "status")["queues"] if row["queue"] == queue]
    return dict(found)


def dead(cli: Cli, business: str) -> list[dict[str, Any]]:
    return list(ask(cli, "dlq.list", business_id=business))


def until_dead(cli: Cli, business: str, replays: int = 0) -> str:
    """Wait for the one job of a business to be dead after so many replays; the letter's name."""
    wait_until(lambda: [letter["replays"] for letter in dead(cli, business)] == [replays], 30, "the job to be dead")
    return str(dead(cli, business)[0]["letter_id"])


def until_done(cli: Cli, job_id: str) -> None:
    """Wait for the job to be through both of its queues."""
    wait_until(lambda: [end["outcome"] for end in ask(cli, "jobs", job_id=job_id)] == ["done"] * 2, 30, "the job")


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


def test_sigterm_ends_the_owner_and_its_workers_with_exit_code_0(cli: Cli, owner: Orchestrator) -> None:
    family = psutil.Process(owner.pid).children(recursive=True)
    assert family

    assert asyncio.run(owner.leave()) == 0

    gone, alive = psutil.wait_procs(family, timeout=10)
    assert alive == [] and len(gone) == len(family)
    assert row(cli)["consumers"] == 0


def test_a_second_signal_hands_back_what_is_in_progress(cli: Cli, owner: Orchestrator) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        url = f"http://127.0.0.1:{silent.getsockname()[1]}/slow.jpg"
        cli.json("publish", url, "--business", "b")
        silent.settimeout(20)
        connection, _ = silent.accept()
        with connection:
            os.kill(owner.pid, signal.SIGTERM)
            wait_until(lambda: "draining" in owner.log.read_text(), 10, "the first signal to be obeyed")
            os.kill(owner.pid, signal.SIGINT)
            assert asyncio.run(owner.ended()) == 0

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
