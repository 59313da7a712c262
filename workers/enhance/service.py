"""The enhance service: one picture in, the better one out."""

import asyncio
from collections.abc import Callable, Mapping
from contextlib import AsyncExitStack
from dataclasses import dataclass

from pydantic import ValidationError

from workers.batching import Batcher, BatchLimits
from workers.decoder_child import DecodeLimits
from workers.decoding import DecoderPool
from workers.enhance.model import EnhanceModel
from workers.enhance.picture import Enlargement
from workers.enhance.plan import Skip
from workers.errors import Busy, Refused, mistakes
from workers.imaging import Pixels
from workers.metrics import Metrics
from workers.release import release
from workers.service import Answer, Call, Handler
from workers.submitting import submit
from workers.wire import ENHANCE_PATH, WIRE_VERSION, EnhanceReply, EnhanceRequest, Handshake


@dataclass(frozen=True, slots=True)
class EnhanceOptions:
    """``decoders`` processes decode and encode."""

    model: str
    decoders: int
    decode: DecodeLimits
    batch: BatchLimits


class EnhanceService:
    """POST /enhance. ``load`` first; until then ``loaded`` is false."""

    name = "enhance"

    def __init__(self, options: EnhanceOptions, load_model: Callable[[], EnhanceModel], metrics: Metrics) -> None:
        self._options = options
        self._load_model = load_model
        self._metrics = metrics
        self._stack = AsyncExitStack()
        self._model: EnhanceModel | None = None
        self._decoders = DecoderPool(options.decoders, options.decode, metrics.decoder_restarts.inc)
        self._batcher: Batcher[Enlargement, Pixels] | None = None

    @property
    def endpoints(self) -> Mapping[str, Handler]:
        """Path to handler."""
        return {ENHANCE_PATH: self.enhance}

    async def load(self) -> None:
        """Load the model, start the decoders."""
        self._stack.push_async_callback(self._decoders.stop)
        model = await asyncio.to_thread(self._load_model)
        await self._decoders.start(model.pre, model.post)
        self._batcher = Batcher(model.core, self._options.batch, self._metrics.observe_batch)
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
        """Who answers. Known before the model is loaded, apart from its weights."""
        return Handshake(
            service=self.name,
            wire=WIRE_VERSION,
            release=release(),
            model=self._options.model,
            weights=self._model.weights if self._model else "",
        )

    async def enhance(self, call: Call) -> Answer:
        """Decode and plan, enlarge, encode. Raises Refused or Busy; what else it raises is a bug."""
        model, batcher = self._model, self._batcher
        if model is None or batcher is None:
            raise Busy("loading", "the model is still loading")
        request = _parse(call.query)
        with self._metrics.phase("decode"):
            read, data = await self._decoders.run(model.pre, call.body, request, self._options.decode.max_pixels)
        if isinstance(read.plan, Skip):
            return Answer(EnhanceReply(content=read.content, skipped=read.plan.reason), code=read.plan.reason)
        pixels = Pixels(read.mode, read.content.width, read.content.height, data)
        with self._metrics.phase("core"):
            better = await submit(batcher, Enlargement(pixels, read.plan.width, read.plan.height))
        image_format = read.content.format
        with self._metrics.phase("encode"):
            shape = (better.mode, better.width, better.height)
            _, encoded = await self._decoders.run(model.post, better.data, *shape, image_format)
        reply = EnhanceReply(
            content=read.content,
            width=better.width,
            height=better.height,
            format=image_format,
            scale=read.plan.scale,
            model=model.name,
            recipe=model.recipe,
        )
        return Answer(reply, encoded, f"image/{image_format}")


def _parse(query: Mapping[str, str]) -> EnhanceRequest:
    try:
        return EnhanceRequest.model_validate(dict(query))
    except ValidationError as error:
        raise Refused("bad_request", mistakes(error)) from error
