"""The outermost layer: every request is counted, every answer has the headers all share, and no exception gets out."""

import time
import uuid

import structlog
from starlette.datastructures import MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from orchestrator.api.metrics import ApiMetrics
from orchestrator.api.problems import Problem

log = structlog.get_logger(__name__)

UNMATCHED = "unmatched"


class Guard:
    """ASGI middleware. What nobody foresaw is logged with its stack and answered with 500 and the request's id."""

    def __init__(self, app: ASGIApp, metrics: ApiMetrics) -> None:
        self._app = app
        self._metrics = metrics

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        began = time.perf_counter()
        request_id = uuid.uuid4().hex
        state = scope.setdefault("state", {})
        status = 0

        async def send_with_headers(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                headers = MutableHeaders(scope=message)
                headers["X-Request-Id"] = request_id
                headers["X-Content-Type-Options"] = "nosniff"
                headers.setdefault("Cache-Control", "no-store")
                headers.update(state.get("response_headers", {}))
            await send(message)

        try:
            await self._app(scope, receive, send_with_headers)
        except Exception:
            log.exception("request failed", request_id=request_id, method=scope["method"], route=_route(scope))
            if status:
                raise  # half of an answer is out: only a broken connection tells the client
            await _failure(request_id).response()(scope, receive, send_with_headers)
        finally:
            self._metrics.answered(_route(scope), scope["method"], status or 500, time.perf_counter() - began)


def _route(scope: Scope) -> str:
    return getattr(scope.get("route"), "path", UNMATCHED)


def _failure(request_id: str) -> Problem:
    return Problem(
        "internal_error",
        "This is not your mistake. The log of the server names the cause under this request's id.",
        instance=f"urn:uuid:{uuid.UUID(request_id)}",
    )
