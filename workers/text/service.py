"""The text service: sentences in, their vectors out."""

import asyncio
from collections.abc import Callable, Mapping
from contextlib import AsyncExitStack
from dataclasses import dataclass

from workers.batching import Batcher, BatchLimits
from workers.encoding import Rows, TextModel, Texts, encode_answer, read_texts
from workers.errors import Busy
from workers.metrics import Metrics
from workers.release import release
from workers.service import Answer, Call, Handler
from workers.submitting import submit
from workers.wire import ENCODE_PATH, WIRE_VERSION, Handshake


@dataclass(frozen=True, slots=True)
class TextOptions:
    """``model`` is the name to answer to before the model is loaded."""

    model: str
    batch: BatchLimits


class TextService:
    """POST /encode. ``load`` first. The texts of several requests go through the model together."""

    name = "text"

    def __init__(self, options: TextOptions, load_model: Callable[[], TextModel], metrics: Metrics) -> None:
        self._options = options
        self._load_model = load_model
        self._metrics = metrics
        self._stack = AsyncExitStack()
        self._model: TextModel | None = None
        self._batcher: Batcher[Texts, Rows] | None = None

    @property
    def endpoints(self) -> Mapping[str, Handler]:
        """Path to handler."""
        return {ENCODE_PATH: self.encode}

    async def load(self) -> None:
        """Load the model."""
        model = await asyncio.to_thread(self._load_model)
        batcher: Batcher[Texts, Rows] = Batcher(model.encode, self._options.batch, self._metrics.observe_batch)
        await self._stack.enter_async_context(batcher)
        self._metrics.queue_length.set_function(lambda: batcher.waiting)
        self._model, self._batcher = model, batcher

    async def close(self) -> None:
        """End everything that ``load`` started."""
        await self._stack.aclose()

    @property
    def not_ready(self) -> str | None:
        """Why no work can be taken, None when it can."""
        return None if self._model else "loading"

    def handshake(self) -> Handshake:
        """Who answers. Weights and space are known once the model is loaded."""
        model = self._model
        return Handshake(
            service=self.name,
            wire=WIRE_VERSION,
            release=release(),
            model=self._options.model,
            weights=model.weights if model else "",
            space=model.space if model else "",
        )

    async def encode(self, call: Call) -> Answer:
        """One vector per text. Raises Refused or Busy; what else it raises is a bug."""
        model, batcher = self._model, self._batcher
        if model is None or batcher is None:
            raise Busy("loading", "the model is still loading")
        texts = read_texts(call.body)
        with self._metrics.phase("core"):
            return encode_answer(model, await submit(batcher, texts))
