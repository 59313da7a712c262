"""Paths as people write them, in settings and on the command line."""

from pathlib import Path


def read_path(text: str | Path) -> Path:
    """The path, with a home folder for its ``~``.

    Raises ValueError for an empty one, which Python would take for the folder one is in, and for a home of nobody.
    """
    if not str(text).strip():
        raise ValueError("is empty; give a path, or leave it out")
    try:
        return Path(text).expanduser()
    except RuntimeError as error:
        raise ValueError(f"{error} ({text}); write the whole path") from error
