"""How a service hosts its model: loading, the batchers and decoders that go with it, and who it says it is."""

import asyncio
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import AsyncExitStack
from dataclasses import dataclass
from typing import Any, Generic, Protocol, TypeVar

from workers.errors import Busy
from workers.images.decoder_pool import DecoderPool
from workers.images.decoder_process import DecodeLimits
from workers.server.batching import Batcher, BatchLimits
from workers.server.metrics import Metrics
from workers.server.service import Handler
from workers.wire import WIRE_VERSION, Handshake, release


class NamedModel(Protocol):
    """What every model says of itself. ``weights`` is the digest of the weights, or "none"."""

    name: str
    weights: str


M = TypeVar("M", bound=NamedModel)
B = TypeVar("B")
I = TypeVar("I")  # noqa: E741
R = TypeVar("R")


class HostedService(ABC, Generic[M, B]):
    """A ModelService around one model ``M``. A family adds its name, its endpoints, and the batchers ``B`` that stand
    between the two."""

    name: str

    def __init__(self, model: str, batch: BatchLimits, load_model: Callable[[], M], metrics: Metrics) -> None:
        """``model`` is the name to answer to before the model is loaded. ``batch`` holds for every batcher."""
        self._model = model
        self._batch = batch
        self._load_model = load_model
        self._metrics = metrics
        self._stack = AsyncExitStack()
        self._batchers: list[Batcher[Any, Any]] = []
        self._loaded: tuple[M, B] | None = None
        metrics.queue_length.set_function(lambda: sum(batcher.waiting for batcher in self._batchers))

    @property
    @abstractmethod
    def endpoints(self) -> Mapping[str, Handler]:
        """Path to handler."""

    @abstractmethod
    async def _start(self, model: M) -> B:
        """Start what stands between the endpoints and ``model``."""

    def _space(self, _model: M) -> str:
        """The embedding space of the texts that the model encodes; empty for one that encodes none."""
        return ""

    async def load(self) -> None:
        """Load the model, then start what goes with it."""
        model = await _unawaited_at_exit(self._load_model)
        self._loaded = (model, await self._start(model))

    async def close(self) -> None:
        """End everything that ``load`` started."""
        await self._stack.aclose()

    @property
    def not_ready(self) -> str | None:
        """Why no work can be taken, None when it can."""
        return None if self._loaded else "loading"

    def handshake(self) -> Handshake:
        """Who answers. Weights and space are known once the model is loaded."""
        model = self._loaded[0] if self._loaded else None
        return Handshake(
            service=self.name,
            wire=WIRE_VERSION,
            release=release(),
            model=model.name if model else self._model,
            weights=model.weights if model else "",
            space=self._space(model) if model else "",
        )

    async def _batcher(self, core: Callable[[Sequence[I]], Sequence[R]]) -> Batcher[I, R]:
        """A running batcher in front of ``core``, counted and closed with the service."""
        batcher = await self._stack.enter_async_context(Batcher(core, self._batch, self._metrics.observe_batch))
        self._batchers.append(batcher)
        return batcher

    def _ready(self) -> tuple[M, B]:
        """The model and its batchers. Raises Busy until it is loaded."""
        if self._loaded is None:
            raise Busy("loading", "the model is still loading")
        return self._loaded


@dataclass(frozen=True, slots=True)
class PictureOptions:
    """``model`` is the name to answer to before the model is loaded; ``decoders`` processes decode and encode."""

    model: str
    decoders: int
    decode: DecodeLimits
    batch: BatchLimits


class PictureService(HostedService[M, B]):
    """A service whose requests carry pictures. Its ``_start`` starts ``_decoders`` too."""

    def __init__(self, options: PictureOptions, load_model: Callable[[], M], metrics: Metrics) -> None:
        super().__init__(options.model, options.batch, load_model, metrics)
        self._max_pixels = options.decode.max_pixels
        self._decoders = DecoderPool(options.decoders, options.decode, metrics.decoder_restarts.inc)
        self._stack.push_async_callback(self._decoders.stop)

    @property
    def not_ready(self) -> str | None:
        """Why no work can be taken, None when it can."""
        return super().not_ready or (None if self._decoders.answering else "no_decoder")


async def _unawaited_at_exit(load: Callable[[], M]) -> M:
    """What ``load`` returns, from a thread of its own.

    asyncio.run waits for the threads of its default executor: there, a worker that is told to stop would first have
    to finish loading.
    """
    thread = ThreadPoolExecutor(1, thread_name_prefix="load")
    try:
        return await asyncio.get_running_loop().run_in_executor(thread, load)
    finally:
        thread.shutdown(wait=False)
