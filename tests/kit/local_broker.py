"""An embedded broker on a file."""

from pathlib import Path

from orchestrator.config import Pipeline, parse_pipeline
from orchestrator.runtime.local import LocalBroker
from orchestrator.runtime.ports import Message

PIPELINE = """
version: 1
queues:
  jobs: {stage: work, delivery_limit: 2, retry_delays_s: [0.2, 60]}
  small: {stage: work, max_length: 3}
"""


def pipeline() -> Pipeline:
    return parse_pipeline(PIPELINE, frozenset({"work"}))


def message(body: bytes = b"{}", **headers: str | int) -> Message:
    return Message(body, headers, None)


async def opened(path: Path | str) -> LocalBroker:
    return await LocalBroker(path, pipeline()).open()
