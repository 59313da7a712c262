"""One JSON object per line on stderr, or a line for people. What is logged is about pictures, never of them."""

import re
import sys
from typing import Any, Literal

import structlog
from structlog.typing import Processor

LogFormat = Literal["json", "pretty"]
_TRACEPARENT = re.compile(r"^[0-9a-f]{2}-([0-9a-f]{32})-[0-9a-f]{16}-[0-9a-f]{2}")


def open_log(log_format: LogFormat, **bound: object) -> Any:
    """A logger with ``bound`` on every line."""
    render: Processor = structlog.processors.JSONRenderer()
    if log_format == "pretty":
        render = structlog.dev.ConsoleRenderer(colors=sys.stderr.isatty())
    return structlog.wrap_logger(
        structlog.PrintLogger(sys.stderr),
        processors=[
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.format_exc_info,
            render,
        ],
    ).bind(**bound)


def trace_id(traceparent: str) -> str | None:
    """The trace id of a W3C ``traceparent`` header, None when it is none."""
    found = _TRACEPARENT.match(traceparent)
    return found[1] if found else None
