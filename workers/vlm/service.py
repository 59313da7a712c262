"""The service of the vision-language models: one picture and one question in, an answer in the asked form out."""

import json
from collections.abc import Mapping

from pydantic import ValidationError

from workers.errors import Refused, mistakes
from workers.server.batching import Batcher, submit
from workers.server.model_service import PictureService
from workers.server.service import Answer, Call, Handler
from workers.vlm.cache_metrics import show_caches
from workers.vlm.model import VlmModel
from workers.vlm.picture import read_picture
from workers.vlm.requests import BadPrompt, GenerateRequest, GenerateResult, check_question
from workers.wire import GENERATE_PATH, GenerateParameters, GenerateReply

MAX_QUESTION_BYTES = 512 * 1024
"""Of the first line of a request. Enough for the longest prompt and schema, however they are escaped."""


class VlmService(PictureService[VlmModel, Batcher[GenerateRequest, GenerateResult | Exception]]):
    """POST /generate."""

    name = "vlm"

    @property
    def endpoints(self) -> Mapping[str, Handler]:
        """Path to handler."""
        return {GENERATE_PATH: self.generate}

    async def _start(self, model: VlmModel) -> Batcher[GenerateRequest, GenerateResult | Exception]:
        await self._decoders.start(read_picture)
        show_caches(model, self._metrics.registry)
        return await self._batcher(model.generate)

    async def generate(self, call: Call) -> Answer:
        """Decode the picture, ask the model. Raises Refused or Busy; what else it raises is a bug."""
        model, batcher = self._ready()
        request, schema, picture = _parse(call.body)
        with self._metrics.phase("decode"):
            (width, height), pixels = await self._decoders.run(read_picture, picture, self._max_pixels)
        item = GenerateRequest(pixels, width, height, request.prompt, schema, request.max_tokens)
        with self._metrics.phase("core"):
            answer = await submit(batcher, item, f"a question about a picture of {width} x {height} pixels")
        if isinstance(answer, BadPrompt):
            raise Refused("bad_request", str(answer))
        if isinstance(answer, Exception):
            raise answer
        reply = GenerateReply(model=model.name, weights=model.weights, finish_reason=answer.finish_reason)
        return Answer(reply, answer.text.encode(), "text/plain", code=answer.finish_reason)


def _parse(body: bytes) -> tuple[GenerateParameters, str, bytes]:
    """The question, its schema as JSON text, and the picture. Raises Refused."""
    end = body.find(b"\n", 0, MAX_QUESTION_BYTES)
    if end < 0:
        raise Refused("bad_request", f"no line feed ends the question within {MAX_QUESTION_BYTES} bytes")
    try:
        request = GenerateParameters.model_validate_json(body[:end])
        schema = json.dumps(request.answer_schema)
        check_question(request.prompt, schema, request.max_tokens)
    except ValidationError as error:
        raise Refused("bad_request", mistakes(error)) from error
    except BadPrompt as error:
        raise Refused("bad_request", str(error)) from error
    if end + 1 == len(body):
        raise Refused("empty", "no picture follows the question")
    return request, schema, body[end + 1 :]
