"""The files of a small CLIP: open_clip and onnxruntime read the same numbers from them and make the same vectors."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import open_clip
import pytest
import torch

from workers.clip.builtin import source_in
from workers.clip.onnx_model import OnnxTowers
from workers.training.clip.export import both_towers, difference, write_graphs, write_weights
from workers.training.clip.graph import places
from workers.training.clip.model import CONTEXT, MODEL, new_model, write_config
from workers.training.clip.tokenizer import learn_tokenizer, save_tokenizer
from workers.training.clip.vocabulary import vocabulary_captions, world_vocabulary

SMALL = {
    **MODEL,
    "embed_dim": 24,
    "vision_cfg": {"image_size": 48, "patch_size": 16, "width": 32, "layers": 2, "head_width": 16},
    "text_cfg": {**MODEL["text_cfg"], "vocab_size": 500, "width": 48, "heads": 3, "layers": 2},
}
PREPROCESS = {
    "size": 48,
    "mode": "RGB",
    "mean": [0.5, 0.4, 0.3],
    "std": [0.5, 0.6, 0.7],
    "interpolation": "bicubic",
    "resize_mode": "squash",
}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("exported")
    save_tokenizer(learn_tokenizer(vocabulary_captions(world_vocabulary()), 500), path)
    write_weights(path, new_model(3, SMALL).state_dict())
    write_config(path, SMALL, PREPROCESS)
    write_graphs(path)
    return path


def test_both_ways_of_loading_give_the_same_vectors_in_one_space(folder: Path) -> None:
    onnx, torch_ = both_towers(folder)
    assert difference(onnx, torch_) < 1e-5
    assert (onnx.space, onnx.weights, onnx.dimension, onnx.framing) == (
        torch_.space,
        torch_.weights,
        torch_.dimension,
        torch_.framing,
    )
    assert onnx.scale == pytest.approx(torch_.scale, abs=1e-6)


def test_the_folder_is_one_that_open_clip_opens_itself(folder: Path) -> None:
    texts = ["a bakery", "naïve  café, 東京", "", "a long caption " * 60]
    model = open_clip.create_model(f"local-dir:{folder}", require_pretrained=True).eval()
    tokenize = open_clip.get_tokenizer(f"local-dir:{folder}")
    with torch.inference_mode():
        expected = model.encode_text(tokenize(texts), normalize=True).numpy()
    assert np.allclose(OnnxTowers(source_in(folder), threads=1).encode_texts(texts), expected, atol=1e-5)
    assert tokenize(texts).shape == (4, CONTEXT)


def test_the_graphs_hold_no_numbers_of_their_own(folder: Path) -> None:
    weights = (folder / "model.safetensors").stat().st_size
    assert (folder / "image.onnx").stat().st_size < weights and places(folder / "model.safetensors")
    source = source_in(folder)
    text = folder / "model.safetensors"
    whole = text.read_bytes()
    before = OnnxTowers(source, threads=1).encode_texts(["a bakery"])
    start = places(text)["text.text_projection"].start
    try:
        text.write_bytes(whole[:start] + np.ones(24 * 48, "<f2").tobytes() + whole[start + 2 * 24 * 48 :])
        assert not np.allclose(OnnxTowers(source, threads=1).encode_texts(["a bakery"]), before, atol=1e-2)
    finally:
        text.write_bytes(whole)


def test_a_batch_gets_what_each_gets_alone(folder: Path) -> None:
    towers = OnnxTowers(source_in(folder), threads=1)
    texts = ["a bakery", "a much longer caption with many more words in it", "x"]
    together = towers.encode_texts(texts)
    assert np.allclose(together, np.concatenate([towers.encode_texts([text]) for text in texts]), atol=1e-6)
    chance = np.random.default_rng(1)
    pictures = [chance.integers(0, 256, 48 * 48 * 3, np.uint8).tobytes() for _ in range(3)]
    alone = np.concatenate([towers.encode_images([one]) for one in pictures])
    assert np.allclose(towers.encode_images(pictures), alone, atol=1e-6)
    assert towers.encode_texts([]).shape == (0, 24)


def test_weights_of_other_precision_are_refused(folder: Path, tmp_path: Path) -> None:
    from safetensors.torch import save_file

    save_file({"a": torch.ones(2), "b": torch.ones(2).half()}, tmp_path / "w.safetensors")
    with pytest.raises(ValueError, match="not of 16 bits: a"):
        places(tmp_path / "w.safetensors")


def test_serving_needs_no_torch(folder: Path) -> None:
    script = (
        "import sys\nfrom pathlib import Path\n"
        "from workers.clip.builtin import source_in\nfrom workers.clip.onnx_model import OnnxTowers\n"
        "from workers.clip.zero_shot_clip import ZeroShotClip\n"
        "import workers.clip.command\n"
        f"towers = OnnxTowers(source_in(Path({str(folder)!r})), threads=1)\n"
        "assert towers.encode_texts(['a bakery']).shape == (1, 24)\n"
        "assert towers.encode_images([bytes(48 * 48 * 3)]).shape == (1, 24)\n"
        "sys.exit(3 if {'torch', 'open_clip', 'transformers'} & set(sys.modules) else 0)\n"
    )
    done = subprocess.run([sys.executable, "-c", script], check=False, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
