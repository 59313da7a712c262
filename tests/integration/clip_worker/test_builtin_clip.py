"""The built-in CLIP: that it is the one that was released, serves without torch, and knows the demo world."""

import json
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import aiohttp
import numpy as np
import pytest

from tests.kit.vector_client import VectorClient
from tests.kit.worker import Worker
from workers import builtin
from workers.clip.builtin import FILES, VOCABULARY
from workers.clip.vocabulary import read_vocabulary
from workers.training.clip.vocabulary import class_of, world_vocabulary
from workers.training.world.catalogue import NONE
from workers.training.world.scene import jpeg, scene
from workers.training.world.truth import Scene, Split
from workers.wire import READY_PATH

COUNT = 60
KINDS_NAMED, CLASSES_RIGHT, FOUND_IN_5 = 0.4, 0.95, 0.95
"""A little below what the model card says, for so few pictures."""


@pytest.fixture(scope="module")
def builtin_worker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Worker]:
    folder = tmp_path_factory.mktemp("builtin")
    with Worker(folder, "--model", "builtin", "--decoders", "1", "--threads", "1", family="clip") as worker:
        yield worker


@pytest.fixture
async def knowing(builtin_worker: Worker, session: aiohttp.ClientSession) -> VectorClient:
    client = VectorClient(session, builtin_worker.url)
    await client.until(READY_PATH, 200)
    return client


@pytest.fixture(scope="module")
def held_out() -> list[Scene]:
    return [scene(Split.HELD_OUT, index) for index in range(2000, 2000 + COUNT)]


async def test_held_out_pictures_are_tagged_classed_and_found_by_their_caption(
    knowing: VectorClient, held_out: list[Scene]
) -> None:
    replies = [await knowing.tagged(jpeg(one)) for one in held_out]
    both = [(reply, one.truth) for (reply, _), one in zip(replies, held_out, strict=True)]
    named = [truth.category in dict(reply.tags) for reply, truth in both if truth.category != NONE]
    assert np.mean(named) >= KINDS_NAMED
    classes = [reply.image_class == class_of(truth) for reply, truth in both]
    assert np.mean(classes) >= CLASSES_RIGHT
    _, captions = await knowing.encode(*(one.truth.caption for one in held_out))
    similar = captions @ np.array([vector for _, vector in replies]).T
    found = (similar >= np.diagonal(similar)[:, np.newaxis]).sum(axis=1) <= 5
    assert np.mean(found) >= FOUND_IN_5


async def test_a_screenshot_is_flagged_and_not_to_be_shown(knowing: VectorClient) -> None:
    numbers = (index for index in range(2000, 4000) if "screenshot" in scene(Split.HELD_OUT, index).truth.defects)
    shown = [scene(Split.HELD_OUT, next(numbers)) for _ in range(5)]
    replies = [(await knowing.tagged(jpeg(one)))[0] for one in shown]
    assert sum("screenshot" in reply.flags for reply in replies) >= 4
    assert sum(not reply.class_valid for reply in replies) >= 4


async def test_the_worker_says_which_weights_it_serves(knowing: VectorClient) -> None:
    digest = json.loads(builtin.PINS.read_text())["clip/model.safetensors"]
    card = await knowing.handshake()
    assert (card.model, card.weights) == ("justlens-clip", digest)
    assert card.space == f"clip/justlens-clip@{digest[:8]}"


def test_serving_the_built_in_weights_needs_no_torch() -> None:
    script = (
        "import sys\nfrom workers.clip.builtin import load_builtin\n"
        "from workers.clip.preprocessing import PreprocessedImage\n"
        "model = load_builtin(1)\nside = model.framing.side\n"
        "print(model.embed_and_classify([PreprocessedImage(None, bytes(side * side * 3))])[0].judgement.image_class)\n"
        "sys.exit(3 if {'torch', 'open_clip', 'transformers', 'torchvision'} & set(sys.modules) else 0)\n"
    )
    done = subprocess.run([sys.executable, "-c", script], check=False, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0 and done.stdout.strip() in read_vocabulary(VOCABULARY).classes, done.stderr


def test_weights_that_were_tampered_with_are_not_loaded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    shutil.copytree(builtin.FOLDER / "clip", tmp_path / "clip")
    monkeypatch.setattr(builtin, "FOLDER", tmp_path)
    assert all(builtin.pinned(f"clip/{name}").is_file() for name in FILES)
    weights = tmp_path / "clip" / "model.safetensors"
    changed = bytearray(weights.read_bytes())
    changed[-1] ^= 1
    weights.write_bytes(changed)
    with pytest.raises(ValueError, match="not the file that was released"):
        builtin.pinned("clip/model.safetensors")


def test_the_model_is_small_and_its_vocabulary_has_the_words_it_learnt() -> None:
    folder = builtin.FOLDER / "clip"
    assert sum(file.stat().st_size for file in folder.iterdir()) <= 8e6
    learnt, written = world_vocabulary(), read_vocabulary(VOCABULARY)
    assert {name: group.tags for name, group in written.groups.items()} == {
        name: group.tags for name, group in learnt.groups.items()
    }
    assert written.classes == learnt.classes and written.quality == learnt.quality
    assert {name: (one.present, one.absent) for name, one in written.flags.items()} == {
        name: (one.present, one.absent) for name, one in learnt.flags.items()
    }
