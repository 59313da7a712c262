"""Checks of RabbitMQ: its nodes, its queues, its settings. They change nothing that anybody reads."""

import uuid
from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING

from pydantic import SecretStr

from orchestrator.cli.doctor.checks import Check, NotChecked, Wrong
from orchestrator.cli.doctor.consumer_timeout_check import consumer_timeout_check
from orchestrator.cli.topology import rabbit_broker
from orchestrator.config import Pipeline, Settings
from orchestrator.domain.errors import Unroutable
from orchestrator.domain.urls import split_urls, without_secrets

if TYPE_CHECKING:
    from orchestrator.runtime.rabbitmq import Difference

_BROKER = "(broker)"


def broker_checks(settings: Settings, load: Callable[[], Pipeline]) -> list[Check]:
    """RabbitMQ: connection, the right to publish, queues, feature flags."""

    async def queues() -> str:
        found = [one for one in await _differences(settings, load()) if one.queue != _BROKER and not one.harmless]
        if found:
            raise Wrong("; ".join(str(one) for one in found))
        return "as queues.yaml says"

    async def flags() -> str:
        found = [one for one in await _differences(settings, load()) if one.queue == _BROKER]
        if found:
            raise Wrong("; ".join(str(one) for one in found))
        return "stream_queue is enabled"

    return [
        *_node_checks(settings),
        Check(
            "rabbitmq queues",
            queues,
            "`justlens topology apply` creates what is missing; `justlens topology diff` lists what has to be changed"
            " by hand. Both comparisons need JUSTLENS_MANAGEMENT_URL.",
        ),
        Check(
            "rabbitmq feature flag",
            flags,
            "Run `rabbitmqctl enable_feature_flag stream_queue`: without it dead-lettering may lose jobs."
            " JUSTLENS_MANAGEMENT_URL has to be set for this check.",
        ),
        consumer_timeout_check(settings, load),
    ]


def _node_checks(settings: Settings) -> list[Check]:
    """One check for each node that is named: that another one answers hides no node's trouble."""
    urls = split_urls(settings.amqp_url.get_secret_value())
    return [
        Check(
            f"rabbitmq {without_secrets(url)}" if len(urls) > 1 else "rabbitmq",
            partial(_may_publish, settings.model_copy(update={"amqp_url": SecretStr(url)})),
            "Start the broker, correct JUSTLENS_AMQP_URL, or let its user write to the default exchange.",
        )
        for url in urls
    ]


async def _may_publish(settings: Settings) -> str:
    from orchestrator.runtime.ports import Message

    async with rabbit_broker(settings) as broker:
        try:
            await broker.publish(f"doctor.{uuid.uuid4().hex}", Message(b"{}", {}, None))
        except Unroutable:
            # The broker read the message and found no such queue: connected, and allowed to publish.
            return without_secrets(settings.amqp_url.get_secret_value())
    raise Wrong("a queue that cannot exist took a message")


async def _differences(settings: Settings, pipeline: Pipeline) -> "list[Difference]":
    if settings.management_url is None:
        raise NotChecked("JUSTLENS_MANAGEMENT_URL is not set")
    async with rabbit_broker(settings) as broker:
        return await broker.diff_topology(pipeline)
