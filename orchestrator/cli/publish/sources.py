"""What `justlens publish` reads: one picture, a folder, a CSV or a JSONL, as one body per job."""

from collections.abc import Iterator, Mapping
from pathlib import Path, PurePosixPath
from typing import Any, Literal
from urllib.parse import unquote, urlsplit

import typer

from orchestrator.cli.publish.entries import Entry, encode
from orchestrator.cli.publish.folders import PICTURE_SUFFIXES, folder_entries, look_into, picture_entry
from orchestrator.cli.publish.lists import count_lines, read_csv, read_jsonl
from orchestrator.domain.ids import id_from_name

ListKind = Literal["csv", "jsonl"]
Kind = Literal["url", "picture", "folder"] | ListKind
_LISTS: Mapping[str, ListKind] = {".csv": "csv", ".jsonl": "jsonl", ".ndjson": "jsonl"}


def kind_of(source: str) -> Kind:
    """What ``source`` is. Raises BadParameter when there is no such thing."""
    if not source.strip():
        raise typer.BadParameter("is empty; name a file, folder or URL", param_hint="SOURCE")
    if source == "-":
        return "jsonl"
    if "://" in source:
        return "url"
    path = Path(source)
    try:
        is_folder, is_file = path.is_dir(), path.is_file()
    except OSError as error:
        raise typer.BadParameter(f"{error.strerror}: '{source}'", param_hint="SOURCE") from error
    if is_folder:
        return "folder"
    if not is_file:
        raise typer.BadParameter(f"there is no file, folder or URL '{source}'", param_hint="SOURCE")
    suffix = path.suffix.lower()
    if suffix in PICTURE_SUFFIXES:
        return "picture"
    if suffix not in _LISTS:
        known = ", ".join(sorted(PICTURE_SUFFIXES | _LISTS.keys()))
        raise typer.BadParameter(f"'{source}' ends in none of {known}", param_hint="SOURCE")
    return _LISTS[suffix]


def kind_of_list(file: str) -> ListKind:
    """Which list ``file`` is, JSONL on stdin for ``-``. Raises BadParameter for anything else."""
    if file == "-":
        return "jsonl"
    path = Path(file)
    try:
        problem = _why_no_list(file, path)
    except OSError as error:
        problem = f"{error.strerror}: '{file}'"
    if problem is not None:
        raise typer.BadParameter(problem, param_hint="FILE")
    return _LISTS[path.suffix.lower()]


def _why_no_list(file: str, path: Path) -> str | None:
    if not file.strip():
        return "is empty; name a file"
    if "://" in file:
        return f"'{file}' is a URL; download it and name the file"
    if path.is_dir():
        return f"'{file}' is a folder; name the files in it"
    if not path.is_file():
        return f"there is no file '{file}'"
    return None if path.suffix.lower() in _LISTS else f"'{file}' ends in none of {', '.join(_LISTS)}"


def count_of(source: str, kind: Kind) -> int | None:
    """About how many jobs there are, for a progress bar; None when only reading would tell."""
    if kind in ("url", "picture"):
        return 1
    if kind == "folder":
        return len(look_into(Path(source)).pictures)
    return None if source == "-" else count_lines(Path(source)) - (kind == "csv")


def entries(source: str, kind: Kind, given: Mapping[str, Any], fields: Mapping[str, str]) -> Iterator[Entry]:
    """The jobs in ``source``. ``given`` fills what they leave out; ``fields`` are those a job can have, and
    their JSON types.

    Raises BadParameter for what makes the whole source useless, OSError when it cannot be read.
    """
    match kind:
        case "url":
            name = PurePosixPath(unquote(urlsplit(source).path)).stem
            yield Entry("the URL", encode({"image_id": id_from_name(name), **given, "image_url": source}))
        case "picture":
            yield picture_entry(Path(source), given)
        case "folder":
            yield from folder_entries(Path(source), given)
        case "csv":
            yield from read_csv(Path(source), given, fields)
        case "jsonl":
            yield from read_jsonl(source, given)
