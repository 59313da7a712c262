"""The model repositories as files. Those for vLLM are run nowhere here: this is all that is known of them."""

import json
import re
from pathlib import Path

import pytest
from google.protobuf import text_format
from tritonclient.grpc import model_config_pb2

from tests.kit.triton import ROOT

VLLM = ROOT / "triton" / "vllm"
CONFIGS = sorted((ROOT / "triton").glob("*/*/config.pbtxt"))
VLLM_MODELS = sorted(path.parent for path in VLLM.glob("*/config.pbtxt"))
ENGINE_ARGUMENTS = {
    "model": str,
    "served_model_name": str,
    "dtype": str,
    "max_model_len": int,
    "max_num_seqs": int,
    "enforce_eager": bool,
    "limit_mm_per_prompt": dict,
    "gpu_memory_utilization": float,
}
"""Fields of vllm.engine.arg_utils.EngineArgs that both of the versions have: any other one fails the load."""


def config_of(path: Path) -> model_config_pb2.ModelConfig:
    """Raises ParseError for a field that Triton does not have."""
    return text_format.Parse(path.read_text(), model_config_pb2.ModelConfig())


@pytest.mark.parametrize("path", CONFIGS, ids=lambda path: "/".join(path.parts[-3:-1]))
def test_a_config_is_one_of_triton_and_has_what_its_backend_loads(path: Path) -> None:
    config = config_of(path)

    loaded = {"python": "model.py", "vllm": "model.json"}[config.backend]
    assert (path.parent / "1" / loaded).is_file()
    assert config.instance_group[0].count >= 1
    assert config.name == "", "the folder names the model"


def test_there_is_a_vllm_variant_of_each_vision_language_model() -> None:
    assert [path.name for path in VLLM_MODELS] == sorted(path.name for path in (ROOT / "triton/models").iterdir())


@pytest.mark.parametrize("folder", VLLM_MODELS, ids=lambda folder: folder.name)
def test_the_arguments_of_a_vllm_variant_are_those_of_its_engine(folder: Path) -> None:
    arguments = json.loads((folder / "1/model.json").read_text())

    assert {name: type(value) for name, value in arguments.items()}.items() <= ENGINE_ARGUMENTS.items()
    assert arguments["model"] == f"/weights/{folder.name}"
    assert arguments["limit_mm_per_prompt"] == {"image": 1}


@pytest.mark.parametrize("folder", VLLM_MODELS, ids=lambda folder: folder.name)
def test_a_vllm_variant_says_that_it_was_not_run_and_the_page_names_its_container(folder: Path) -> None:
    comment = (folder / "config.pbtxt").read_text()
    page = (ROOT / "triton/README.md").read_text()

    container = re.search(r"tritonserver:(\S+-vllm-python-py3), which has vLLM (\d+\.\d+\.\d+)", comment)

    assert comment.startswith("# NOT RUN")
    assert container is not None
    assert re.search(rf"\| {re.escape(folder.name)} \|.*{container[1]}.*\| {re.escape(container[2])} \|", page)
