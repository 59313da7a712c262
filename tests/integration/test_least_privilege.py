"""The broker's users as deploy/rabbitmq makes them: each may do its work, and nothing more."""

from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote

import aio_pika
import pytest
from aio_pika.abc import AbstractChannel
from aio_pika.exceptions import AMQPError, ChannelClosed

from orchestrator.config import Pipeline, load_pipeline
from orchestrator.domain.errors import Unavailable
from orchestrator.domain.events import EVENTS_EXCHANGE
from orchestrator.domain.outcome import Announce
from orchestrator.runtime.rabbitmq import RabbitBroker, wanted_queues
from orchestrator.stages import STAGES
from tests.conftest import require
from tests.integration.least_privilege_kit import (
    DEPLOY,
    OPERATOR,
    ORCHESTRATOR,
    PASSWORD,
    PUBLISHER,
    VHOST,
    add_queue,
    bind,
    consume,
    get,
    make_users,
    management,
    publish,
    purge,
    url,
)
from tests.integration.rabbitmq_kit import client, message
from tests.kit.rabbitmq import RabbitMQ

QUEUE = "image_enhance_process"
FOREIGN = "payroll"
Attempt = Callable[[AbstractChannel], Awaitable[Any]]


@pytest.fixture(scope="module")
def pipeline() -> Pipeline:
    return load_pipeline(DEPLOY.parent / "queues.yaml", frozenset(STAGES))


@pytest.fixture(scope="module")
def node(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RabbitMQ]:
    """A broker set up as deploy/ does it: its configuration, its users, no guest; and a queue that is none of ours."""
    require(RabbitMQ.missing())
    folder = tmp_path_factory.mktemp("broker")
    conf = (DEPLOY / "rabbitmq" / "rabbitmq.conf").read_text().splitlines()
    own = [line for line in conf if line and not line.startswith(("#", "disk_free_limit", "log.file"))]
    broker = RabbitMQ(folder / "rabbitmq", config=own)
    try:
        broker.start()
        broker.add_vhost()
        make_users(broker, folder)
        add_queue(broker, FOREIGN)
        yield broker
    finally:
        broker.close()


@pytest.fixture
async def operator(node: RabbitMQ) -> AsyncIterator[RabbitBroker]:
    quoted = quote(PASSWORD, safe="")
    api = f"http://{OPERATOR}:{quoted}@127.0.0.1:{node.management_port}"
    async with client(url(node, OPERATOR), api) as broker:
        yield broker


@pytest.fixture
async def ready(node: RabbitMQ, operator: RabbitBroker, pipeline: Pipeline) -> RabbitMQ:
    """The broker with the pipeline's queues, which the operator declared."""
    await operator.apply_topology(pipeline)
    return node


async def test_the_operator_applies_and_compares_the_topology(
    ready: RabbitMQ, operator: RabbitBroker, pipeline: Pipeline
) -> None:
    await operator.verify_topology(pipeline)
    assert await operator.diff_topology(pipeline) == []


async def test_the_orchestrator_may_do_all_that_its_work_asks_for(ready: RabbitMQ, pipeline: Pipeline) -> None:
    async with client(url(ready, ORCHESTRATOR)) as broker:
        await broker.verify_topology(pipeline)
        for declaration in wanted_queues(pipeline, ""):
            await broker.publish(declaration.name, message())
            assert (await broker.depth(declaration.name)).ready == 1
            if not declaration.name.startswith("retry."):  # nobody consumes there: it empties itself
                subscription = await broker.subscribe(declaration.name)
                delivery = await subscription.next(timeout_s=10)
                assert delivery is not None
                await broker.requeue(delivery)
                again = await subscription.next(timeout_s=10)
                assert again is not None
                await broker.ack(again)
                await subscription.close()
        await broker.announce(Announce("image.scored", "acme", "1", "job", "1-job"))


async def test_the_orchestrator_makes_its_queues_again_when_they_have_gone(ready: RabbitMQ, pipeline: Pipeline) -> None:
    ready.rabbitmqctl("delete_queue", "--vhost", VHOST, f"retry.{QUEUE}.5000ms")
    async with client(url(ready, ORCHESTRATOR)) as broker:
        await broker.verify_topology(pipeline)
        await broker.publish(f"retry.{QUEUE}.5000ms", message())


async def test_the_publisher_may_publish_jobs_and_see_how_many_wait(ready: RabbitMQ) -> None:
    async with client(url(ready, PUBLISHER)) as broker:
        before = (await broker.depth(QUEUE)).ready
        await broker.publish(QUEUE, message())
        assert (await broker.depth(QUEUE)).ready == before + 1


