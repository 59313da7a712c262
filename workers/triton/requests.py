"""What the models of Triton's python backend have in common. Imported inside tritonserver only.

A request is answered or refused as a whole, and never touches those it shares a batch with. Every error says in its
first word what the client has to know:

    refused:<code>: …   INVALID_ARGUMENT   this request can never be answered, whoever is asked
    busy:<code>: …      UNAVAILABLE        not now: ask another one, or later
    anything else       INTERNAL           the model's bug
"""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
import triton_python_backend_utils as pb_utils

from workers.errors import Refused
from workers.server.text_embedding import Embeddings, Texts
from workers.wire import MAX_TEXT_CHARS

T = TypeVar("T")
R = TypeVar("R")

WEIGHTS_FOLDER = "weights"
MAX_IMAGE_BYTES = 32 * 2**20


class Cancelled(Exception):
    """Nobody waits for this answer any more."""


@dataclass(frozen=True, slots=True)
class Place:
    """Where an instance runs. ``weights`` is the folder in its version's directory, links followed, so that its name is
    the model's; None for the built-in weights."""

    weights: Path | None
    device: str
    threads: int
    max_batch: int
    parameters: Mapping[str, str]


def place_of(args: Mapping[str, str]) -> Place:
    """From what ``initialize`` is handed."""
    config = json.loads(args["model_config"])
    parameters = {name: value["string_value"] for name, value in config["parameters"].items()}
    weights = Path(args["model_repository"]) / args["model_version"] / WEIGHTS_FOLDER
    on_gpu = args["model_instance_kind"] == "GPU"
    return Place(
        weights=weights.resolve() if weights.is_dir() else None,
        device=f"cuda:{args['model_instance_device_id']}" if on_gpu else "cpu",
        threads=int(parameters["threads"]),
        max_batch=config["max_batch_size"],
        parameters=parameters,
    )


def rows_of(request: Any, name: str) -> list[bytes] | None:
    """The values of an input, one per row; None when the request has no such input. Raises Cancelled."""
    if request.is_cancelled():
        raise Cancelled
    tensor = pb_utils.get_input_tensor_by_name(request, name)
    return None if tensor is None else list(tensor.as_numpy().reshape(-1))


def texts_in(rows: Sequence[bytes]) -> Texts:
    """The texts of a request. Raises Refused: bad_request, text_too_long. A text is named by its index, not quoted."""
    texts = []
    for index, row in enumerate(rows):
        try:
            text = row.decode()
        except UnicodeDecodeError as error:
            raise Refused("bad_request", f"TEXT.{index} is not UTF-8") from error
        if len(text) > MAX_TEXT_CHARS:
            raise Refused("text_too_long", f"TEXT.{index}: {len(text)} characters; at most {MAX_TEXT_CHARS} are read")
        texts.append(text)
    return tuple(texts)


def together(core: Callable[[Sequence[T]], Sequence[R]], items: Sequence[T]) -> list[R | Exception]:
    """One result per item, in order. A batch that fails as a whole is tried one by one: one of it may be to blame."""
    if not items:
        return []
    try:
        return list(core(items))
    except Exception as error:
        if len(items) == 1:
            return [error]
    return [together(core, [item])[0] for item in items]


def response(vectors: Embeddings, **columns: Sequence[str]) -> Any:
    """The answer to a request: VECTOR, and columns of texts by name, one for each row."""
    named = [
        pb_utils.Tensor(name, np.array([[value.encode()] for value in values], np.object_))
        for name, values in columns.items()
    ]
    return pb_utils.InferenceResponse(output_tensors=[pb_utils.Tensor("VECTOR", vectors), *named])


def failure(error: Exception) -> Any:
    """The answer to a request that has none."""
    return pb_utils.InferenceResponse(error=_error(error))


def _error(error: Exception) -> Any:
    if isinstance(error, Refused):
        return pb_utils.TritonError(f"refused:{error.code}: {error.message}", pb_utils.TritonError.INVALID_ARG)
    if isinstance(error, MemoryError):
        return pb_utils.TritonError("busy:out_of_memory: no memory left for this", pb_utils.TritonError.UNAVAILABLE)
    if isinstance(error, Cancelled):
        return pb_utils.TritonError("cancelled", pb_utils.TritonError.CANCELLED)
    return pb_utils.TritonError(f"{type(error).__name__}: {error}"[:2000], pb_utils.TritonError.INTERNAL)
