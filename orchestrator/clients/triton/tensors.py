"""A question to a model on Triton as its tensors, and the tensors of its reply as an answer."""

import json
from typing import Any, get_args

import numpy as np
from tritonclient.grpc import InferInput

from orchestrator.clients.triton.shared_memory import Held
from orchestrator.clients.workers.replies import BAD_REPLY
from orchestrator.domain.errors import JobFailed
from orchestrator.domain.prompts.request import Ask, FinishReason, ModelAnswer

_OUTPUTS = ("ANSWER", "FINISH_REASON", "MODEL", "WEIGHTS")


def tensors_of(body: bytes, ask: Ask, held: Held | None) -> list[Any]:
    """The inputs for ``ask`` about the picture ``body``, which lies in ``held`` if that is not None."""
    schema = json.dumps(dict(ask.schema), default=dict)
    image = _text("IMAGE", body) if held is None else _tensor("IMAGE").set_shared_memory(held.name, held.byte_size)
    max_tokens = _tensor("MAX_TOKENS", "INT32").set_data_from_numpy(np.array([[ask.max_tokens]], dtype=np.int32))
    return [image, max_tokens, _text("PROMPT", ask.prompt.encode()), _text("SCHEMA", schema.encode())]


def _tensor(name: str, datatype: str = "BYTES") -> Any:
    return InferInput(name, [1, 1], datatype)


def _text(name: str, value: bytes) -> Any:
    return _tensor(name).set_data_from_numpy(np.array([[value]], dtype=np.object_))


def answer_of(model: str, result: Any) -> ModelAnswer:
    """The reply as a value. Raises JobFailed (``bad_worker_reply``) when it is not what the models are to say."""
    try:
        text, finish_reason, name, weights = (result.as_numpy(output).item().decode() for output in _OUTPUTS)
    except (AttributeError, ValueError) as error:
        raise JobFailed(BAD_REPLY, f"{model}: an output is missing or is no text") from error
    if finish_reason not in get_args(FinishReason):
        raise JobFailed(BAD_REPLY, f"{model}: finish_reason is {finish_reason[:40]!r}")
    return ModelAnswer(text, finish_reason, name, weights)
