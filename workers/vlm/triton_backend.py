"""A vision-language model as a model of Triton's python backend. Imported inside tritonserver only."""

import asyncio
import json
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import triton_python_backend_utils as pb_utils

from workers.errors import Refused
from workers.images.decoder_pool import DecoderPool
from workers.images.decoder_process import DecodeLimits
from workers.triton.requests import MAX_IMAGE_BYTES, Cancelled, failure, together
from workers.triton.server_guard import ServerGuard
from workers.vlm.cache_metrics import Remembering
from workers.vlm.model import ModelOptions, VlmModel, load_transformers
from workers.vlm.picture import read_picture
from workers.vlm.requests import BadPrompt, GenerateRequest, GenerateResult, check_question
from workers.vlm.triton_metrics import CacheMetrics

WEIGHTS_VARIABLE = "JUSTLENS_WEIGHTS"


class TritonVlm:
    """What Triton calls TritonPythonModel. One instance has one model and its own decoder processes."""

    def initialize(self, args: Mapping[str, str]) -> None:
        """Load and warm up the model, start the decoders; then it is READY. Whatever this raises fails the load."""
        self._guard = ServerGuard()
        config = json.loads(args["model_config"])
        parameters = {name: value["string_value"] for name, value in config["parameters"].items()}
        on_gpu = args["model_instance_kind"] == "GPU"
        self._model = self.load_model(
            ModelOptions(
                weights=weights_dir(args["model_name"], parameters, os.environ),
                device=f"cuda:{args['model_instance_device_id']}" if on_gpu else "cpu",
                dtype=parameters["dtype"],
                max_batch=config["max_batch_size"],
            )
        )
        self._metrics = _metrics_of(self._model, args)
        limits = DecodeLimits(max_pixels=round(float(parameters["max_megapixels"]) * 1e6))
        self._decoders = DecoderPool(int(parameters["decoders"]), limits)
        self._runner = asyncio.Runner()
        self._runner.run(self._decoders.start(read_picture))
        self._guard.loaded()

    def load_model(self, options: ModelOptions) -> VlmModel:
        """The model, warmed up."""
        return load_transformers(options)

    def execute(self, requests: Sequence[Any]) -> list[Any]:
        """One response per request, in order. What fails one request does not touch the others."""
        read = self._runner.run(self._read_all(requests))
        questions = {index: item for index, item in enumerate(read) if isinstance(item, GenerateRequest)}
        answers = dict(zip(questions, together(self._model.generate, list(questions.values())), strict=True))
        if self._metrics:
            self._metrics.update()
        return [self._response(answers.get(index, item)) for index, item in enumerate(read)]

    def finalize(self) -> None:
        """Triton unloads the model, or ends."""
        self._guard.release()
        self._runner.run(self._decoders.stop())
        self._runner.close()

    async def _read_all(self, requests: Sequence[Any]) -> list[Any]:
        return await asyncio.gather(*(self._read(request) for request in requests), return_exceptions=True)

    async def _read(self, request: Any) -> GenerateRequest:
        """The question of a request, its picture decoded. Raises Cancelled, Refused, BadPrompt, DecoderBug."""
        image, max_tokens = _only_value(request, "IMAGE"), int(_only_value(request, "MAX_TOKENS"))
        prompt, schema = _text(request, "PROMPT"), _text(request, "SCHEMA")
        check_question(prompt, schema, max_tokens)
        if not image:
            raise Refused("empty", "there is no picture")
        if len(image) > MAX_IMAGE_BYTES:
            raise Refused("too_large", f"{len(image)} bytes; at most {MAX_IMAGE_BYTES} are taken")
        if request.is_cancelled():
            raise Cancelled
        (width, height), pixels = await self._decoders.run(read_picture, image, self._decoders.limits.max_pixels)
        if request.is_cancelled():
            raise Cancelled
        return GenerateRequest(pixels, width, height, prompt, schema, max_tokens)

    def _response(self, answer: GenerateResult | Exception) -> Any:
        if not isinstance(answer, GenerateResult):
            return failure(_refused(answer))
        values = {
            "ANSWER": answer.text,
            "FINISH_REASON": answer.finish_reason,
            "MODEL": self._model.name,
            "WEIGHTS": self._model.weights,
        }
        return pb_utils.InferenceResponse(
            output_tensors=[
                pb_utils.Tensor(name, np.array([[value.encode()]], dtype=np.object_)) for name, value in values.items()
            ]
        )


def _metrics_of(model: VlmModel, args: Mapping[str, str]) -> CacheMetrics | None:
    if not isinstance(model, Remembering):
        return None
    return CacheMetrics(model, args["model_name"], args["model_version"])


def weights_dir(model: str, parameters: Mapping[str, str], environment: Mapping[str, str]) -> Path:
    """The folder of a model's weights: its own one under JUSTLENS_WEIGHTS if that is set, else what its config says."""
    root = environment.get(WEIGHTS_VARIABLE)
    return Path(root) / model if root else Path(parameters["weights_dir"])


def _only_value(request: Any, name: str) -> Any:
    values = pb_utils.get_input_tensor_by_name(request, name).as_numpy().reshape(-1)
    if len(values) != 1:
        raise Refused("bad_request", f"{name} has {len(values)} values; a request is one question")
    return values[0]


def _refused(error: Exception) -> Exception:
    """A question that cannot be asked is the client's fault, whatever raised it."""
    return Refused("bad_request", str(error)) if isinstance(error, BadPrompt) else error


def _text(request: Any, name: str) -> str:
    try:
        return str(_only_value(request, name), "utf-8")
    except UnicodeDecodeError as error:
        raise Refused("bad_request", f"{name} is not UTF-8") from error
