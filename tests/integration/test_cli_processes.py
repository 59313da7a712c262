"""The life of the command line's processes on an embedded system: signals, owners, workers, doctor."""

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

from orchestrator.cli.exits import ExitCode
from tests.kit.cli import Cli
from tests.kit.embedded import QUEUE, embedded, row, started
from tests.kit.orchestrators import Orchestrator
from tests.kit.process import wait_until


@pytest.fixture
def cli(tmp_path: Path) -> Cli:
    return embedded(tmp_path)


@pytest.fixture
def owner(cli: Cli) -> Iterator[Orchestrator]:
    process = started(cli)
    try:
        yield process
    finally:
        process.kill()


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


def test_an_owner_killed_while_jobs_are_published_leaves_every_job_accounted_for(
    cli: Cli, owner: Orchestrator, tmp_path: Path
) -> None:
    lines = [{"business_id": "b", "image_id": n, "image_url": "file:///nowhere.jpg"} for n in range(2000)]
    (tmp_path / "many.jsonl").write_text("\n".join(map(json.dumps, lines)))

    async def publish_and_kill() -> Any:
        publishing = asyncio.create_task(
            asyncio.to_thread(cli, "publish", "many.jsonl", "--rate", "40/s", "--to", QUEUE, "--json")
        )
        await asyncio.to_thread(wait_until, lambda: "dead" in owner.log.read_text(), 30, "the first jobs to arrive")
        owner.kill()
        return await publishing

    done = asyncio.run(publish_and_kill())

    report = json.loads(done.stdout)
    assert done.returncode == ExitCode.NOT_DONE
    assert report["published"] + len(report["unknown"]) + report["not_sent"] == 2000
    assert report["published"] and len(report["unknown"]) == 40 and report["not_sent"]
    assert f"from {report['not_sent_from']} on" in done.stderr and "Traceback" not in done.stderr
    assert row(cli)["ready"] + row(cli)["dead"] >= report["published"]


def test_a_data_directory_in_use_is_exit_code_6(cli: Cli, tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()
    with (tmp_path / "data" / "lock").open("w") as lock, socket.create_server(("127.0.0.1", 0)) as taken:
        fcntl.flock(lock, fcntl.LOCK_EX)
        for command in ("run", "api", "demo", "status"):  # its owner has the ports too, which is the lesser news
            before = ("--data-dir", tmp_path / "data")
            done = cli(*before, command, api_port=str(taken.getsockname()[1]))
            assert done.returncode == ExitCode.IN_USE
            assert "in use" in done.stderr and "--data-dir" in done.stderr and "Traceback" not in done.stderr
        [found] = failing(cli)
        assert found["name"] == "running process"
        assert found["detail"] == f"{tmp_path / 'data'} is in use by a process that does not answer"
    assert cli("status").returncode == 0


def failing(cli: Cli, **changes: str) -> list[dict[str, Any]]:
    """What doctor finds failing."""
    checks = cli.json("doctor", code=ExitCode.UNAVAILABLE, **changes)["checks"]
    return [check for check in checks if check["state"] == "failing"]


def test_doctor_says_that_a_port_is_taken_before_run_is_refused(cli: Cli) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        [found] = failing(cli, api_port=port)
    assert found["name"] == "ports" and f"cannot listen on 127.0.0.1:{port} (Address already" in found["detail"]
    assert "JUSTLENS_API_PORT" in found["detail"] + found["remedy"]
    [found] = failing(cli, api_port=port, http_port=port)
    assert "JUSTLENS_HTTP_PORT" in found["detail"]


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
    (cli.folder / "data").mkdir()
    script = Cli(cli.folder, cli.environment, module="orchestrator.admin")

    assert script.json("replay", "--dry-run")["count"] == 0
    assert script("show", QUEUE, "nope").returncode == ExitCode.NOT_DONE


def test_a_worker_becomes_the_process_itself(cli: Cli) -> None:
    done = cli("worker", "enhance", "--", "--help")

    assert done.returncode == 0 and "python -m workers.enhance" in done.stdout
