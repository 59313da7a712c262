"""Logs into a buffer; afterwards the process logs as before."""

import io
import json
import logging
import sys
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import structlog

from orchestrator.observe import configure_logging
from tests.kit.logs import SECRET


@pytest.fixture(autouse=True)
def _as_before() -> Iterator[None]:
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    yield
    for handler in root.handlers:
        if handler not in handlers and isinstance(handler, logging.StreamHandler):
            stream = handler.stream
            if stream not in (sys.stderr, sys.__stderr__):
                stream.close()
    root.handlers[:], root.level = handlers, level
    structlog.reset_defaults()


@pytest.fixture
def logged(monkeypatch: pytest.MonkeyPatch) -> Callable[[], list[dict[str, Any]]]:
    """Configure JSON logs into a buffer; calling it gives the lines."""
    stream = io.StringIO()
    monkeypatch.setattr(sys, "stderr", stream)
    configure_logging("info", "json", [SECRET, "", "p/w"])
    return lambda: [json.loads(line) for line in stream.getvalue().splitlines()]
