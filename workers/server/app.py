"""The HTTP shape that every worker service shares: admission, health, errors, metrics, logs."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import Any

from aiohttp import web

from workers.errors import Busy, Refused
from workers.server.logs import trace_id
from workers.server.metrics import Metrics
from workers.server.service import Call, Handler, ModelService
from workers.wire import (
    HANDSHAKE_PATH,
    INCOMPATIBLE_WIRE,
    LIVE_PATH,
    METRICS_PATH,
    READY_PATH,
    RESULT_HEADER,
    WIRE_HEADER,
    WIRE_VERSION,
    ErrorReply,
    release,
)

_CLIENT_GONE = 499  # nginx's code for it; counted, never sent
_Inner = Callable[[web.Request], Awaitable[web.StreamResponse]]


class Frontend:
    """One service on HTTP. At most ``max_queue`` requests are admitted at once, from the first byte of their body to
    their answer; more are 503 with Retry-After. ``draining`` refuses new work and keeps the rest going."""

    def __init__(
        self, service: ModelService, metrics: Metrics, logger: Any, *, max_queue: int, max_body_bytes: int
    ) -> None:
        self.draining = False
        self.in_flight = 0
        self._idle = asyncio.Event()
        self._idle.set()
        self._service = service
        self._metrics = metrics
        self._logger = logger
        self._max_queue = max_queue
        self._max_body_bytes = max_body_bytes
        metrics.in_flight.set_function(lambda: self.in_flight)

    def app(self) -> web.Application:
        """The aiohttp application."""
        app = web.Application(client_max_size=self._max_body_bytes, middlewares=[self._observed])
        app.router.add_get(LIVE_PATH, self._live)
        app.router.add_get(READY_PATH, self._ready)
        app.router.add_get(HANDSHAKE_PATH, self._handshake)
        app.router.add_get(METRICS_PATH, self._show_metrics)
        for path, handler in self._service.endpoints.items():
            app.router.add_post(path, self._admitted(handler))
        return app

    @property
    def not_ready(self) -> str | None:
        """Why new work is refused, as a code; None when it is taken."""
        return "draining" if self.draining else self._service.not_ready

    async def drain(self, limit_s: float) -> bool:
        """Refuse new work from now on; whether all work in progress was answered within ``limit_s`` seconds."""
        self.draining = True
        try:
            async with asyncio.timeout(limit_s):
                await self._idle.wait()
        except TimeoutError:
            return False
        return True

    async def _live(self, _request: web.Request) -> web.Response:
        return web.json_response({"live": True})

    async def _ready(self, _request: web.Request) -> web.Response:
        reason = self.not_ready
        return web.json_response({"ready": True}) if reason is None else _refusal(_not_ready(reason))

    async def _handshake(self, _request: web.Request) -> web.Response:
        return web.Response(text=self._service.handshake().model_dump_json(), content_type="application/json")

    async def _show_metrics(self, _request: web.Request) -> web.Response:
        return web.Response(body=self._metrics.text(), headers={"Content-Type": "text/plain; version=0.0.4"})

    def _admitted(self, handler: Handler) -> Callable[[web.Request], Awaitable[web.Response]]:
        async def admit(request: web.Request) -> web.Response:
            if reason := self.not_ready:
                raise _not_ready(reason)
            _check_wire(request.headers.get(WIRE_HEADER, WIRE_VERSION))
            if self.in_flight >= self._max_queue:
                raise Busy("full", f"{self._max_queue} requests are in progress already")
            self.in_flight += 1
            self._idle.clear()
            try:
                answer = await handler(Call(await self._body(request), request.query))
            finally:
                self.in_flight -= 1
                if not self.in_flight:
                    self._idle.set()
            request["code"] = answer.code
            headers = {RESULT_HEADER: answer.result.model_dump_json()}
            return web.Response(body=answer.body, content_type=answer.media_type, headers=headers)

        return admit

    async def _body(self, request: web.Request) -> bytes:
        if (request.content_length or 0) > self._max_body_bytes:
            raise Refused("too_large", f"more than {self._max_body_bytes} bytes")
        try:
            body = await request.read()
        except web.HTTPRequestEntityTooLarge as error:
            raise Refused("too_large", f"more than {self._max_body_bytes} bytes") from error
        if not body:
            raise Refused("empty", "the request has no body")
        return body

    @web.middleware
    async def _observed(self, request: web.Request, handler: _Inner) -> web.StreamResponse:
        """Every POST counted and logged, also one whose caller went away before it was answered."""
        if request.method != "POST":
            return await self._safely(request, handler)
        began = time.monotonic()
        request["code"], status = "client_gone", _CLIENT_GONE
        try:
            response = await self._safely(request, handler)
            status = response.status
            return response
        finally:
            code = request["code"]
            self._metrics.requests.labels(str(status), code).inc()
            self._logger.info(
                "request",
                path=request.path,
                status=status,
                code=code,
                took_ms=round((time.monotonic() - began) * 1000, 1),
                body_bytes=request.content_length,
                trace=trace_id(request.headers.get("traceparent", "")),
            )

    async def _safely(self, request: web.Request, handler: _Inner) -> web.StreamResponse:
        """Every failure as an ErrorReply."""
        try:
            return await handler(request)
        except (Refused, Busy) as error:
            request["code"] = error.code
            return _refusal(error)
        except web.HTTPException as error:
            request["code"] = error.reason.lower().replace(" ", "_")
            return _error_response(error.status, request["code"], error.reason)
        except Exception as error:
            request["code"] = "bug"
            self._logger.error("bug", path=request.path, error=repr(error), exc_info=True)
            return _error_response(500, "bug", "a bug of the worker; its log has the details")


def _not_ready(reason: str) -> Busy:
    return Busy(reason, f"the worker takes no work now: {reason}")


def _check_wire(spoken: str) -> None:
    """Raises Busy for a caller of another wire: its jobs are in order, and are for a worker of its own release."""
    if spoken != WIRE_VERSION:
        raise Busy(
            INCOMPATIBLE_WIRE,
            f"the caller speaks {spoken[:40]}, this worker (release {release()}) {WIRE_VERSION}; run the same release",
            retry_after_s=30,
        )


def _refusal(error: Refused | Busy) -> web.Response:
    response = _error_response(error.status, error.code, error.message)
    if isinstance(error, Busy):
        response.headers["Retry-After"] = str(error.retry_after_s)
    return response


def _error_response(status: int, code: str, message: str) -> web.Response:
    body = ErrorReply(code=code, message=message).model_dump_json()
    return web.Response(text=body, status=status, content_type="application/json")
