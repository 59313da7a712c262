"""One way to ask any worker anything, and to see whether its answer is whole."""

import asyncio
import io
import json
from collections.abc import Callable
from dataclasses import dataclass

import aiohttp
import jsonschema
import numpy as np
from PIL import Image

from tests.kit.vlm_schemas import SCHEMAS
from workers.wire import (
    ENCODE_PATH,
    ENHANCE_PATH,
    GENERATE_PATH,
    RESULT_HEADER,
    TAG_PATH,
    EncodeReply,
    EnhanceReply,
    ErrorReply,
    GenerateReply,
    TagReply,
)

_QUESTION = json.dumps({"prompt": "Describe this.", "answer_schema": SCHEMAS["vision_json"]}).encode() + b"\n"


@dataclass(frozen=True, slots=True)
class Answered:
    """``code`` is the error's, the reason why nothing was made, or "done"."""

    status: int
    code: str
    result: str = ""
    body: bytes = b""


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of request. ``check`` takes the header and the body of a 200, gives the code, and raises when they are not
    what was promised."""

    family: str
    path: str
    check: Callable[[str, bytes], str]
    before: bytes = b""

    async def ask(self, session: aiohttp.ClientSession, url: str, body: bytes) -> Answered:
        async with session.post(url + self.path, data=io.BytesIO(self.before + body)) as response:
            answer = await response.read()
            if response.status != 200:
                return Answered(response.status, ErrorReply.model_validate_json(answer).code)
            result = response.headers[RESULT_HEADER]
            return Answered(200, await asyncio.to_thread(self.check, result, answer), result, answer)


def _enhanced(result: str, body: bytes) -> str:
    reply = EnhanceReply.model_validate_json(result)
    if reply.skipped and not body:
        return reply.skipped
    with Image.open(io.BytesIO(body)) as image:
        assert (image.size, image.format) == ((reply.width, reply.height), reply.format.upper())
    return reply.skipped or "done"


def _tagged(result: str, body: bytes) -> str:
    reply, vector = TagReply.model_validate_json(result), np.frombuffer(body, "<f4")
    assert vector.shape == (reply.dimension,) and abs(np.linalg.norm(vector) - 1) < 1e-5 and 0 <= reply.quality <= 1
    return "done"


def _encoded(result: str, body: bytes) -> str:
    reply = EncodeReply.model_validate_json(result)
    rows = np.frombuffer(body, "<f4").reshape(reply.count, reply.dimension)
    assert np.allclose(np.linalg.norm(rows, axis=1), 1, atol=1e-5)
    return "done"


def _generated(result: str, body: bytes) -> str:
    assert GenerateReply.model_validate_json(result).finish_reason == "stop"
    jsonschema.validate(json.loads(body), SCHEMAS["vision_json"])
    return "done"


PICTURES = (
    Kind("enhance", ENHANCE_PATH, _enhanced),
    Kind("clip", TAG_PATH, _tagged),
    Kind("vlm", GENERATE_PATH, _generated, _QUESTION),
)
TEXTS = (Kind("text", ENCODE_PATH, _encoded), Kind("clip", ENCODE_PATH, _encoded))
