"""The text service: sentences in, their vectors out."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from workers.server.batching import Batcher, BatchLimits, submit
from workers.server.metrics import Metrics
from workers.server.model_service import HostedService
from workers.server.service import Answer, Call, Handler
from workers.server.text_embedding import Embeddings, TextModel, Texts, encode_answer, read_texts
from workers.wire import ENCODE_PATH


@dataclass(frozen=True, slots=True)
class TextOptions:
    """``model`` is the name to answer to before the model is loaded."""

    model: str
    batch: BatchLimits


class TextService(HostedService[TextModel, Batcher[Texts, Embeddings]]):
    """POST /encode. The texts of several requests go through the model together."""

    name = "text"

    def __init__(self, options: TextOptions, load_model: Callable[[], TextModel], metrics: Metrics) -> None:
        super().__init__(options.model, options.batch, load_model, metrics)

    @property
    def endpoints(self) -> Mapping[str, Handler]:
        """Path to handler."""
        return {ENCODE_PATH: self.encode}

    async def _start(self, model: TextModel) -> Batcher[Texts, Embeddings]:
        return await self._batcher(model.encode)

    def _space(self, model: TextModel) -> str:
        return model.space

    async def encode(self, call: Call) -> Answer:
        """One vector per text. Raises Refused or Busy; what else it raises is a bug."""
        model, batcher = self._ready()
        texts = read_texts(call.body)
        with self._metrics.phase("core"):
            return encode_answer(model, await submit(batcher, texts, f"{len(texts)} texts"))
