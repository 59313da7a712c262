"""The service of the vision-language models: one picture and one question in, an answer in the asked form out."""

import asyncio
import json
from collections.abc import Callable, Mapping
from contextlib import AsyncExitStack
from dataclasses import dataclass

from pydantic import ValidationError

from workers.batching import Batcher, BatchLimits
from workers.decoder_child import DecodeLimits
from workers.decoding import DecoderPool
from workers.errors import Busy, Refused, mistakes
from workers.metrics import Metrics
from workers.release import release
from workers.service import Answer, Call, Handler
from workers.submitting import submit
from workers.vlm.model import VlmModel
from workers.vlm.picture import read_picture
from workers.vlm.prompted import BadPrompt, Generated, Prompted, check_question
from workers.wire import GENERATE_PATH, WIRE_VERSION, GenerateReply, GenerateRequest, Handshake

MAX_QUESTION_BYTES = 512 * 1024
"""Of the first line of a request. Enough for the longest prompt and schema, however they are escaped."""


@dataclass(frozen=True, slots=True)
class VlmOptions:
    """``model`` is how the command line calls it; ``decoders`` processes decode."""

    model: str
    decoders: int
    decode: DecodeLimits
    batch: BatchLimits


class VlmService:
    """POST /generate. ``load`` first; until then ``not_ready`` is "loading"."""

    name = "vlm"

    def __init__(self, options: VlmOptions, load_model: Callable[[], VlmModel], metrics: Metrics) -> None:
        self._options = options
        self._load_model = load_model
        self._metrics = metrics
        self._stack = AsyncExitStack()
        self._model: VlmModel | None = None
        self._decoders = DecoderPool(options.decoders, options.decode, metrics.decoder_restarts.inc)
        self._batcher: Batcher[Prompted, Generated | Exception] | None = None

    @property
    def endpoints(self) -> Mapping[str, Handler]:
        """Path to handler."""
        return {GENERATE_PATH: self.generate}

    async def load(self) -> None:
        """Load the model, start the decoders."""
        self._stack.push_async_callback(self._decoders.stop)
        model = await asyncio.to_thread(self._load_model)
        await self._decoders.start(read_picture)
        self._batcher = Batcher(model.generate, self._options.batch, self._metrics.observe_batch)
        await self._stack.enter_async_context(self._batcher)
        self._metrics.queue_length.set_function(lambda: self._batcher.waiting if self._batcher else 0)
        self._model = model

    async def close(self) -> None:
        """End everything that ``load`` started."""
        await self._stack.aclose()

    @property
    def not_ready(self) -> str | None:
        """Why no work can be taken, None when it can."""
        if self._model is None:
            return "loading"
        return None if self._decoders.answering else "no_decoder"

    def handshake(self) -> Handshake:
        """Who answers. The name of the weights is known once they are loaded, until then that of the option."""
        return Handshake(
            service=self.name,
            wire=WIRE_VERSION,
            release=release(),
            model=self._model.name if self._model else self._options.model,
            weights=self._model.weights if self._model else "",
        )

    async def generate(self, call: Call) -> Answer:
        """Decode the picture, ask the model. Raises Refused or Busy; what else it raises is a bug."""
        model, batcher = self._model, self._batcher
        if model is None or batcher is None:
            raise Busy("loading", "the model is still loading")
        request, schema, picture = _parse(call.body)
        with self._metrics.phase("decode"):
            (width, height), pixels = await self._decoders.run(read_picture, picture, self._options.decode.max_pixels)
        item = Prompted(pixels, width, height, request.prompt, schema, request.max_tokens)
        with self._metrics.phase("core"):
            answer = await submit(batcher, item)
        if isinstance(answer, BadPrompt):
            raise Refused("bad_request", str(answer))
        if isinstance(answer, Exception):
            raise answer
        reply = GenerateReply(model=model.name, weights=model.weights, finish_reason=answer.finish_reason)
        return Answer(reply, answer.text.encode(), "text/plain", code=answer.finish_reason)


def _parse(body: bytes) -> tuple[GenerateRequest, str, bytes]:
    """The question, its schema as JSON text, and the picture. Raises Refused."""
    end = body.find(b"\n", 0, MAX_QUESTION_BYTES)
    if end < 0:
        raise Refused("bad_request", f"no line feed ends the question within {MAX_QUESTION_BYTES} bytes")
    try:
        request = GenerateRequest.model_validate_json(body[:end])
        schema = json.dumps(request.answer_schema)
        check_question(request.prompt, schema, request.max_tokens)
    except ValidationError as error:
        raise Refused("bad_request", mistakes(error)) from error
    except BadPrompt as error:
        raise Refused("bad_request", str(error)) from error
    return request, schema, body[end + 1 :]
