"""What a message of the driver is to the engine, and how it is settled."""

import asyncio
from typing import NamedTuple

import structlog
from aiormq.abc import AbstractChannel as DriverChannel
from aiormq.abc import DeliveredMessage

from orchestrator.runtime.delivery_deadline import being_cancelled
from orchestrator.runtime.ports import Delivery
from orchestrator.runtime.rabbitmq.connection import TIMEOUT_S
from orchestrator.runtime.rabbitmq.driver_errors import describe

log = structlog.get_logger(__name__)


class Receipt(NamedTuple):
    """What settles a delivery: its tag means something on its own channel only."""

    channel: DriverChannel
    tag: int


def read_delivery(queue: str, message: DeliveredMessage) -> Delivery:
    """The delivery that a message of the driver is, from the queue that queues.yaml calls ``queue``."""
    properties = message.header.properties
    headers = properties.headers or {}
    count = headers.get("x-delivery-count", 0)
    return Delivery(
        queue=queue,
        body=message.body,
        headers=headers,
        message_id=properties.message_id,
        redelivered=bool(message.redelivered),
        delivery_count=count if isinstance(count, int) else 0,
        receipt=Receipt(message.channel, message.delivery_tag or 0),  # a delivery always has one, from 1 on
    )


async def settle(delivery: Delivery, *, ack: bool) -> None:
    """Ack, or give back with a nack (never a reject, which newer brokers count as a failed delivery).

    Neither is answered by the broker. On a channel that has gone this does nothing: the message comes again.
    """
    receipt: Receipt = delivery.receipt
    channel, tag = receipt
    try:
        async with asyncio.timeout(TIMEOUT_S):
            await (channel.basic_ack(tag, wait=False) if ack else channel.basic_nack(tag, requeue=True, wait=False))
    except asyncio.CancelledError:
        if being_cancelled():
            raise
        log.debug("not_settled", queue=delivery.queue, ack=ack, detail="channel closed meanwhile")
    except Exception as error:
        log.debug("not_settled", queue=delivery.queue, ack=ack, detail=describe(error))
