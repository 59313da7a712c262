"""Clip workers in processes of their own, which no test changes, and their clients."""

import json
from collections.abc import Iterator
from pathlib import Path

import aiohttp
import pytest

from tests.kit.vector_client import VectorClient
from tests.kit.worker import Worker
from workers.wire import READY_PATH

TINY = {
    "embed_dim": 32,
    "vision_cfg": {"image_size": 64, "layers": 2, "width": 64, "patch_size": 16, "head_width": 32},
    "text_cfg": {"context_length": 77, "vocab_size": 49408, "width": 32, "heads": 2, "layers": 2},
}


@pytest.fixture(scope="package")
def dummy_worker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Worker]:
    with Worker(tmp_path_factory.mktemp("dummy"), "--decoders", "2", family="clip") as worker:
        yield worker


@pytest.fixture
async def client(dummy_worker: Worker, session: aiohttp.ClientSession) -> VectorClient:
    client = VectorClient(session, dummy_worker.url)
    await client.until(READY_PATH, 200)
    return client


@pytest.fixture(scope="package")
def tiny_config(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An architecture of open_clip's that is small enough to be made here."""
    path = tmp_path_factory.mktemp("architecture") / "tiny.json"
    path.write_text(json.dumps(TINY))
    return path


@pytest.fixture(scope="package")
def tiny_weights(tiny_config: Path) -> Path:
    """Weights for it: random, but the same ones every time."""
    import open_clip
    import torch
    from safetensors.torch import save_file

    torch.manual_seed(7)
    open_clip.add_model_config(tiny_config)
    path = tiny_config.with_name("tiny.safetensors")
    save_file(open_clip.create_model("tiny").state_dict(), path)
    return path


@pytest.fixture(scope="package")
def open_clip_worker(
    tiny_config: Path, tiny_weights: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Worker]:
    arguments = ("--model", "open_clip", "--model-config", str(tiny_config), "--weights", str(tiny_weights))
    folder = tmp_path_factory.mktemp("open_clip")
    with Worker(folder, *arguments, "--decoders", "1", "--device", "cpu", family="clip") as worker:
        yield worker


@pytest.fixture
async def seeing(open_clip_worker: Worker, session: aiohttp.ClientSession) -> VectorClient:
    client = VectorClient(session, open_clip_worker.url)
    await client.until(READY_PATH, 200)
    return client
