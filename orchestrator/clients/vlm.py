"""The vision-language models behind Triton, over gRPC."""

import asyncio
import json
from collections.abc import Collection
from time import monotonic
from typing import Any, get_args

import numpy as np
import structlog
from tritonclient.grpc import InferInput
from tritonclient.grpc.aio import InferenceServerClient
from tritonclient.utils import InferenceServerException

from orchestrator.clients.circuit import CLOSED, Circuit, lets_through, on_busy, on_failure, on_no_answer, on_probe
from orchestrator.clients.http import traced
from orchestrator.clients.replies import BAD_REPLY
from orchestrator.clients.shared_images import Held, SharedImages
from orchestrator.clients.triton_faults import DIED, LOOK_AGAIN_S, TIMEOUT, fault_of_call
from orchestrator.domain.describing import Ask, FinishReason, ModelAnswer
from orchestrator.domain.errors import JobError, JobFailed, JobRefused, Unavailable

READY_TIMEOUT_S = 2.0
MAX_ANSWER_BYTES = 4 * 2**20
_CHANNEL_OPTIONS = (
    ("grpc.max_send_message_length", -1),
    ("grpc.max_receive_message_length", MAX_ANSWER_BYTES),
    # By default a server that comes back is found after up to two minutes, and a dead address is dialled for 20 s.
    ("grpc.initial_reconnect_backoff_ms", 100),
    ("grpc.max_reconnect_backoff_ms", 1000),
    ("grpc.min_reconnect_backoff_ms", 2000),
    # No ping is sent more often than servers allow by default (300 s). What this is for: with it gRPC sets
    # TCP_USER_TIMEOUT, so that a connection whose other end has vanished is given up after 10 s instead of 15 minutes.
    ("grpc.keepalive_time_ms", 310_000),
    ("grpc.keepalive_timeout_ms", 10_000),
)
_REGION_LOST = "Unable to find shared memory region"
_OUTPUTS = ("ANSWER", "FINISH_REASON", "MODEL", "WEIGHTS")
log = structlog.get_logger(__name__)


