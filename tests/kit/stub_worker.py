"""A worker that speaks the wire and makes nothing better: fast, predictable, and as broken as the picture asks for.

    python -m tests.kit.stub_worker --port 8101 [--latency-ms 20]

A picture may carry an order (see tests.kit.pictures): fail the first k times with 500, or take long. What is no
picture is refused with 422, as a real worker does.
"""

import argparse
import asyncio
import hashlib
from collections import Counter

from aiohttp import web

from tests.kit.pictures import MODEL, RECIPE, enhanced_picture, order_in
from workers.wire import (
    ENHANCE_PATH,
    HANDSHAKE_PATH,
    LIVE_PATH,
    READY_PATH,
    RESULT_HEADER,
    WIRE_VERSION,
    ContentReply,
    EnhanceReply,
    ErrorReply,
    Handshake,
)

_SIDE = 8
_HANDSHAKE = Handshake(service="enhance", wire=WIRE_VERSION, release="0", model=MODEL, weights="none")


class StubWorker:
    """The answers. ``failures`` counts the 500s given per picture."""

    def __init__(self, latency_s: float) -> None:
        self.latency_s = latency_s
        self.failures: Counter[bytes] = Counter()

    async def enhance(self, request: web.Request) -> web.Response:
        """POST /enhance."""
        body = await request.read()
        await asyncio.sleep(self.latency_s)
        if not body.startswith(b"\x89PNG"):
            return refusal(422, "not_an_image", "the bytes are no picture")
        verb, argument = order_in(body)
        if verb == "sleep":
            await asyncio.sleep(argument / 1000)
        digest = hashlib.sha256(body).digest()
        if verb == "fail" and self.failures[digest] < argument:
            self.failures[digest] += 1
            return refusal(500, "stub_failed", "the picture asks for a failure")
        result = EnhanceReply(
            content=ContentReply(phash=digest.hex()[:16], width=_SIDE, height=_SIDE, format="png"),
            width=_SIDE,
            height=_SIDE,
            format="png",
            model=MODEL,
            recipe=RECIPE,
        )
        return web.Response(
            body=enhanced_picture(body), content_type="image/png", headers={RESULT_HEADER: result.model_dump_json()}
        )

    def app(self) -> web.Application:
        """The service."""

        async def live(_: web.Request) -> web.Response:
            return web.json_response({"ok": True})

        async def handshake(_: web.Request) -> web.Response:
            return web.Response(text=_HANDSHAKE.model_dump_json(), content_type="application/json")

        app = web.Application()
        app.add_routes([web.get(LIVE_PATH, live), web.get(READY_PATH, live), web.get(HANDSHAKE_PATH, handshake)])
        app.add_routes([web.post(ENHANCE_PATH, self.enhance)])
        return app


def refusal(status: int, code: str, message: str) -> web.Response:
    """An answer that is not 200."""
    reply = ErrorReply(code=code, message=message)
    return web.Response(status=status, text=reply.model_dump_json(), content_type="application/json")


def main() -> None:
    """Serve until killed."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--latency-ms", type=float, default=0.0)
    options = parser.parse_args()
    worker = StubWorker(options.latency_ms / 1000)
    web.run_app(worker.app(), host="127.0.0.1", port=options.port, print=None, access_log=None)


if __name__ == "__main__":
    main()
