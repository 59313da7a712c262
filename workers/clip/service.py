"""The clip service: a picture to its vector, tags, class and quality; texts to vectors of the same space."""

import asyncio
from collections.abc import Callable, Mapping
from contextlib import AsyncExitStack
from dataclasses import dataclass

from workers.batching import Batcher, BatchLimits
from workers.clip.framing import Glimpse, frame_picture
from workers.clip.model import ClipModel, Sight
from workers.decoder_child import DecodeLimits
from workers.decoding import DecoderPool
from workers.encoding import Rows, Texts, encode_answer, read_texts, vector_bytes
from workers.errors import Busy
from workers.metrics import Metrics
from workers.release import release
from workers.service import Answer, Call, Handler
from workers.submitting import submit
from workers.wire import ENCODE_PATH, TAG_PATH, VECTOR_MEDIA_TYPE, WIRE_VERSION, ContentReply, Handshake, TagReply


@dataclass(frozen=True, slots=True)
class ClipOptions:
    """``model`` is the name to answer to before the model is loaded. ``batch`` holds for pictures and for texts."""

    model: str
    decoders: int
    decode: DecodeLimits
    batch: BatchLimits


@dataclass(frozen=True, slots=True)
class _Loaded:
    """Pictures and texts have a thread each, so that a long list of texts does not hold up the pictures."""

    model: ClipModel
    pictures: Batcher[Glimpse, Sight]
    texts: Batcher[Texts, Rows]


class ClipService:
    """POST /tag and POST /encode. ``load`` first."""

    name = "clip"

    def __init__(self, options: ClipOptions, load_model: Callable[[], ClipModel], metrics: Metrics) -> None:
        self._options = options
        self._load_model = load_model
        self._metrics = metrics
        self._stack = AsyncExitStack()
        self._decoders = DecoderPool(options.decoders, options.decode, metrics.decoder_restarts.inc)
        self._loaded: _Loaded | None = None

    @property
    def endpoints(self) -> Mapping[str, Handler]:
        """Path to handler."""
        return {TAG_PATH: self.tag, ENCODE_PATH: self.encode}

    async def load(self) -> None:
        """Load the model, start the decoders."""
        self._stack.push_async_callback(self._decoders.stop)
        model = await asyncio.to_thread(self._load_model)
        await self._decoders.start(frame_picture)
        limits, observe = self._options.batch, self._metrics.observe_batch
        loaded = _Loaded(model, Batcher(model.look, limits, observe), Batcher(model.encode, limits, observe))
        await self._stack.enter_async_context(loaded.pictures)
        await self._stack.enter_async_context(loaded.texts)
        self._metrics.queue_length.set_function(lambda: loaded.pictures.waiting + loaded.texts.waiting)
        self._loaded = loaded

    async def close(self) -> None:
        """End everything that ``load`` started."""
        await self._stack.aclose()

    @property
    def not_ready(self) -> str | None:
        """Why no work can be taken, None when it can."""
        if self._loaded is None:
            return "loading"
        return None if self._decoders.answering else "no_decoder"

    def handshake(self) -> Handshake:
        """Who answers. Weights and space are known once the model is loaded."""
        model = self._loaded.model if self._loaded else None
        return Handshake(
            service=self.name,
            wire=WIRE_VERSION,
            release=release(),
            model=self._options.model,
            weights=model.weights if model else "",
            space=model.space if model else "",
        )

    async def tag(self, call: Call) -> Answer:
        """Decode, look. Raises Refused or Busy; what else it raises is a bug."""
        loaded = self._ready()
        with self._metrics.phase("decode"):
            content, pixels = await self._decoders.run(
                frame_picture, call.body, loaded.model.framing, self._options.decode.max_pixels
            )
        with self._metrics.phase("core"):
            sight = await submit(loaded.pictures, Glimpse(content, pixels))
        return Answer(_reply(loaded.model, content, sight), vector_bytes(sight.vector), VECTOR_MEDIA_TYPE)

    async def encode(self, call: Call) -> Answer:
        """One vector per text. Raises Refused or Busy; what else it raises is a bug."""
        loaded = self._ready()
        texts = read_texts(call.body)
        with self._metrics.phase("core"):
            return encode_answer(loaded.model, await submit(loaded.texts, texts))

    def _ready(self) -> _Loaded:
        if self._loaded is None:
            raise Busy("loading", "the model is still loading")
        return self._loaded


def _reply(model: ClipModel, content: ContentReply, sight: Sight) -> TagReply:
    judgement = sight.judgement
    return TagReply(
        content=content,
        tags=list(judgement.tags),
        image_class=judgement.image_class,
        class_valid=judgement.class_valid,
        quality=judgement.quality,
        model=model.name,
        space=model.space,
        dimension=model.dimension,
    )
