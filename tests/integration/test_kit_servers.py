"""The servers the tests stand on start, answer, are killed, and come back with what they promised to keep."""

import signal
import subprocess
import sys
from pathlib import Path

import aio_pika
import psutil
import pytest
from aio_pika.abc import AbstractChannel
from pamqp.common import FieldTable
from pymongo import WriteConcern

from tests.conftest import require
from tests.kit.mongod import Mongod
from tests.kit.process import wait_until
from tests.kit.rabbitmq import RabbitMQ
from tests.kit.s3 import S3Server

ROOT = Path(__file__).parents[2]
QUORUM: FieldTable = {"x-queue-type": "quorum"}


async def publish(channel: AbstractChannel, queue: str, body: bytes) -> None:
    message = aio_pika.Message(body, delivery_mode=aio_pika.DeliveryMode.PERSISTENT)
    await channel.default_exchange.publish(message, routing_key=queue, timeout=10)


async def test_a_confirmed_quorum_message_survives_a_killed_rabbitmq(rabbitmq: RabbitMQ, vhost: str) -> None:
    async with await aio_pika.connect(vhost, timeout=10) as connection:
        channel = await connection.channel(publisher_confirms=True)
        await channel.declare_queue("kept", durable=True, arguments=QUORUM)
        await publish(channel, "kept", b"still here")
        killed = rabbitmq.pid
        rabbitmq.sync()
        rabbitmq.kill()
    assert not rabbitmq.alive() and not rabbitmq.answers()

    rabbitmq.start()

    assert rabbitmq.pid != killed
    async with await aio_pika.connect(vhost, timeout=10) as connection:
        channel = await connection.channel()
        queue = await channel.declare_queue("kept", durable=True, arguments=QUORUM)
        message = await queue.get(timeout=20)
        assert message.body == b"still here"
        await message.ack()


def test_rabbitmq_has_the_feature_flags_and_the_settings_it_was_given(rabbitmq: RabbitMQ) -> None:
    flags = {flag["name"]: flag["state"] for flag in rabbitmq.api("GET", "/api/feature-flags")}
    assert flags["stream_queue"] == flags["quorum_queue"] == "enabled"
    assert rabbitmq.rabbitmqctl("eval", "application:get_env(rabbit, collect_statistics_interval).") == "{ok,1000}\n"


async def test_a_frozen_rabbitmq_does_not_answer_and_goes_on_when_thawed(rabbitmq: RabbitMQ, vhost: str) -> None:
    rabbitmq.freeze()
    try:
        assert rabbitmq.alive() and not rabbitmq.answers()
        with pytest.raises((TimeoutError, ConnectionError)):
            await aio_pika.connect(vhost, timeout=0.5)
    finally:
        rabbitmq.thaw()
    async with await aio_pika.connect(vhost, timeout=10) as connection:
        assert not connection.is_closed


def test_a_journalled_document_survives_a_killed_mongod(mongod: Mongod, mongo_database: str) -> None:
    with mongod.client() as client:
        documents = client[mongo_database].get_collection("kept")
        documents.with_options(write_concern=WriteConcern(w=1, j=True)).insert_one({"_id": 1, "text": "still here"})
    mongod.kill()
    assert not mongod.answers()

    mongod.start()

    with mongod.client() as client:
        assert client[mongo_database]["kept"].find_one({"_id": 1}) == {"_id": 1, "text": "still here"}


def test_a_frozen_mongod_does_not_answer_and_goes_on_when_thawed(mongod: Mongod, mongo_database: str) -> None:
    mongod.freeze()
    try:
        assert mongod.alive() and not mongod.answers()
    finally:
        mongod.thaw()
    assert mongod.answers()


def test_the_s3_server_keeps_an_object_until_it_is_killed(s3_server: S3Server, bucket: str) -> None:
    client = s3_server.client()
    try:
        client.put_object(Bucket=bucket, Key="a/b", Body=b"bytes")
        assert client.get_object(Bucket=bucket, Key="a/b")["Body"].read() == b"bytes"
        s3_server.kill()
        assert not s3_server.answers()
        s3_server.start()
        assert client.list_buckets()["Buckets"] == []
    finally:
        client.close()


def test_a_child_does_not_outlive_a_test_run_that_is_killed(tmp_path: Path) -> None:
    script = f"""
import os, signal
from pathlib import Path
from tests.kit.process import Child
here = Path({str(tmp_path)!r})
child = Child(["sleep", "600"], {{"PATH": os.environ["PATH"]}}, here / "log", here)
print(child.pid, flush=True)
os.kill(os.getpid(), signal.SIGKILL)
"""
    run = subprocess.run(
        [sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True, timeout=30, check=False
    )
    assert run.returncode == -signal.SIGKILL, run.stderr
    wait_until(lambda: not _runs(int(run.stdout)), 10, "the child to be killed")


def test_a_missing_server_fails_on_ci_and_skips_elsewhere(monkeypatch: pytest.MonkeyPatch) -> None:
    require(None)
    monkeypatch.setenv("CI", "true")
    with pytest.raises(pytest.fail.Exception, match="apt-get install"):
        require("apt-get install it")
    monkeypatch.setenv("CI", "")
    with pytest.raises(pytest.skip.Exception):
        require("apt-get install it")


def _runs(pid: int) -> bool:
    try:
        return bool(psutil.Process(pid).status() != psutil.STATUS_ZOMBIE)
    except psutil.NoSuchProcess:
        return False
