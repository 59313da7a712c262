"""The embedded broker: RabbitMQ's rules on a SQLite file of one process."""

from orchestrator.runtime.local.broker import LocalBroker

__all__ = ["LocalBroker"]
