"""What doctor says of RabbitMQ: each node, with the remedy."""

from orchestrator.cli.broker_checks import broker_checks
from orchestrator.cli.checks import Finding, carry_out
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


async def test_a_vhost_that_does_not_exist_is_said_in_the_words_of_the_broker(rabbitmq: RabbitMQ) -> None:
    finding = (await check(rabbitmq.amqp_url("no-such-vhost")))["rabbitmq"]
    assert finding.state == "failing" and "vhost no-such-vhost not found; create the vhost" in finding.detail
    assert " object at 0x" not in finding.detail and "JUSTLENS_AMQP_URL" in finding.detail
