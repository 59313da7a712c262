"""The built-in sentence model, in onnxruntime."""

from workers.builtin import pinned
from workers.text.folder import BUILT_IN_NAME
from workers.text.onnx_sentences import OnnxSentences


def load_builtin(threads: int | None) -> OnnxSentences:
    """Raises ValueError when a file is not the one that was released."""
    graph, tokenizer = pinned("minilm/model.onnx"), pinned("minilm/tokenizer.json")
    return OnnxSentences(BUILT_IN_NAME, graph, tokenizer, threads=threads)