FORBIDDEN: dict[str, tuple[str, Attempt]] = {
    "publisher consumes": (PUBLISHER, lambda c: consume(c, QUEUE)),
    "publisher gets": (PUBLISHER, lambda c: get(c, QUEUE)),
    "publisher reads dead letters": (PUBLISHER, lambda c: get(c, f"error.{QUEUE}")),
    "publisher purges": (PUBLISHER, lambda c: purge(c, QUEUE)),
    "publisher deletes a queue": (PUBLISHER, lambda c: c.queue_delete(QUEUE)),
    "publisher declares a queue": (PUBLISHER, lambda c: c.declare_queue("image_new")),
    "publisher declares a nameless queue": (PUBLISHER, lambda c: c.declare_queue(exclusive=True)),
    "publisher declares an exchange": (PUBLISHER, lambda c: c.declare_exchange("mine")),
    "publisher deletes the exchange of events": (PUBLISHER, lambda c: c.exchange_delete(EVENTS_EXCHANGE)),
    "publisher tells of an event": (PUBLISHER, lambda c: publish(c, EVENTS_EXCHANGE)),
    "publisher binds a queue": (PUBLISHER, lambda c: bind(c, QUEUE, EVENTS_EXCHANGE)),
    "orchestrator declares a foreign queue": (ORCHESTRATOR, lambda c: c.declare_queue("payroll_copy")),
    "orchestrator declares a look-alike": (ORCHESTRATOR, lambda c: c.declare_queue(f"{QUEUE}.copy")),
    "orchestrator deletes a foreign queue": (ORCHESTRATOR, lambda c: c.queue_delete(FOREIGN)),
    "orchestrator purges a foreign queue": (ORCHESTRATOR, lambda c: purge(c, FOREIGN)),
    "orchestrator consumes a foreign queue": (ORCHESTRATOR, lambda c: consume(c, FOREIGN)),
    "orchestrator declares an exchange": (ORCHESTRATOR, lambda c: c.declare_exchange("mine")),
    "orchestrator publishes to a foreign exchange": (ORCHESTRATOR, lambda c: publish(c, "amq.topic")),
    "orchestrator listens to a foreign exchange": (ORCHESTRATOR, lambda c: bind(c, QUEUE, "amq.topic")),
    "orchestrator deletes a foreign exchange": (ORCHESTRATOR, lambda c: c.exchange_delete("amq.topic")),
}


@pytest.mark.parametrize("attempt", FORBIDDEN)
async def test_a_user_may_not_do_what_is_not_its_work(ready: RabbitMQ, attempt: str) -> None:
    user, act = FORBIDDEN[attempt]
    async with await aio_pika.connect(url(ready, user)) as connection:
        channel = await connection.channel(publisher_confirms=True)
        with pytest.raises(ChannelClosed, match="ACCESS_REFUSED"):
            await act(channel)


ADMINISTRATION: dict[str, tuple[str, str, Any]] = {
    "makes a user": ("PUT", "users/more", {"password": "x", "tags": ""}),
    "gives itself rights": ("PUT", "permissions/justlens/{user}", {"configure": ".*", "write": ".*", "read": ".*"}),
    "makes itself administrator": ("PUT", "users/{user}", {"password": "x", "tags": "administrator"}),
    "sets a policy": ("PUT", "policies/justlens/p", {"pattern": ".*", "definition": {"max-length": 1}}),
    "deletes a queue over HTTP": ("DELETE", f"queues/justlens/{QUEUE}", None),
    "deletes the vhost": ("DELETE", "vhosts/justlens", None),
    "lists connections": ("GET", "connections", None),
    "exports definitions": ("GET", "definitions", None),
}


@pytest.mark.parametrize("user", [ORCHESTRATOR, PUBLISHER])
@pytest.mark.parametrize("attempt", ADMINISTRATION)
async def test_a_process_may_not_administer_the_broker(ready: RabbitMQ, user: str, attempt: str) -> None:
    method, path, body = ADMINISTRATION[attempt]
    assert management(ready, user, method, path.format(user=user), body) == 401


def test_guest_has_gone_and_a_wrong_password_opens_nothing(node: RabbitMQ) -> None:
    assert management(node, "guest", "GET", "whoami") == 401
    users = node.rabbitmqctl("list_users", "--no-table-headers").splitlines()
    assert sorted(users) == [f"{OPERATOR}\t[administrator]", f"{ORCHESTRATOR}\t[]", f"{PUBLISHER}\t[]"]


async def test_no_user_reaches_another_vhost(node: RabbitMQ) -> None:
    for user in (ORCHESTRATOR, PUBLISHER, OPERATOR):
        with pytest.raises(AMQPError):
            await aio_pika.connect(url(node, user).removesuffix(VHOST) + "%2F")
    with pytest.raises(AMQPError):
        await aio_pika.connect(url(node, ORCHESTRATOR, "wrong"))


async def test_users_are_mended_by_running_the_script_again(ready: RabbitMQ, tmp_path: Path) -> None:
    ready.rabbitmqctl("set_permissions", "--vhost", VHOST, PUBLISHER, ".*", ".*", ".*")
    ready.rabbitmqctl("set_user_tags", PUBLISHER, "administrator")
    make_users(ready, tmp_path, RABBITMQ_PUBLISHER_PASSWORD="another")
    assert management(ready, PUBLISHER, "GET", "whoami") == 401
    async with client(url(ready, PUBLISHER, "another")) as broker:
        await broker.publish(QUEUE, message())
        with pytest.raises(Unavailable, match="ACCESS_REFUSED"):
            await broker.subscribe(QUEUE)
    make_users(ready, tmp_path)
