"""Completion events: what listeners are told, on a topic exchange of their own."""

import json

from orchestrator.domain.outcome import Announce

EVENTS_EXCHANGE = "justlens.events"
"""A durable topic exchange; the routing key is the event, so ``image.*`` hears of everything."""
EVENT_SCHEMA = "justlens.event/1"


def event_body(announce: Announce, now_ms: int) -> bytes:
    """The event as JSON: schema, event, ids, the version that is now in the stores, and when (Unix ms)."""
    return json.dumps(
        {
            "schema": EVENT_SCHEMA,
            "event": announce.event,
            "business_id": announce.business_id,
            "image_id": announce.image_id,
            "job_id": announce.job_id,
            "version": announce.version,
            "at": now_ms,
        },
        ensure_ascii=False,
    ).encode()
