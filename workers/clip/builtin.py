"""The built-in CLIP, in onnxruntime."""

from pathlib import Path

from workers.builtin import FOLDER, pinned
from workers.clip.folder import BUILT_IN_NAME, CONFIG_NAME, IMAGE_NAME, TEXT_NAME, TOKENIZER_NAME, WEIGHTS_NAME
from workers.clip.onnx_model import OnnxSource, OnnxTowers
from workers.clip.probing import check_towers
from workers.clip.vocabulary import read_vocabulary
from workers.clip.zero_shot_clip import ZeroShotClip

VOCABULARY = FOLDER / "clip" / "vocabulary.yaml"
"""The words that these weights learnt."""
FILES = (WEIGHTS_NAME, IMAGE_NAME, TEXT_NAME, CONFIG_NAME, TOKENIZER_NAME)


def source_in(folder: Path) -> OnnxSource:
    """The files of the model in ``folder``."""
    weights, image, text, config, tokenizer = (folder / name for name in FILES)
    return OnnxSource(BUILT_IN_NAME, image, text, weights, config, tokenizer)


def builtin_towers(threads: int | None) -> OnnxTowers:
    """Raises ValueError when a file is not the one that was released."""
    folders = {pinned(f"clip/{name}").parent for name in FILES}
    return OnnxTowers(source_in(folders.pop()), threads=threads)


def load_builtin(threads: int | None, vocabulary: Path | None = None) -> ZeroShotClip:
    """With its own vocabulary unless another is given. Raises ValueError when a file is not the one that was released,
    or the vocabulary is none."""
    towers = builtin_towers(threads)
    check_towers(towers)
    return ZeroShotClip(towers, read_vocabulary(vocabulary or VOCABULARY))
