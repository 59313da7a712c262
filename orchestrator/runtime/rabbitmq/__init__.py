"""RabbitMQ: the broker of a deployment with servers."""

from orchestrator.runtime.rabbitmq.broker import RabbitBroker
from orchestrator.runtime.rabbitmq.deliver import RabbitSubscription
from orchestrator.runtime.rabbitmq.drift import Difference
from orchestrator.runtime.rabbitmq.topology import QueueDeclaration, definitions, wanted_queues

__all__ = ["Difference", "QueueDeclaration", "RabbitBroker", "RabbitSubscription", "definitions", "wanted_queues"]