class TritonDescriber:
    """Describer over the Triton server at ``url`` (host:port). To be made on the event loop; nothing is dialled yet.

    ``timeout_s`` is for one question to one model. A model that fails ``eject_after`` times in a row is left alone for
    ``probe_after_s`` seconds, unless no other one that may answer is in use. Up to ``shared_bytes`` of pictures are
    handed over in shared memory; a server on another host refuses that, and they travel in messages.
    """

    def __init__(
        self, url: str, *, timeout_s: float, eject_after: int = 3, probe_after_s: float = 10.0, shared_bytes: int = 0
    ) -> None:
        self._client = InferenceServerClient(url, channel_args=list(_CHANNEL_OPTIONS))
        self._images = SharedImages(self._client, shared_bytes)
        self._timeout_s = timeout_s
        self._eject_after = eject_after
        self._probe_after_s = probe_after_s
        self._circuits: dict[str, Circuit] = {}

    async def close(self) -> None:
        """Close the connection; questions in flight are cancelled."""
        await self._images.close()
        await self._client.close()

    async def ready(self) -> frozenset[str]:
        """The models that the server has ready. Raises Unavailable when it does not say within READY_TIMEOUT_S."""
        try:
            index = await self._client.get_model_repository_index(client_timeout=READY_TIMEOUT_S)
        except InferenceServerException as error:
            raise Unavailable("triton", f"{error.status()}: {error.message()}", LOOK_AGAIN_S) from None
        return frozenset(model.name for model in index.models if model.state == "READY")

    async def describe(self, body: bytes, ask: Ask) -> ModelAnswer:
        """The answer of the first of ``ask.models`` that is ready and whose circuit lets the question through.

        Moves on to the next one when a model is busy, or when it fails to answer (the connection ends, the time is
        up). The second failure to answer ends the call, because the job may be the cause; so does the first one when
        no other model is left.

        Raises JobRefused with the model's own code, JobFailed (``worker_died``, ``worker_timeout``, ``vlm_error``,
        ``bad_worker_reply``), Unavailable when no model took the question.
        """
        ready = await self.ready()
        lost: JobFailed | None = None
        for model in ask.models:
            if model not in ready or not self._admits(model):
                continue
            try:
                return await self._ask(model, body, ask, ready)
            except Unavailable:
                continue
            except JobFailed as error:
                if lost is not None or error.reason.code not in (DIED, TIMEOUT):
                    raise
                lost = error
            try:
                ready = await self.ready()
            except Unavailable:
                raise lost from None
        raise lost or self._unavailable(ask.models, ready)

    async def _ask(self, model: str, body: bytes, ask: Ask, ready: Collection[str]) -> ModelAnswer:
        probing = self._circuit(model).state == "open"
        if probing:
            self._circuits[model] = on_probe(self._circuit(model))
        try:
            result = await self._infer(model, body, ask)
        except InferenceServerException as error:
            fault = fault_of_call(model, str(error.status()).removeprefix("StatusCode."), error.message() or "")
            others = any(self._circuit(m).state == "closed" for m in ask.models if m != model and m in ready)
            self._note(model, fault, last_in_use=not others)
            raise fault from None
        else:
            self._circuits[model] = CLOSED
        finally:
            if probing:
                self._circuits[model] = on_no_answer(self._circuit(model))
        return _answer(model, result)

    async def _infer(self, model: str, body: bytes, ask: Ask) -> Any:
        """The reply. A server that was started afresh knows no region any more, and is asked once more with a new one.
        Raises InferenceServerException."""
        try:
            return await self._infer_once(model, body, ask)
        except InferenceServerException as error:
            if _REGION_LOST not in (error.message() or ""):
                raise
        return await self._infer_once(model, body, ask)

    async def _infer_once(self, model: str, body: bytes, ask: Ask) -> Any:
        async with self._images.holding(body) as held:
            # Off the loop: a picture of 20 MB is copied twice on the way into its tensor.
            inputs = await asyncio.to_thread(_inputs, body, ask, held)
            return await self._client.infer(model, inputs, client_timeout=self._timeout_s, headers=traced({}))

    def _circuit(self, model: str) -> Circuit:
        return self._circuits.get(model, CLOSED)

    def _admits(self, model: str) -> bool:
        return lets_through(self._circuit(model), now=monotonic(), probe_after_s=self._probe_after_s)

    def _note(self, model: str, fault: JobError | Unavailable, *, last_in_use: bool) -> None:
        """A model that refuses a question is in good order."""
        before = self._circuit(model)
        if isinstance(fault, JobRefused):
            self._circuits[model] = CLOSED
            return
        change = on_busy if isinstance(fault, Unavailable) else on_failure
        after = change(before, now=monotonic(), eject_after=self._eject_after, last_in_use=last_in_use)
        self._circuits[model] = after
        if before.state == "closed" and after.state == "open":
            log.warning("model ejected", model=model, reason=str(fault))

    def _unavailable(self, models: Collection[str], ready: Collection[str]) -> Unavailable:
        now = monotonic()
        found = [f"{m}: {'not loaded' if m not in ready else 'busy' if self._admits(m) else 'ejected'}" for m in models]
        probes_s = [self._circuit(m).opened_at + self._probe_after_s - now for m in models if not self._admits(m)]
        wait_s = min(probes_s, default=LOOK_AGAIN_S)
        return Unavailable("triton", ", ".join(found) or "no model may answer", max(wait_s, 0.1))


def _inputs(body: bytes, ask: Ask, held: Held | None) -> list[Any]:
    schema = json.dumps(dict(ask.schema), default=dict)
    image = _text("IMAGE", body) if held is None else _tensor("IMAGE").set_shared_memory(held.name, held.byte_size)
    max_tokens = _tensor("MAX_TOKENS", "INT32").set_data_from_numpy(np.array([[ask.max_tokens]], dtype=np.int32))
    return [image, max_tokens, _text("PROMPT", ask.prompt.encode()), _text("SCHEMA", schema.encode())]


def _tensor(name: str, datatype: str = "BYTES") -> Any:
    return InferInput(name, [1, 1], datatype)


def _text(name: str, value: bytes) -> Any:
    return _tensor(name).set_data_from_numpy(np.array([[value]], dtype=np.object_))


def _answer(model: str, result: Any) -> ModelAnswer:
    """The reply as a value. Raises JobFailed (``bad_worker_reply``) when it is not what the models are to say."""
    try:
        text, finish_reason, name, weights = (result.as_numpy(output).item().decode() for output in _OUTPUTS)
    except (AttributeError, ValueError) as error:
        raise JobFailed(BAD_REPLY, f"{model}: an output is missing or is no text") from error
    if finish_reason not in get_args(FinishReason):
        raise JobFailed(BAD_REPLY, f"{model}: finish_reason is {finish_reason[:40]!r}")
    return ModelAnswer(text, finish_reason, name, weights)
