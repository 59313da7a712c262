"""What the stub workers have in common: the wire around their answers, and obedience to the order in a picture."""

import asyncio
import hashlib
from collections import Counter
from collections.abc import Awaitable, Callable, Mapping

from aiohttp import web

from tests.kit.pictures import MODEL, order_in
from workers.wire import (
    HANDSHAKE_PATH,
    LIVE_PATH,
    READY_PATH,
    RESULT_HEADER,
    WIRE_VERSION,
    ContentReply,
    ErrorReply,
    Handshake,
    WireValue,
)

_SIDE = 8


class StubService:
    """A service that waits and fails as a picture asks for. ``failures`` counts the 500s given per picture."""

    def __init__(self, name: str, latency_s: float, space: str = "") -> None:
        self.handshake = Handshake(
            service=name, wire=WIRE_VERSION, release="0", model=MODEL, weights="none", space=space
        )
        self.latency_s = latency_s
        self.failures: Counter[bytes] = Counter()

    async def obeyed(self, body: bytes) -> web.Response | None:
        """After the wait that the picture asks for: the failure it asks for, or None. What is no picture is refused."""
        await asyncio.sleep(self.latency_s)
        if not body.startswith(b"\x89PNG"):
            return refusal(422, "not_an_image", "the bytes are no picture")
        verb, argument = order_in(body)
        if verb == "sleep":
            await asyncio.sleep(argument / 1000)
        digest = hashlib.sha256(body).digest()
        if verb in ("fail", f"fail_{self.handshake.service}") and self.failures[digest] < argument:
            self.failures[digest] += 1
            return refusal(500, "stub_failed", "the picture asks for a failure")
        return None

    def app_with(self, work: Mapping[str, Callable[[web.Request], Awaitable[web.Response]]]) -> web.Application:
        """The service, with a handler per path that takes work."""

        async def live(_: web.Request) -> web.Response:
            return web.json_response({"ok": True})

        async def greet(_: web.Request) -> web.Response:
            return web.Response(text=self.handshake.model_dump_json(), content_type="application/json")

        app = web.Application(client_max_size=32 * 2**20)
        app.add_routes([web.get(LIVE_PATH, live), web.get(READY_PATH, live), web.get(HANDSHAKE_PATH, greet)])
        app.add_routes([web.post(path, handler) for path, handler in work.items()])
        return app


def content_of(body: bytes) -> ContentReply:
    """What every stub says of a picture."""
    return ContentReply(phash=hashlib.sha256(body).hexdigest()[:16], width=_SIDE, height=_SIDE, format="png")


def answer(reply: WireValue, body: bytes, media_type: str) -> web.Response:
    """A 200."""
    return web.Response(body=body, content_type=media_type, headers={RESULT_HEADER: reply.model_dump_json()})


def refusal(status: int, code: str, message: str) -> web.Response:
    """An answer that is not 200."""
    reply = ErrorReply(code=code, message=message)
    return web.Response(status=status, text=reply.model_dump_json(), content_type="application/json")


def serve(app: web.Application, port: int) -> None:
    """Serve until killed."""
    web.run_app(app, host="127.0.0.1", port=port, print=None, access_log=None)
