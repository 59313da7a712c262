"""What each queue does with its messages, read off the pipeline as RabbitMQ's topology is."""

from dataclasses import dataclass

from orchestrator.config import Pipeline
from orchestrator.domain.queue_names import error_queue, retry_queue


@dataclass(frozen=True, slots=True)
class QueueRule:
    """One queue. ``max_length`` counts ready messages; None = no limit.

    With ``delivery_limit`` a message that came back more often goes to the error queue. With ``delay_ms`` a message
    goes to ``returns_to`` when it has waited that long.
    """

    name: str
    max_length: int | None = None
    delivery_limit: int | None = None
    delay_ms: int = 0
    returns_to: str | None = None


def queue_rules(pipeline: Pipeline) -> dict[str, QueueRule]:
    """Every queue of the pipeline: main, error and one per retry delay."""
    rules: list[QueueRule] = []
    for name, spec in pipeline.queues.items():
        rules.append(QueueRule(name, max_length=spec.max_length, delivery_limit=spec.delivery_limit))
        rules.append(QueueRule(error_queue(name)))
        rules += [
            QueueRule(retry_queue(name, delay_s), delay_ms=round(delay_s * 1000), returns_to=name)
            for delay_s in spec.retry_delays_s
        ]
    return {rule.name: rule for rule in rules}
