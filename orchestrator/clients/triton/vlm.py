"""The vision-language models behind Triton, over gRPC."""

import asyncio
from collections.abc import Collection
from functools import partial
from typing import Any

import structlog
from tritonclient.grpc.aio import InferenceServerClient
from tritonclient.utils import InferenceServerException

from orchestrator.clients.canaries.question import MAX_TOKENS, PROMPT, SCHEMA, canary_png
from orchestrator.clients.canaries.sender import CanaryEnd, CanaryLane
from orchestrator.clients.canaries.trust import Trust
from orchestrator.clients.http import traced
from orchestrator.clients.triton.errors import DIED, LOOK_AGAIN_S, TIMEOUT, OutOfMemory, fault_of_call
from orchestrator.clients.triton.shared_memory import SharedImages
from orchestrator.clients.triton.tensors import answer_of, tensors_of
from orchestrator.clients.workers.replies import OUT_OF_MEMORY
from orchestrator.domain.errors import JobError, JobFailed, JobRefused, Unavailable
from orchestrator.domain.prompts.request import Ask, ModelAnswer

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
log = structlog.get_logger(__name__)


class TritonDescriber:
    """Describer over the Triton server at ``url`` (host:port). To be made on the event loop; nothing is dialled yet.

    ``timeout_s`` is for one question to one model. A model that fails ``eject_after`` different questions in a row, be
    it the last one that may answer, gets no more of them until it has answered a canary; what fails there meanwhile is
    not charged. With another model in use the first canary is sent after ``probe_after_s``. Up to ``shared_bytes`` of
    pictures are handed over in shared memory; a server on another host refuses that, and they travel in messages.
    """

    def __init__(
        self, url: str, *, timeout_s: float, eject_after: int = 3, probe_after_s: float = 10.0, shared_bytes: int = 0
    ) -> None:
        self._client = InferenceServerClient(url, channel_args=list(_CHANNEL_OPTIONS))
        self._images = SharedImages(self._client, shared_bytes)
        self._timeout_s = timeout_s
        self._eject_after = eject_after
        self._probe_after_s = probe_after_s
        self._trusts: dict[str, Trust] = {}
        self._canaries = CanaryLane()

    async def close(self) -> None:
        """Close the connection; questions in flight are cancelled."""
        await self._canaries.close()
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
        """The answer of the first of ``ask.models`` that is ready and trusted.

        Moves on to the next one when a model is busy, when it fails to answer (the connection ends, the time is up), or
        when its failure is not charged. The second failure to answer ends the call, because the job may be the cause;
        so does the first one when no other model is left.

        Raises JobRefused with the model's own code, JobFailed (``worker_died``, ``worker_timeout``, ``vlm_error``,
        ``bad_worker_reply``; ``out_of_memory`` when the model has no room for this question and has answered others
        meanwhile), Unavailable when no model took the question.
        """
        ready = await self.ready()
        lost: JobFailed | None = None
        waits = False
        for model in ask.models:
            if model not in ready or not self._trust(model).holds:
                continue
            try:
                return await self._ask(model, body, ask, ready)
            except Unavailable:
                waits = True
                continue
            except JobFailed as error:
                if not self._trust(model).holds:
                    continue
                if error.reason.code not in (DIED, TIMEOUT, OUT_OF_MEMORY) or lost is not None:
                    raise
                lost = error
            try:
                ready = await self.ready()
            except Unavailable:
                raise lost from None
        if lost is not None and not (waits and lost.reason.code == OUT_OF_MEMORY):
            raise lost
        raise self._unavailable(ask.models, ready)

    async def _ask(self, model: str, body: bytes, ask: Ask, ready: Collection[str]) -> ModelAnswer:
        try:
            answer = await self._answer(model, body, ask)
        except (JobError, Unavailable) as fault:
            others = any(self._trust(m).holds for m in ask.models if m != model and m in ready)
            self._note(model, hash((ask.prompt, body)), len(body), fault, last_in_use=not others)
            raise
        self._trust(model).note_served()
        return answer

    async def _answer(self, model: str, body: bytes, ask: Ask) -> ModelAnswer:
        """Raises JobRefused, JobFailed or Unavailable."""
        try:
            return answer_of(model, await self._infer(model, body, ask))
        except InferenceServerException as error:
            status = str(error.status()).removeprefix("StatusCode.")
            raise fault_of_call(model, status, error.message() or "") from None

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
            inputs = await asyncio.to_thread(tensors_of, body, ask, held)
            return await self._client.infer(model, inputs, client_timeout=self._timeout_s, headers=traced({}))

    def _trust(self, model: str) -> Trust:
        return self._trusts.setdefault(model, Trust(self._eject_after, self._probe_after_s))

    def _note(self, model: str, job: int, size: int, fault: JobError | Unavailable, *, last_in_use: bool) -> None:
        """A model that refuses a question says nothing of itself. Raises JobFailed (``out_of_memory``) for a question
        that alone is to blame."""
        trust = self._trust(model)
        if isinstance(fault, JobRefused):
            return
        if isinstance(fault, JobFailed):
            ejected = trust.note_failure(job, last_in_use=last_in_use)
        else:
            ejected = trust.note_busy(last_in_use=last_in_use)
        if ejected:
            log.warning("model ejected", model=model, reason=str(fault))
            self._canaries.ask_until_answered(trust, model, partial(self._send_canary, model))
        if isinstance(fault, OutOfMemory):
            if trust.is_alone(job):
                self._canaries.ask_once(trust, partial(self._send_canary, model))
            if trust.note_shortage(job):
                trust.forget_shortage(job)
                raise JobFailed(
                    OUT_OF_MEMORY, f"{model} has no memory for this question and has answered others: {fault}"
                )

    async def _send_canary(self, model: str) -> CanaryEnd:
        try:
            if model not in await self.ready():
                return "away"
            await self._answer(model, canary_png(), Ask((model,), PROMPT, SCHEMA, MAX_TOKENS))
        except OutOfMemory:
            return "failed"
        except Unavailable:
            return "away"
        except JobFailed:
            return "failed"
        except JobRefused:
            return "answered"  # it has looked at it
        return "answered"

    def _unavailable(self, models: Collection[str], ready: Collection[str]) -> Unavailable:
        found = [
            f"{m}: {'not loaded' if m not in ready else 'busy' if self._trust(m).holds else 'ejected'}" for m in models
        ]
        return Unavailable("triton", ", ".join(found) or "no model may answer", LOOK_AGAIN_S)
