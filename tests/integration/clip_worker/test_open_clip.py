"""The clip worker with a real model of open_clip, small and untrained: what it loads, and what it refuses to load."""

import asyncio
import hashlib
import io
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from orchestrator.clients.workers.clip import ClipClient
from orchestrator.domain.errors import Unavailable
from tests.kit.image_files import encoded, picture
from tests.kit.vector_client import VectorClient, pool_over
from tests.kit.worker_client import photo
from workers.clip import open_clip_model
from workers.clip.folder import framing_of
from workers.clip.open_clip_model import OpenClipSource, OpenClipTowers
from workers.clip.preprocessing import Framing
from workers.clip.vocabulary import BUILT_IN, read_vocabulary


async def test_vectors_are_those_that_open_clip_makes_itself(
    seeing: VectorClient, tiny_config: Path, tiny_weights: Path
) -> None:
    import open_clip

    open_clip.add_model_config(tiny_config)
    model, preprocess = open_clip.create_model_from_pretrained("tiny", pretrained=str(tiny_weights))
    captions = ["a shop", "a long caption " * 100, ""]
    for name in ("chelsea.png", "coffee.png"):
        with torch.inference_mode():
            square = preprocess(Image.open(io.BytesIO(photo(name)))).unsqueeze(0)
            expected = model.eval().encode_image(square, normalize=True)[0].numpy()
        assert (await seeing.tagged(photo(name)))[1] @ expected > 0.999  # it may be seen in bfloat16
    with torch.inference_mode():
        expected = model.encode_text(open_clip.get_tokenizer("tiny")(captions), normalize=True).numpy()
    assert np.allclose((await seeing.encode(*captions))[1], expected, atol=1e-4)


async def test_the_space_is_named_after_the_weights(seeing: VectorClient, tiny_weights: Path) -> None:
    digest = hashlib.sha256(tiny_weights.read_bytes()).hexdigest()
    card = await seeing.handshake()
    assert (card.model, card.weights, card.space) == ("tiny", digest, f"clip/tiny@{digest[:8]}")
    reply, vector = await seeing.tagged(photo())
    assert (reply.model, reply.space, reply.dimension, vector.shape) == ("tiny", card.space, 32, (32,))
    assert (await seeing.encode("x"))[0].space == card.space


async def test_a_judgement_comes_from_the_vocabulary(seeing: VectorClient) -> None:
    vocabulary = read_vocabulary(BUILT_IN)
    reply, _ = await seeing.tagged(photo())
    assert {name for name, _ in reply.tags} <= set(vocabulary.tags) and len(reply.tags) <= vocabulary.most_tags
    assert [score for _, score in reply.tags] == sorted((score for _, score in reply.tags), reverse=True)
    assert reply.class_valid == vocabulary.classes[reply.image_class].showable and 0 <= reply.quality <= 1


async def test_a_batch_says_what_each_would_be_told_alone(seeing: VectorClient) -> None:
    bodies = [photo(), photo("coffee.png"), encoded(picture("RGBA"), "PNG"), encoded(picture("L"), "PNG")]
    alone = [await seeing.tagged(body) for body in bodies]
    *together, broken = await asyncio.gather(*(seeing.tag(body) for body in bodies), seeing.tag(b"\xff\xd8\xff"))
    assert broken[0] == 422
    for (_, expected), (_, _, vector) in zip(alone, together, strict=True):
        assert np.allclose(vector, expected, atol=1e-4)


async def test_a_pool_of_two_spaces_is_not_used_for_texts(seeing: VectorClient, client: VectorClient) -> None:
    async with pool_over("clip", [seeing.url, client.url]) as pool:
        with pytest.raises(Unavailable, match=r"different spaces: clip/dummy-1, clip/tiny@\w{8}; run one model"):
            await ClipClient(pool).space()


async def test_without_an_endpoint_in_use_the_space_is_unknown() -> None:
    async with pool_over("clip", []) as pool:
        with pytest.raises(Unavailable, match="the pool is empty"):
            await ClipClient(pool).space()


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--model", "open_clip"], "without weights its answers would be random"),
        (["--model", "open_clip", "--weights", "w.safetensors", "--pretrained", "openai"], "either --weights or"),
        (["--model", "open_clip", "--weights", "missing.safetensors"], "missing.safetensors: no such file"),
        (["--model", "open_clip", "--weights", "weights.npz"], "--weights must be one of"),
        (["--model-name", "ViT-L-14"], "--model-name needs --model open_clip"),
        (["--model-nam", "ViT-L-14"], "unrecognized arguments"),
        (["--weights", "w.safetensors"], "--weights needs --model open_clip"),
        (["--weights-sha256", "0" * 64], "--weights-sha256 needs --model open_clip"),
        (
            ["--model", "open_clip", "--pretrained", "openai", "--weights-sha256", "0"],
            "--weights-sha256 needs --weights",
        ),
    ],
)
def test_a_command_line_that_makes_no_sense_is_refused_at_once(arguments: list[str], said: str) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "workers.clip", "--port", "0", *arguments],
        check=False,
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.returncode == 2 and said in done.stderr and not done.stdout


def test_weights_of_another_architecture_are_not_taken(tmp_path: Path, tiny_config: Path, tiny_weights: Path) -> None:
    other = tmp_path / "other.json"
    other.write_text(tiny_config.read_text().replace('"layers": 2', '"layers": 3'))
    with pytest.raises(RuntimeError, match="Missing key"):
        OpenClipTowers(OpenClipSource("other", tiny_weights, None, other), device="cpu", threads=None)


def test_pictures_are_seen_in_bfloat16_only_where_they_look_the_same(
    tiny_config: Path, tiny_weights: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def rows(precision: str) -> np.ndarray:
        source = OpenClipSource("tiny", tiny_weights, None, tiny_config)
        towers = OpenClipTowers(source, device="cpu", threads=1, precision=precision)
        return towers.encode_images([bytes(range(256)) * 48])

    monkeypatch.setattr(open_clip_model, "fast_bfloat16", lambda device: True)
    exact, quick = rows("float32"), rows("auto")
    assert not np.array_equal(quick, exact) and (quick * exact).sum() > 0.999
    monkeypatch.setattr(open_clip_model, "_AGREES", 1.1)
    assert np.array_equal(rows("auto"), exact)


def test_preprocessing_that_cannot_be_followed_is_refused() -> None:
    known = {"size": (64, 64), "resize_mode": "shortest", "interpolation": "bicubic"}
    assert framing_of(known) == Framing(64, "crop", "bicubic")
    assert framing_of({**known, "size": 64, "resize_mode": "squash"}) == Framing(64, "squash", "bicubic")
    for wrong in ({"size": (64, 32)}, {"resize_mode": "longest"}, {"interpolation": "random"}):
        with pytest.raises(RuntimeError, match="preprocessing is not supported"):
            framing_of({**known, **wrong})


def test_help_needs_no_torch() -> None:
    for family in ("clip", "text"):
        script = (
            "import sys, runpy\n"
            f"sys.argv = ['x', '--help']\n"
            "try:\n"
            f"    runpy.run_module('workers.{family}', run_name='__main__')\n"
            "except SystemExit as end:\n"
            "    assert end.code == 0\n"
            "sys.exit('torch' in sys.modules)\n"
        )
        done = subprocess.run([sys.executable, "-c", script], check=False, capture_output=True, text=True, timeout=60)
        assert done.returncode == 0 and "--threads" in done.stdout, done.stderr
