"""What the tests of the users share: making the users as deploy/ does, and what they try."""

import json
import os
import shlex
import subprocess
import urllib.error
import urllib.request
from base64 import b64encode
from pathlib import Path
from typing import Any
from urllib.parse import quote

import aio_pika
from aio_pika.abc import AbstractChannel, AbstractIncomingMessage

from tests.kit.rabbitmq import RabbitMQ

DEPLOY = Path(__file__).parents[2] / "deploy"
VHOST = "justlens"
ORCHESTRATOR, PUBLISHER, OPERATOR = "justlens-orchestrator", "justlens-publisher", "justlens-operator"
PASSWORD = "p'a\\ss"


def make_users(broker: RabbitMQ, folder: Path, **environment: str) -> None:
    """Run users.sh against ``broker``, with the rabbitmqctl that belongs to it first on the PATH."""
    program = folder / "rabbitmqctl"
    program.write_text(f'#!/bin/sh\nexec {shlex.join(broker.ctl_command())} "$@"\n')  # its environment names the node
    program.chmod(0o755)
    passwords = {f"RABBITMQ_{user}_PASSWORD": PASSWORD for user in ("ORCHESTRATOR", "PUBLISHER", "OPERATOR")}
    own = broker.environment()
    path = f"{folder}{os.pathsep}{own.get('PATH', os.defpath)}"
    done = subprocess.run(
        ["sh", str(DEPLOY / "rabbitmq" / "users.sh")],
        env={**own, **passwords, "PATH": path, **environment},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert PASSWORD not in done.stdout + done.stderr


def add_queue(broker: RabbitMQ, queue: str) -> None:
    """A queue that belongs to nobody here."""
    name = f'rabbit_misc:r(<<"{VHOST}">>, queue, <<"{queue}">>)'
    broker.rabbitmqctl("eval", f'rabbit_amqqueue:declare({name}, true, false, [], none, <<"test">>), ok.')


def url(broker: RabbitMQ, user: str, password: str = PASSWORD) -> str:
    return f"amqp://{user}:{quote(password, safe='')}@127.0.0.1:{broker.port}/{VHOST}"


def management(broker: RabbitMQ, user: str, method: str, path: str, body: Any = None) -> int:
    """The status of one call of the management API."""
    token = b64encode(f"{user}:{PASSWORD}".encode()).decode()
    request = urllib.request.Request(
        f"http://127.0.0.1:{broker.management_port}/api/{path}",
        method=method,
        data=None if body is None else json.dumps(body).encode(),
        headers={"Authorization": f"Basic {token}", "Content-Type": "application/json"},
    )
    try:
        with urllib.request.urlopen(request, timeout=10) as reply:
            return int(reply.status)
    except urllib.error.HTTPError as error:
        error.close()
        return error.code


async def _ignore(_: AbstractIncomingMessage) -> None:
    pass


async def consume(channel: AbstractChannel, queue: str) -> None:
    await (await channel.get_queue(queue, ensure=False)).consume(_ignore)


async def get(channel: AbstractChannel, queue: str) -> None:
    await (await channel.get_queue(queue, ensure=False)).get(fail=False)


async def purge(channel: AbstractChannel, queue: str) -> None:
    await (await channel.get_queue(queue, ensure=False)).purge()


async def bind(channel: AbstractChannel, queue: str, exchange: str) -> None:
    await (await channel.get_queue(queue, ensure=False)).bind(exchange, "#")


async def publish(channel: AbstractChannel, exchange: str) -> None:
    target = await channel.get_exchange(exchange, ensure=False)
    await target.publish(aio_pika.Message(b"{}"), "image.scored")
