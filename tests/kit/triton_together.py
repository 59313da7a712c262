"""One tritonserver for everything: a vision-language model, CLIP, texts, and models that show what the server does."""

import shutil
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import onnx
from tritonclient.grpc import InferInput, InferResult
from tritonclient.grpc.aio import InferenceServerClient

from tests.kit.tiny_vlm import build_tiny_llava
from tests.kit.triton import ENCODERS, MODELS, Triton
from workers.builtin import pinned

LLAVA = "llava-1.5-7b-hf"
MORE = "more-models"
VERSIONS, LIMITED, FREE = "text-versions", "limited", "free"
_LIMITER = 'rate_limiter { resources [ { name: "cores" global: true count: 1 } ] }'
_NAPPING = """
from tests.kit.triton_napping import Napping
from workers.text.triton_backend import TritonText


class TritonPythonModel(TritonText):
    def load_model(self, place):
        return Napping()
"""


def together(folder: Path) -> Triton:
    """Not started yet. Resource ``cores`` is one: of what is limited by it, one runs at a time."""
    build_tiny_llava(folder / "weights" / LLAVA)
    return Triton(
        folder / "triton-together",
        ENCODERS,
        {"JUSTLENS_WEIGHTS": str(folder / "weights")},
        load=(LLAVA, "clip", "text", VERSIONS, LIMITED, FREE),
        more=(
            f"--model-repository={MODELS}",
            f"--model-repository={_repository(folder / MORE)}",
            "--rate-limit=execution_count",
            "--rate-limit-resource=cores:1",
        ),
    )


def _repository(folder: Path) -> Path:
    """Models made of the product's own: one in two versions, and two that differ by the limiter alone."""
    text = (ENCODERS / "text/config.pbtxt").read_text()
    one_by_one = text.replace("max_batch_size: 128", "max_batch_size: 1")
    assert _LIMITER in text and one_by_one != text
    code = (ENCODERS / "text/1/model.py").read_text()
    _model(folder / VERSIONS, text.replace("count: 2", "count: 1"), {1: code, 2: code})
    _opposite(folder / VERSIONS / "2/weights")
    _model(folder / LIMITED, one_by_one, {1: _NAPPING})
    _model(folder / FREE, one_by_one.replace(_LIMITER, ""), {1: _NAPPING})
    return folder


def _opposite(folder: Path) -> None:
    """Another model than the built-in one: each of its vectors points the other way."""
    folder.mkdir()
    model = onnx.load(pinned("minilm/model.onnx"))
    (end,) = model.graph.output
    for node in model.graph.node:
        node.output[:] = ["forth" if name == end.name else name for name in node.output]
    model.graph.node.append(onnx.helper.make_node("Neg", ["forth"], [end.name]))
    onnx.save(model, folder / "model.onnx")
    shutil.copy(pinned("minilm/tokenizer.json"), folder)


def _model(folder: Path, config: str, versions: dict[int, str]) -> None:
    for version, code in versions.items():
        (folder / str(version)).mkdir(parents=True)
        (folder / str(version) / "model.py").write_text(code)
    (folder / "config.pbtxt").write_text(config)


async def asked(client: InferenceServerClient, model: str, version: str = "", **rows: Sequence[bytes]) -> InferResult:
    """The answer to one request of as many rows as every input has."""
    inputs = []
    for name, values in rows.items():
        tensor = InferInput(name, [len(values), 1], "BYTES")
        inputs.append(tensor.set_data_from_numpy(np.array([[value] for value in values], np.object_)))
    return await client.infer(model, inputs, model_version=version)


def column(answer: InferResult, name: str) -> list[str]:
    """An output of texts, one per row."""
    return [value.decode() for value in answer.as_numpy(name)[:, 0]]


async def counted(client: InferenceServerClient, model: str) -> tuple[int, int]:
    """Embeddings that were answered, and batches that they made."""
    (found,) = (await client.get_inference_statistics(model)).model_stats
    return found.inference_count, found.execution_count
