"""The AsyncAPI document: every queue with its messages, the queues around it, and the events.

Source: AsyncAPI 3.0.0, https://www.asyncapi.com/docs/reference/specification/v3.0.0, with the AMQP bindings 0.3.0.
"""

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from orchestrator import __version__
from orchestrator.cli.schema.json_schemas import EVENT, event_names
from orchestrator.config import Pipeline, QueueSpec
from orchestrator.domain import headers
from orchestrator.domain.events import EVENTS_EXCHANGE
from orchestrator.domain.queue_names import error_queue, retry_queue
from orchestrator.stages import STAGES, Stage

_BINDING = "0.3.0"
_FORMAT = "application/schema+json;version=draft-2020-12"
_EVENT_CHANNEL = "events"
_PUBLISHED = (
    "Publish through the default exchange with the queue's name as routing key: persistent, mandatory, with publisher"
    " confirms. message_id is fresh for every publish, correlation_id is the job_id."
)
_COUNT = {"type": "integer", "minimum": 0}
_HEADERS: Mapping[str, Any] = {
    headers.TRACEPARENT: {"type": "string", "description": "W3C trace context; carried on to the end."},
    headers.ATTEMPT: {**_COUNT, "description": "Number of this attempt, the first is 1."},
    headers.FIRST_SEEN: {**_COUNT, "description": "Unix ms when the job was first read from this queue."},
    headers.REPLAYS: {**_COUNT, "description": "How often an operator sent it again from the error queue."},
    headers.RELEASES: {**_COUNT, "description": "How often a process that was leaving gave it back."},
}
_ERROR_HEADERS: Mapping[str, Any] = {
    headers.ERROR_CODE: {"type": "string", "description": "Why the job died, for programs."},
    headers.ERROR_MESSAGE: {"type": "string", "description": "Why the job died, for people."},
    headers.ERROR_STACK: {"type": "string", "description": "Where the code stood, for a mistake of ours."},
    headers.ERROR_AT: {**_COUNT, "description": "When it died, Unix ms."},
    headers.ERROR_ATTEMPTS: {**_COUNT, "description": "How many attempts it had."},
}


def asyncapi_document(pipeline: Pipeline, file_name: Callable[[str], str]) -> dict[str, Any]:
    """The document for ``pipeline``. ``file_name`` is where the JSON Schema of a name lies, beside this document."""
    channels: dict[str, Any] = {}
    operations: dict[str, Any] = {}
    for queue, spec in pipeline.queues.items():
        channels |= dict(_channels(queue, spec))
        operations[f"take_{queue}"] = _operation("receive", queue, "Works on these jobs.", _name(STAGES[spec.stage]))
        letters = f"{_name(STAGES[spec.stage])}_dead"
        operations[f"bury_{queue}"] = _operation("send", error_queue(queue), "Gives up on these jobs.", letters)
    channels[_EVENT_CHANNEL] = _events_channel()
    operations["tell_events"] = _operation("send", _EVENT_CHANNEL, "Tells that a road has come to its end.", "event")
    return {
        "asyncapi": "3.0.0",
        "info": {
            "title": "JustLens",
            "version": __version__,
            "description": "The queues of JustLens and its events. A deployment's JUSTLENS_QUEUE_PREFIX stands before"
            " every name.",
        },
        "defaultContentType": "application/json",
        "servers": {"rabbitmq": {"host": "{host}", "protocol": "amqp", "protocolVersion": "0-9-1", **_HOST}},
        "channels": channels,
        "operations": operations,
        "components": {"messages": _messages(pipeline, file_name)},
    }


_HOST: Mapping[str, Any] = {
    "description": "RabbitMQ 3.10 or newer.",
    "variables": {"host": {"default": "127.0.0.1:5672", "description": "JUSTLENS_AMQP_URL."}},
}


def _channels(queue: str, spec: QueueSpec) -> Iterator[tuple[str, dict[str, Any]]]:
    """The queue, one retry queue per delay, the error queue."""
    stage = STAGES[spec.stage]
    name, purpose = _name(stage), (stage.job_type.__doc__ or "").strip()
    yield queue, _queue(queue, f"{purpose} {_PUBLISHED}", name)
    for delay_s in spec.retry_delays_s:
        waits = f"Jobs of {queue} wait here {delay_s:g} s for their next attempt; the broker takes them back."
        yield retry_queue(queue, delay_s), _queue(retry_queue(queue, delay_s), waits, name)
    letters = f"Jobs of {queue} that cannot be done, body untouched, the reason in the headers. See `justlens dlq`."
    yield error_queue(queue), _queue(error_queue(queue), letters, f"{name}_dead")


def _queue(name: str, description: str, message: str) -> dict[str, Any]:
    settled = {"name": name, "durable": True, "exclusive": False, "autoDelete": False}
    return {
        "address": name,
        "description": description,
        "messages": {message: {"$ref": f"#/components/messages/{message}"}},
        "bindings": {"amqp": {"is": "queue", "queue": settled, "bindingVersion": _BINDING}},
    }


def _events_channel() -> dict[str, Any]:
    exchange = {"name": EVENTS_EXCHANGE, "type": "topic", "durable": True, "autoDelete": False}
    return {
        "address": "{event}",
        "description": "Bind a queue of your own: to image.* for all events, or to one of them. Where nothing is bound"
        " nothing is kept.",
        "parameters": {"event": {"enum": list(event_names()), "description": "The routing key."}},
        "messages": {"event": {"$ref": "#/components/messages/event"}},
        "bindings": {"amqp": {"is": "routingKey", "exchange": exchange, "bindingVersion": _BINDING}},
    }


def _operation(action: str, channel: str, summary: str, message: str) -> dict[str, Any]:
    where = f"#/channels/{channel}"
    messages = [{"$ref": f"{where}/messages/{message}"}]
    return {"action": action, "channel": {"$ref": where}, "summary": summary, "messages": messages}


def _messages(pipeline: Pipeline, file_name: Callable[[str], str]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for stage in {spec.stage: STAGES[spec.stage] for spec in pipeline.queues.values()}.values():
        schema = str(stage.job_type.model_fields["schema_"].default)
        payload = {"schemaFormat": _FORMAT, "schema": {"$ref": f"./{file_name(schema)}"}}
        found[_name(stage)] = {"name": schema, "headers": _headers(_HEADERS), "payload": payload}
        dead = "The body as it came, which may be anything: one that could not be decoded ends here, too."
        found[f"{_name(stage)}_dead"] = {
            "name": f"{schema} (dead)",
            "description": dead,
            "headers": _headers({**_HEADERS, **_ERROR_HEADERS}),
            "payload": {"schemaFormat": _FORMAT, "schema": {"anyOf": [payload["schema"], True]}},
        }
    event = {"schemaFormat": _FORMAT, "schema": {"$ref": f"./{file_name(EVENT)}"}}
    return {**found, "event": {"name": EVENT, "payload": event}}


def _headers(fields: Mapping[str, Any]) -> dict[str, Any]:
    return {"type": "object", "properties": dict(fields)}


def _name(stage: Stage) -> str:
    return str(stage.job_type.model_fields["schema_"].default).removeprefix("justlens.").partition("/")[0]
