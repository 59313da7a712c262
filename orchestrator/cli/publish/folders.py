"""Files on this disk as jobs: one picture, or all pictures of a folder."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from orchestrator.cli.publish.entries import Entry, encode
from orchestrator.domain.ids import id_from_name

PICTURE_SUFFIXES = frozenset(
    {".jpg", ".jpeg", ".jpe", ".jfif", ".png", ".webp", ".heic", ".heif", ".avif"}
)  # what the workers decode


@dataclass(frozen=True, slots=True)
class FolderContent:
    """The pictures of a folder in the order of their names, and how many files and folders in it are none.

    Hidden files are not counted: programs put them there, not people.
    """

    pictures: tuple[Path, ...]
    other_files: int
    folders: int


def look_into(folder: Path) -> FolderContent:
    """What a folder holds. Raises OSError when it cannot be read."""
    seen = sorted(path for path in folder.iterdir() if not path.name.startswith("."))
    folders = sum(path.is_dir() for path in seen)
    pictures = tuple(path for path in seen if path.is_file() and path.suffix.lower() in PICTURE_SUFFIXES)
    return FolderContent(pictures, len(seen) - folders - len(pictures), folders)


def folder_entries(folder: Path, given: Mapping[str, Any]) -> Iterator[Entry]:
    """One job per picture, its image_id made of the file's name; a name whose id is taken already is refused."""
    names: dict[str, str] = {}
    for path in look_into(folder).pictures:
        image_id = id_from_name(path.stem)
        if has_odd_name(Path(path.name)) or names.setdefault(image_id, path.name) == path.name:
            yield picture_entry(path, given)
        else:
            problem = f"image_id: would be '{image_id}', that of {names[image_id]} too; rename one of them"
            yield Entry(path.name, problem=problem)


def picture_entry(path: Path, given: Mapping[str, Any]) -> Entry:
    """The job of one picture file, with the id of its name if none is ``given``."""
    place, real = printable_name(path), path.resolve()
    if has_odd_name(Path(path.name)):
        return Entry(place, problem="the file's name is not UTF-8; rename it")
    if has_odd_name(real):
        return Entry(place, problem=f"the folder's name is not UTF-8: {printable_name(real.parent)}; rename it")
    return Entry(place, encode({"image_id": id_from_name(path.stem), **given, "image_url": real.as_uri()}))


def has_odd_name(path: Path) -> bool:
    """Whether any part of the path is no UTF-8, as names from older systems are."""
    try:
        str(path).encode()
    except UnicodeEncodeError:
        return True
    return False


def printable_name(path: Path) -> str:
    """The name with backslash escapes for its bytes that are no UTF-8."""
    return path.name.encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")
