"""A worker that speaks the wire and makes nothing better: fast, predictable, and as broken as the picture asks for.

    python -m tests.kit.stub_worker --port 8101 [--latency-ms 20]

A picture may carry an order (see tests.kit.pictures): fail the first k times with 500, or take long. What is no
picture is refused with 422, as a real worker does.
"""

import argparse

from aiohttp import web

from tests.kit.pictures import MODEL, RECIPE, enhanced_picture
from tests.kit.stub_service import StubService, answer, content_of, serve
from workers.wire import ENHANCE_PATH, EnhanceReply


class StubWorker(StubService):
    """The answers."""

    def __init__(self, latency_s: float) -> None:
        super().__init__("enhance", latency_s)

    async def enhance(self, request: web.Request) -> web.Response:
        """POST /enhance."""
        body = await request.read()
        if wrong := await self.obeyed(body):
            return wrong
        content = content_of(body)
        result = EnhanceReply(
            content=content,
            width=content.width,
            height=content.height,
            format=content.format,
            model=MODEL,
            recipe=RECIPE,
        )
        return answer(result, enhanced_picture(body), "image/png")

    def app(self) -> web.Application:
        """The service."""
        return self.app_with({ENHANCE_PATH: self.enhance})


def main() -> None:
    """Serve until killed."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--latency-ms", type=float, default=0.0)
    options = parser.parse_args()
    serve(StubWorker(options.latency_ms / 1000).app(), options.port)


if __name__ == "__main__":
    main()
