"""Completion events without a broker: a line in a file."""

import json
from pathlib import Path

from orchestrator.domain.outcome import Announce
from orchestrator.runtime.local import LocalBroker
from tests.integration.rabbitmq_kit import pipeline


async def test_the_embedded_broker_writes_each_event_as_a_line(tmp_path: Path) -> None:
    broker = await LocalBroker(tmp_path / "broker.sqlite", pipeline()).open()
    try:
        await broker.announce(Announce("image.scored", "acme", "17", "j1", "v1"))
        await broker.announce(Announce("image.alt_text", "acme", "17", "j1", "v1"))
    finally:
        await broker.close()
    lines = [json.loads(line) for line in (tmp_path / "events.jsonl").read_text().splitlines()]
    assert [(line["event"], line["business_id"], line["job_id"]) for line in lines] == [
        ("image.scored", "acme", "j1"),
        ("image.alt_text", "acme", "j1"),
    ]
