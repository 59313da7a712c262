"""The command line on real servers: topology, doctor, refusing to start, replaying."""

import asyncio
import json
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from orchestrator.cli.exits import ExitCode
from tests.kit.cli import Cli
from tests.kit.faultproxy import FaultProxy
from tests.kit.mongod import Mongod
from tests.kit.orchestrators import ROOT, Orchestrator, Processes
from tests.kit.process import free_port, wait_until
from tests.kit.rabbitmq import RabbitMQ
from tests.kit.s3 import ACCESS_KEY, REGION, SECRET_KEY, S3Server

QUEUE = "image_enhance_process"


@pytest.fixture(scope="module")
def worker_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    processes = Processes(tmp_path_factory.mktemp("workers"))
    try:
        port = free_port()
        processes.start_worker(port, 0.0)
        yield f"http://127.0.0.1:{port}"
    finally:
        processes.close()


@pytest.fixture
def cli(
    tmp_path: Path,
    rabbitmq: RabbitMQ,
    vhost: str,
    mongod: Mongod,
    mongo_database: str,
    s3_server: S3Server,
    bucket: str,
    worker_url: str,
) -> Cli:
    settings = {
        "mode": "servers",
        "queues_file": str(ROOT / "queues.yaml"),
        "amqp_url": vhost,
        "management_url": rabbitmq.management_url,
        "mongo_url": mongod.url,
        "mongo_database": mongo_database,
        "s3_endpoint": s3_server.endpoint,
        "s3_bucket": bucket,
        "s3_region": REGION,
        "s3_access_key": ACCESS_KEY,
        "s3_secret_key": SECRET_KEY,
        "endpoints": json.dumps({"enhance": [worker_url]}),
    }
    return Cli(tmp_path, {f"JUSTLENS_{name.upper()}": value for name, value in settings.items()})


def checks(cli: Cli, code: int, **changes: str) -> dict[str, dict[str, Any]]:
    """What doctor finds, by the name of the check; everything must end in good time."""
    began = time.monotonic()
    found = {check["name"]: check for check in cli.json("doctor", code=code, **changes)["checks"]}
    assert time.monotonic() - began < 45
    return found


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


def test_doctor_finds_everything_in_order(cli: Cli, worker_url: str) -> None:
    cli.json("topology", "apply")

    found = checks(cli, code=0, cdn_purge_url=worker_url)

    assert {check["state"] for check in found.values()} == {"ok"}
    wanted = {"python", "queues file", "deadlines", "rabbitmq", "rabbitmq queues", "rabbitmq feature flag", "mongodb"}
    assert wanted | {"mongodb writes", "s3", f"worker enhance {worker_url}", "cdn"} == found.keys()


def test_doctor_names_everything_that_is_away_with_its_remedy(cli: Cli) -> None:
    nowhere = f"127.0.0.1:{free_port()}"
    found = checks(
        cli,
        code=ExitCode.UNAVAILABLE,
        amqp_url=f"amqp://guest:canary@{nowhere}/",
        management_url=f"http://guest:canary@{nowhere}",
        mongo_url=f"mongodb://u:canary@{nowhere}/",
        s3_endpoint=f"http://{nowhere}",
        endpoints=json.dumps({"enhance": [f"http://{nowhere}"]}),
        cdn_purge_url=f"http://{nowhere}/purge?token=canary",
        store_timeout_s="1",
    )

    failing = {name for name, check in found.items() if check["state"] == "failing"}
    assert failing == found.keys() - {"python", "queues file", "deadlines"}
    assert all(found[name]["remedy"] and found[name]["detail"] for name in failing)
    assert "JUSTLENS_AMQP_URL" in found["rabbitmq"]["remedy"] and "JUSTLENS_MONGO_URL" in found["mongodb"]["remedy"]
    assert "canary" not in json.dumps(found)


def test_doctor_sees_one_dependency_fail_and_the_others_well(cli: Cli, rabbitmq: RabbitMQ, vhost_name: str) -> None:
    rabbitmq.api("PUT", "/api/users/reader", {"password": "reader", "tags": "administrator"})
    rabbitmq.api("PUT", f"/api/permissions/{vhost_name}/reader", {"configure": ".*", "write": "^$", "read": ".*"})
    reader = f"amqp://reader:reader@127.0.0.1:{rabbitmq.port}/{vhost_name}"

    found = checks(cli, code=ExitCode.UNAVAILABLE, amqp_url=reader, s3_bucket="nobody-made-this", ack_timeout_s="100")

    failing = {name for name, check in found.items() if check["state"] == "failing"}
    # The queues were never created, and the deadline of 120 s is too long: the file as a whole cannot be used then.
    assert {"rabbitmq", "deadlines", "queues file"} <= failing
    assert "ACCESS_REFUSED" in found["rabbitmq"]["detail"]

    found = checks(cli, code=ExitCode.UNAVAILABLE, s3_bucket="nobody-made-this")
    failing = {name for name, check in found.items() if check["state"] == "failing"}
    assert failing == {"s3", "rabbitmq queues"}
    assert "topology apply" in found["rabbitmq queues"]["remedy"]


def test_what_needs_the_broker_says_that_it_is_away(cli: Cli, tmp_path: Path) -> None:
    nowhere = f"127.0.0.1:{free_port()}"
    job = {"business_id": "b", "image_id": "1", "image_url": "https://e.x/1.jpg"}
    (tmp_path / "one.jsonl").write_text(json.dumps(job) + "\n")

    for words in (("status",), ("topology", "apply"), ("dlq", "list"), ("publish", "one.jsonl")):
        done = cli(*words, amqp_url=f"amqp://guest:canary@{nowhere}/", publish_timeout_s="1")
        assert done.returncode == ExitCode.UNAVAILABLE, (words, done.stdout, done.stderr)
        assert "canary" not in done.stdout + done.stderr and "Traceback" not in done.stderr


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


def test_an_unconfirmed_job_is_printed_so_that_it_can_be_published_again(cli: Cli, tmp_path: Path) -> None:
    job = {"business_id": "b", "image_id": "1", "image_url": "https://e.x/1.jpg"}
    (tmp_path / "one.jsonl").write_text(json.dumps(job) + "\n")

    away = cli("publish", "one.jsonl")  # no topology: the queue does not exist

    assert away.returncode == ExitCode.UNAVAILABLE and "unknown, line 1: job_id" in away.stderr
    body = away.stderr.splitlines()[-1]
    cli.json("topology", "apply")
    (tmp_path / "again.jsonl").write_text(body)
    assert cli.json("publish", "again.jsonl")["job_ids"] == [json.loads(body)["job_id"]]


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
