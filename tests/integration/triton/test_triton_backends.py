"""What the CLIP and the text model of Triton do without the server: which weights they take, how batches break."""

import json
import shutil
import sys
from collections.abc import Iterator, Sequence
from importlib import import_module
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest

from workers.builtin import FOLDER
from workers.text.folder import packaged_minilm

BUILT_IN_CLIP = FOLDER / "clip"


@pytest.fixture
def backends(monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[ModuleType, ModuleType, ModuleType]]:
    """The modules that need a name which only tritonserver gives them; nothing of it is used here."""
    names = ("workers.triton.requests", "workers.text.triton_backend", "workers.clip.triton_backend")
    monkeypatch.setitem(sys.modules, "triton_python_backend_utils", ModuleType("triton_python_backend_utils"))
    requests, text, clip = (import_module(name) for name in names)
    yield requests, text, clip
    for name in names:
        sys.modules.pop(name, None)


def arguments(model: Path, version: str = "1", kind: str = "CPU") -> dict[str, str]:
    """What tritonserver hands to ``initialize``."""
    config = {"max_batch_size": 4, "parameters": {"threads": {"string_value": "1"}}}
    return {
        "model_config": json.dumps(config),
        "model_repository": str(model),
        "model_version": version,
        "model_instance_kind": kind,
        "model_instance_device_id": "3",
    }


def test_a_version_without_weights_runs_the_built_in_ones(
    backends: tuple[ModuleType, ModuleType, ModuleType], tmp_path: Path
) -> None:
    requests, text, _ = backends

    place = requests.place_of(arguments(tmp_path))

    assert (place.weights, place.device, place.threads, place.max_batch) == (None, "cpu", 1, 4)
    assert text.TritonText().load_model(place).name == "all-MiniLM-L6-v2-int8"


def test_a_link_in_a_version_gives_the_model_the_name_of_the_folder(
    backends: tuple[ModuleType, ModuleType, ModuleType], tmp_path: Path
) -> None:
    requests, _, _ = backends
    (tmp_path / "weights-of-mine").mkdir()
    (tmp_path / "2").mkdir()
    (tmp_path / "2/weights").symlink_to(tmp_path / "weights-of-mine")

    place = requests.place_of(arguments(tmp_path, "2", "GPU"))

    assert (place.weights.name, place.device) == ("weights-of-mine", "cuda:3")


def test_a_sentence_transformers_folder_is_read_by_that_library(
    backends: tuple[ModuleType, ModuleType, ModuleType], tmp_path: Path
) -> None:
    requests, text, _ = backends
    (tmp_path / "1").mkdir()
    (tmp_path / "1/weights").symlink_to(packaged_minilm())

    model = text.TritonText().load_model(requests.place_of(arguments(tmp_path)))

    assert type(model).__name__ == "SentenceModel"
    assert model.space.startswith(f"text/{packaged_minilm().name}@")


def test_an_open_clip_folder_is_seen_through_torch_as_the_same_weights_are_in_onnx(
    backends: tuple[ModuleType, ModuleType, ModuleType], tmp_path: Path
) -> None:
    requests, _, clip = backends
    torch_folder = tmp_path / "justlens-clip"
    shutil.copytree(BUILT_IN_CLIP, torch_folder, ignore=shutil.ignore_patterns("*.onnx"))
    (tmp_path / "1").mkdir()
    (tmp_path / "1/weights").symlink_to(torch_folder)
    place = requests.place_of(arguments(tmp_path))

    in_torch, in_onnx = (clip._from_folder(folder, place) for folder in (torch_folder, BUILT_IN_CLIP))

    assert in_torch.space == in_onnx.space
    texts = ("a florist with a green door", "a barber")
    np.testing.assert_allclose(in_torch.encode([texts])[0], in_onnx.encode([texts])[0], atol=1e-3)


def test_a_batch_that_fails_as_a_whole_is_tried_one_by_one(
    backends: tuple[ModuleType, ModuleType, ModuleType],
) -> None:
    requests, _, _ = backends

    def core(items: Sequence[int]) -> list[int]:
        if 3 in items:
            raise MemoryError
        return [item * 2 for item in items]

    made = requests.together(core, [1, 3, 5])

    assert (made[0], type(made[1]), made[2]) == (2, MemoryError, 10)
    assert requests.together(core, [1, 5]) == [2, 10]
    assert requests.together(core, []) == []
