"""The folder of the built-in model, handed out only when every file in it is the one that was released."""

from pathlib import Path

from workers.builtin import FOLDER, pinned

NAME = "tiny-llava"
_FOLDER = FOLDER / "vlm"
_FILES = (
    "model.safetensors",
    "config.json",
    "generation_config.json",
    "tokenizer.json",
    "tokenizer_config.json",
    "processor_config.json",
    "chat_template.jinja",
)
"""All that is read of it."""


def builtin_folder() -> Path:
    """Raises ValueError when a file is missing or another one, or when there are files that nobody knows of."""
    for name in _FILES:
        pinned(f"{_FOLDER.name}/{name}")
    unknown = sorted({path.name for path in _FOLDER.iterdir() if path.is_file()} - {*_FILES, "card.md"})
    if unknown:
        raise ValueError(f"{_FOLDER} holds files that were not released with it: {', '.join(unknown)}")
    return _FOLDER
