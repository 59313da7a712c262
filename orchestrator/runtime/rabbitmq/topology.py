"""The queues that queues.yaml means, as values, and making the broker have them.

Each queue of the file has a main queue, one retry queue per delay, and an error queue:

    retry.<queue>.<delay>ms --(after its delay)--> <queue> --(delivery limit)--> error.<queue>

Everything that safety rests on is an argument of the queue, not a policy (docs/decisions/0001): a policy can be
removed while the queue lives, and then dead-lettering silently ends.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import structlog

from orchestrator.config.pipeline import Pipeline, QueueSpec
from orchestrator.domain.errors import TopologyMismatch, Unavailable
from orchestrator.domain.events import EVENTS_EXCHANGE
from orchestrator.domain.queue_names import error_queue, retry_queue
from orchestrator.runtime.rabbitmq.control import Control, NotTheSame
from orchestrator.runtime.rabbitmq.drift import Difference, differences, exchange_differences, leftovers
from orchestrator.runtime.rabbitmq.management import MANAGEMENT, Management
from orchestrator.runtime.rabbitmq.policies import effective_policies

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class QueueDeclaration:
    """One durable queue as it has to be. ``name`` carries the deployment's prefix."""

    name: str
    arguments: Mapping[str, str | int] = field(default_factory=dict)


# A quorum queue that refuses publishes when full. At-least-once dead-lettering silently becomes at-most-once without
# either of the two, so every queue has them.
_COMMON: Mapping[str, str | int] = {"x-queue-type": "quorum", "x-overflow": "reject-publish"}

# RabbitMQ 4 drops the message of an error queue whose consumer was lost 20 times, unless the queue names a limit of its
# own; RabbitMQ 3 does not know its -1 for none.
_UNLIMITED = 2**31 - 1


def _dead_letters_to(name: str) -> dict[str, str | int]:
    return {
        "x-dead-letter-exchange": "",
        "x-dead-letter-routing-key": name,
        "x-dead-letter-strategy": "at-least-once",
    }


def wanted_queues(pipeline: Pipeline, prefix: str) -> tuple[QueueDeclaration, ...]:
    """Every queue the pipeline needs, a dead-letter target before the queues that lead to it."""
    return tuple(
        declaration for name, spec in pipeline.queues.items() for declaration in _queues_around(name, spec, prefix)
    )


def _queues_around(queue: str, spec: QueueSpec, prefix: str) -> list[QueueDeclaration]:
    main: dict[str, str | int] = {
        **_COMMON,
        # A delivery limit may lead to the error queue only. Into a queue with a TTL that leads back here it would be
        # a cycle without a consumer's doing, in which a broker drops the message.
        **_dead_letters_to(prefix + error_queue(queue)),
        "x-delivery-limit": spec.delivery_limit,
    }
    if spec.max_length is not None:
        main["x-max-length"] = spec.max_length
    tiers = [
        QueueDeclaration(
            prefix + retry_queue(queue, delay_s),
            {**_COMMON, **_dead_letters_to(prefix + queue), "x-message-ttl": round(delay_s * 1000)},
        )
        for delay_s in spec.retry_delays_s
    ]
    dead = QueueDeclaration(prefix + error_queue(queue), {**_COMMON, "x-delivery-limit": _UNLIMITED})
    return [dead, QueueDeclaration(prefix + queue, main), *tiers]


def events_exchange(prefix: str) -> str:
    """The exchange that completion events are told on."""
    return prefix + EVENTS_EXCHANGE


def definitions(pipeline: Pipeline, prefix: str, vhost: str) -> dict[str, Any]:
    """Queues and exchange as RabbitMQ's definitions.json, for ``load_definitions`` or POST /api/definitions."""
    return {
        "exchanges": [
            {
                "name": events_exchange(prefix),
                "vhost": vhost,
                "type": "topic",
                "durable": True,
                "auto_delete": False,
                "internal": False,
                "arguments": {},
            }
        ],
        "queues": [
            {
                "name": queue.name,
                "vhost": vhost,
                "durable": True,
                "auto_delete": False,
                "arguments": dict(queue.arguments),
            }
            for queue in wanted_queues(pipeline, prefix)
        ],
    }


async def apply_topology(
    control: Control, management: Management | None, queues: Sequence[QueueDeclaration], prefix: str
) -> None:
    """Declare every queue and the exchange; what exists as it should is left alone.

    Raises TopologyMismatch with every difference of what exists with other properties, Unavailable.
    """
    refused: dict[str, str] = {}
    try:
        await control.declare_exchange(events_exchange(prefix))
    except NotTheSame as error:
        refused[events_exchange(prefix)] = str(error)
    for queue in queues:
        try:
            await control.declare(queue.name, queue.arguments)
        except NotTheSame as error:
            refused[queue.name] = str(error)
    if refused:
        raise TopologyMismatch(await _explain(refused, management, queues, prefix))


async def _explain(
    refused: Mapping[str, str], management: Management | None, queues: Sequence[QueueDeclaration], prefix: str
) -> list[str]:
    """Every difference there is, because the broker's refusal of a declaration names the first one of its queue."""
    refusals = {name: f"{name}: {said}" for name, said in refused.items()}
    try:
        if management is None:
            raise Unavailable(MANAGEMENT, "set JUSTLENS_MANAGEMENT_URL")
        wrong = [one for one in await diff_topology(management, queues, prefix) if not one.harmless]
    except Unavailable as unavailable:
        return [*refusals.values(), f"Each queue may differ in more than its line says. {unavailable}"]
    seen = {one.queue for one in wrong}
    return [*map(str, wrong), *(line for name, line in refusals.items() if name not in seen)]


async def diff_topology(management: Management, queues: Sequence[QueueDeclaration], prefix: str) -> list[Difference]:
    """Where the broker is not as the file says, policies in force and feature flags included. Raises Unavailable."""
    found = {queue["name"]: queue for queue in await management.queues()}
    policies = [await management.policies(), await management.operator_policies()]
    flags = await management.feature_flags()
    result: list[Difference] = []
    if flags.get("stream_queue", "enabled") != "enabled":
        result.append(Difference("(broker)", "feature flag stream_queue", "enabled", flags["stream_queue"]))
    for queue in queues:
        in_force = effective_policies(queue.name, found.get(queue.name), *policies)
        result += differences(queue.name, queue.arguments, found.get(queue.name), in_force)
    name = events_exchange(prefix)
    result += exchange_differences(name, (await management.exchanges()).get(name))
    return result + leftovers({queue.name for queue in queues}, found, prefix)


async def verify_topology(
    control: Control, management: Management | None, queues: Sequence[QueueDeclaration], prefix: str
) -> None:
    """Declare the queues, then compare what the broker has, if its management API is known.

    Raises TopologyMismatch with every difference, Unavailable. What changes nothing is logged.
    """
    await apply_topology(control, management, queues, prefix)
    if management is None:
        log.warning("topology_not_compared", detail="JUSTLENS_MANAGEMENT_URL is not set: policies stay unseen")
        return
    found = await diff_topology(management, queues, prefix)
    for difference in found:
        if difference.harmless:
            log.warning("topology_note", queue=difference.queue, detail=str(difference))
    if wrong := [str(difference) for difference in found if not difference.harmless]:
        raise TopologyMismatch(wrong)
