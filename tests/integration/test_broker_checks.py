"""What doctor says of RabbitMQ: each node, its consumer_timeout, with the remedy."""

import socket
from math import inf

import pytest

from orchestrator.cli.doctor.broker_checks import broker_checks
from orchestrator.cli.doctor.checks import Finding, carry_out
from orchestrator.cli.doctor.consumer_timeout_check import consumer_timeout_check, find_short_timeouts
from orchestrator.config import Settings
from tests.integration.rabbitmq_kit import pipeline, settings
from tests.kit.ports import free_port
from tests.kit.rabbitmq import RabbitMQ


async def check(url: str, management_url: str | None = None) -> dict[str, Finding]:
    """The findings by name."""
    checks = broker_checks(settings(url, management_url), pipeline)
    return {finding.name: finding for finding in await carry_out(checks)}


async def test_every_node_of_the_broker_is_checked(rabbitmq: RabbitMQ, vhost_name: str) -> None:
    nowhere = free_port()
    urls = [rabbitmq.amqp_url(vhost_name), f"amqp://guest:hunter2@127.0.0.1:{nowhere}/{vhost_name}"]
    found = await check(",".join(urls))
    states = {name: finding.state for name, finding in found.items() if name.startswith("rabbitmq amqp://")}
    assert states == {
        f"rabbitmq amqp://127.0.0.1:{rabbitmq.port}/{vhost_name}": "ok",
        f"rabbitmq amqp://127.0.0.1:{nowhere}/{vhost_name}": "failing",
    }
    assert "hunter2" not in str(found)


async def test_a_refusal_is_said_in_the_words_of_the_broker_with_a_remedy(rabbitmq: RabbitMQ) -> None:
    finding = (await check(rabbitmq.amqp_url("no-such-vhost")))["rabbitmq"]
    assert "NOT_ALLOWED - vhost no-such-vhost not found; create the vhost" in finding.detail
    assert " object at 0x" not in finding.detail and "JUSTLENS_AMQP_URL" in finding.detail
    finding = (await check(f"amqp://guest:hunter2@127.0.0.1:{rabbitmq.port}/"))["rabbitmq"]
    assert "ACCESS_REFUSED" in finding.detail and "correct user or password" in finding.detail


async def test_a_consumer_timeout_below_the_deadlines_is_said_with_both(
    rabbitmq: RabbitMQ, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The node has RabbitMQ's default of 1,800 s, which some releases show to rabbitmqctl only."""
    changes = {"PATH": "/usr/lib/rabbitmq/bin:/usr/bin:/bin", "RABBITMQ_CTL_DIST_PORT_MIN": str(free_port())}
    for name, value in {**rabbitmq.environment(), **changes}.items():
        monkeypatch.setenv(name, value)
    late = settings(rabbitmq.amqp_url(), rabbitmq.management_url, ack_timeout_s=3600)
    [finding] = await carry_out([consumer_timeout_check(late, lambda: pipeline(deadline_s=2400))])
    assert finding.state == "failing" and finding.detail == (
        "queues.work.deadline_s (2400 s) is longer than the broker's consumer_timeout (1800 s);"
        " JUSTLENS_ACK_TIMEOUT_S (3600 s) is longer than the broker's consumer_timeout (1800 s)"
    )
    assert "consumer_timeout in rabbitmq.conf (ms, on every node) to 3600000" in finding.remedy


async def test_a_machine_without_a_node_is_left_without_a_register_of_nodes(
    rabbitmq: RabbitMQ, monkeypatch: pytest.MonkeyPatch
) -> None:
    port = free_port()
    monkeypatch.setenv("PATH", "/usr/lib/rabbitmq/bin:/usr/bin:/bin")
    monkeypatch.setenv("ERL_EPMD_PORT", str(port))
    check = consumer_timeout_check(settings(rabbitmq.amqp_url(), rabbitmq.management_url), pipeline)
    [finding] = await carry_out([check])
    if finding.state == "not checked":  # a release whose management API tells is never asked in this way
        assert "reaches no node of this broker" in finding.detail
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.1", port), timeout=1)


@pytest.mark.parametrize(
    ("timeouts", "late"),
    [
        ({"every queue": inf}, []),
        ({"every queue": 1800.0}, []),
        ({"every queue": 90.0}, ["queues.work.deadline_s (120 s)", "JUSTLENS_ACK_TIMEOUT_S (1800 s)"]),
        ({"p.work": 1900.0, "p.error.work": 60.0}, ["JUSTLENS_ACK_TIMEOUT_S (1800 s)"]),
        (
            {"p.work": 60.0, "every queue": 9000.0},
            ["queues.work.deadline_s (120 s)", "JUSTLENS_ACK_TIMEOUT_S (1800 s)"],
        ),
    ],
)
def test_a_timeout_of_one_queue_concerns_that_queue(timeouts: dict[str, float], late: list[str]) -> None:
    found = find_short_timeouts(timeouts, pipeline(deadline_s=120), Settings(queue_prefix="p."))
    assert [line.partition(" is longer")[0] for line in found] == late
