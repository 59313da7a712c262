"""The command line on real servers: topology, refusing to start, waiting, replaying."""

import asyncio
import json
from pathlib import Path
from typing import Any

from orchestrator.cli.exits import ExitCode
from tests.kit.cli import Cli
from tests.kit.embedded import QUEUE
from tests.kit.faultproxy import FaultProxy
from tests.kit.orchestrators import ROOT, Orchestrator
from tests.kit.ports import free_port
from tests.kit.process import wait_until
from tests.kit.rabbitmq import RabbitMQ


def test_topology_is_created_held_against_the_file_and_exported(cli: Cli, rabbitmq: RabbitMQ, vhost_name: str) -> None:
    missing = cli.json("topology", "diff", code=ExitCode.TOPOLOGY)["differences"]
    assert f"error.{QUEUE}" in {difference["queue"] for difference in missing}

    applied = cli.json("topology", "apply")["queues"]

    assert cli.json("topology", "diff")["differences"] == []
    assert cli("topology", "diff").stdout.strip() == "No difference."
    exported = cli.json("topology", "definitions")
    assert {queue["name"] for queue in exported["queues"]} == set(applied)
    assert {queue["vhost"] for queue in exported["queues"]} == {vhost_name}

    body = {"pattern": "^image_", "definition": {"max-length": 7}, "apply-to": "queues"}
    rabbitmq.api("PUT", f"/api/policies/{vhost_name}/meddling", body)
    changed = cli("topology", "diff")
    assert changed.returncode == ExitCode.TOPOLOGY
    assert "max-length (by policy)" in changed.stdout and QUEUE in changed.stdout


def test_apply_and_run_refuse_a_queue_that_exists_with_other_properties_and_name_them_all(
    cli: Cli, rabbitmq: RabbitMQ, vhost_name: str
) -> None:
    wrong = (QUEUE, "image_enhance_bulk")
    for name in wrong:
        rabbitmq.api("PUT", f"/api/queues/{vhost_name}/{name}", {"durable": True, "arguments": {}})

    for command in (("topology", "apply"), ("run",)):
        refused = cli(*command)
        assert refused.returncode == ExitCode.TOPOLOGY
        assert all(name in refused.stderr for name in wrong) and "Traceback" not in refused.stderr


def test_what_needs_the_broker_says_that_it_is_away(cli: Cli, rabbitmq: RabbitMQ, tmp_path: Path) -> None:
    nowhere = f"127.0.0.1:{free_port()}"
    job = {"business_id": "b", "image_id": "1", "image_url": "https://e.x/1.jpg"}
    (tmp_path / "one.jsonl").write_text(json.dumps(job) + "\n")

    for words in (("status",), ("topology", "apply"), ("dlq", "list"), ("publish", "one.jsonl")):
        done = cli(*words, amqp_url=f"amqp://guest:canary@{nowhere}/", publish_timeout_s="1")
        assert done.returncode == ExitCode.UNAVAILABLE, (words, done.stdout, done.stderr)
        assert "canary" not in done.stdout + done.stderr and "Traceback" not in done.stderr
    assert done.stderr.startswith("1 not sent, from line 1 on: ") and "unknown" not in done.stderr

    refused = cli("publish", "one.jsonl", amqp_url=f"amqp://guest:canary@127.0.0.1:{rabbitmq.port}/")
    assert refused.returncode == ExitCode.UNAVAILABLE and refused.stderr.startswith("1 not sent")
    assert "ACCESS_REFUSED" in refused.stderr and "unknown" not in refused.stderr and "canary" not in refused.stderr


async def test_run_waits_for_a_broker_that_is_away_and_leaves_when_told(cli: Cli, rabbitmq: RabbitMQ) -> None:
    async with FaultProxy(rabbitmq.port) as proxy:
        await proxy.down()
        url = cli.environment["JUSTLENS_AMQP_URL"].replace(f":{rabbitmq.port}", f":{proxy.port}")
        environment = {"PYTHONPATH": str(ROOT), **cli.environment, "JUSTLENS_AMQP_URL": url}
        leaving = Orchestrator("leaving", cli.folder, environment)
        staying = Orchestrator("staying", cli.folder, environment)
        try:
            both = (leaving, staying)
            await asyncio.to_thread(wait_until, lambda: all("waiting" in p.tail() for p in both), 30, "both to wait")
            assert await leaving.leave() == 0
            await proxy.pass_through()
            await staying.ready()
            assert await staying.leave() == 0
        finally:
            leaving.kill()
            staying.kill()


def test_jobs_for_a_queue_that_is_not_there_were_not_sent(cli: Cli, tmp_path: Path) -> None:
    job = {"business_id": "b", "image_id": "1", "image_url": "https://e.x/1.jpg"}
    (tmp_path / "one.jsonl").write_text(json.dumps(job) + "\n")

    absent = cli("publish", "one.jsonl")

    assert absent.returncode != 0 and "unknown" not in absent.stderr
    assert "1 not sent" in absent.stderr and "`justlens topology apply`" in absent.stderr
    cli.json("topology", "apply")
    assert len(cli.json("publish", "one.jsonl")["job_ids"]) == 1


async def test_a_dead_job_is_replayed_through_the_broker(cli: Cli, tmp_path: Path) -> None:
    cli.json("topology", "apply")
    cli.json("publish", "http://127.0.0.1:9/not-allowed.jpg", "--business", "b", "--image", "1")
    refused = cli("publish", tmp_path, "--business", "b")
    assert refused.returncode == ExitCode.USAGE and "embedded mode only" in refused.stderr
    process = Orchestrator("servers", tmp_path, cli.environment)
    try:
        await process.ready()

        def letters() -> list[Any]:
            return list(cli.json("dlq", "list"))

        wait_until(lambda: len(letters()) == 1, 30, "the job to die")
        assert cli.json("dlq", "replay", "--queue", QUEUE, "--rate", "10/s")["count"] == 1
        wait_until(lambda: [letter["replays"] for letter in letters()] == [1], 30, "the job to die again")
        assert await process.leave() == 0
    finally:
        process.kill()
    [queue] = [row for row in cli.json("status")["queues"] if row["queue"] == QUEUE]
    assert (queue["ready"], queue["consumers"]) == (0, 0)
    assert cli.json("dlq", "drop", "--yes")["count"] == 1


def test_status_asks_the_workers_and_names_those_that_do_not_fit(cli: Cli, workers: dict[str, str]) -> None:
    assert cli("topology", "apply").returncode == 0
    nobody = f"http://127.0.0.1:{free_port()}"
    endpoints = {**{name: [url] for name, url in workers.items()}, "text": [nobody, workers["clip"]]}
    answer = cli.json("status", endpoints=json.dumps(endpoints))

    found = {(row["pool"], row["url"]): row for row in answer["workers"]}
    states = {key: row["state"] for key, row in found.items()}
    assert states == {
        ("enhance", workers["enhance"]): "ready",
        ("clip", workers["clip"]): "ready",
        ("vlm", workers["vlm"]): "ready",
        ("text", nobody): "unready",
        ("text", workers["clip"]): "incompatible",
    }
    assert (found["clip", workers["clip"]]["release"], found["clip", workers["clip"]]["in_flight"]) == ("0", None)
    assert "it is clip on" in found["text", workers["clip"]]["problem"]
