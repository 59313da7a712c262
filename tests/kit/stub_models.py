"""Clip, text and vlm workers that speak the wire and know nothing: fast, predictable, and as broken as a picture asks.

    python -m tests.kit.stub_models clip --port 8102 [--latency-ms 20]

Vectors and answers are derived from the bytes alone, so that the same job writes the same values whoever does it. The
order ``fail`` is for every service; ``fail_clip`` and ``fail_vlm`` are for the one they name.
"""

import argparse
import asyncio
import hashlib
import json
from collections.abc import Awaitable, Callable
from typing import Any

import numpy as np
from aiohttp import web

from tests.kit.pictures import MODEL
from tests.kit.stub_service import StubService, answer, content_of, serve
from workers.wire import (
    ENCODE_PATH,
    GENERATE_PATH,
    TAG_PATH,
    VECTOR_MEDIA_TYPE,
    EncodeReply,
    EncodeRequest,
    GenerateParameters,
    GenerateReply,
    TagReply,
)

DIMENSIONS = {"clip": 16, "text": 8}
SPACES = {"clip": "clip/stub-1", "text": "text/stub-1", "vlm": ""}
TEXTS = {
    "description": "A small table stands in the room beside the window, and the light falls on it from the left.",
    "alt_text": "A small table beside the window",
    "readable_text": "",
}


def vector_of(service: str, body: bytes) -> bytes:
    """A unit vector that depends on the bytes alone."""
    seed = int.from_bytes(hashlib.sha256(body).digest()[:8], "big")
    numbers = np.random.default_rng(seed).normal(size=DIMENSIONS[service])
    return (numbers / np.linalg.norm(numbers)).astype("<f4").tobytes()


def filled(schema: dict[str, Any], name: str = "") -> Any:
    """A value that the schema takes."""
    if "enum" in schema:
        return schema["enum"][-1]
    kind = schema["type"]
    if isinstance(kind, list):
        kind = kind[0]
    match kind:
        case "object":
            return {key: filled(value, key) for key, value in schema["properties"].items()}
        case "array":
            words = ["table", "window", "room"]
            return words[: schema.get("maxItems", 3)] if name == "tags" else []
        case "string":
            return TEXTS.get(name, "a table")[: schema.get("maxLength", 200)]
        case "boolean":
            return False
        case _:
            return schema.get("minimum", 0)


class StubModel(StubService):
    """The answers of one service."""

    def __init__(self, service: str, latency_s: float) -> None:
        super().__init__(service, latency_s, SPACES[service])
        self.service = service

    async def tag(self, request: web.Request) -> web.Response:
        """POST /tag."""
        body = await request.read()
        if wrong := await self.obeyed(body):
            return wrong
        reply = TagReply(
            content=content_of(body),
            tags=[("table", 0.9), ("window", 0.5)],
            image_class="interior",
            class_valid=True,
            quality=0.5,
            model=MODEL,
            space=SPACES["clip"],
            dimension=DIMENSIONS["clip"],
        )
        return answer(reply, vector_of("clip", body), VECTOR_MEDIA_TYPE)

    async def encode(self, request: web.Request) -> web.Response:
        """POST /encode."""
        await asyncio.sleep(self.latency_s)
        texts = EncodeRequest.model_validate_json(await request.read()).texts
        reply = EncodeReply(
            count=len(texts), dimension=DIMENSIONS[self.service], model=MODEL, space=SPACES[self.service]
        )
        return answer(reply, b"".join(vector_of(self.service, text.encode()) for text in texts), VECTOR_MEDIA_TYPE)

    async def generate(self, request: web.Request) -> web.Response:
        """POST /generate."""
        head, _, picture = (await request.read()).partition(b"\n")
        if wrong := await self.obeyed(picture):
            return wrong
        text = json.dumps(filled(GenerateParameters.model_validate_json(head).answer_schema))
        return answer(GenerateReply(model=MODEL, weights="none", finish_reason="stop"), text.encode(), "text/plain")

    def app(self) -> web.Application:
        """The service."""
        work: dict[str, dict[str, Callable[[web.Request], Awaitable[web.Response]]]] = {
            "clip": {TAG_PATH: self.tag, ENCODE_PATH: self.encode},
            "text": {ENCODE_PATH: self.encode},
            "vlm": {GENERATE_PATH: self.generate},
        }
        return self.app_with(work[self.service])


def main() -> None:
    """Serve until killed."""
    parser = argparse.ArgumentParser()
    parser.add_argument("service", choices=sorted(SPACES))
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--latency-ms", type=float, default=0.0)
    options = parser.parse_args()
    serve(StubModel(options.service, options.latency_ms / 1000).app(), options.port)


if __name__ == "__main__":
    main()
