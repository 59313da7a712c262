"""What `justlens publish` reads: one picture, a folder, a CSV or a JSONL, as one body per job."""

import csv
import json
import sys
from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any, Literal
from urllib.parse import unquote, urlsplit

import typer

PICTURE_SUFFIXES = frozenset({".jpg", ".jpeg", ".png", ".webp"})

Kind = Literal["url", "picture", "folder", "csv", "jsonl"]


@dataclass(frozen=True, slots=True)
class Entry:
    """One job as it was read: where (``line 3``, or a file's name), and its body or what is wrong with it."""

    place: str
    body: bytes = b""
    problem: str | None = None


def kind_of(source: str) -> Kind:
    """What ``source`` is. Raises BadParameter when there is no such thing."""
    if source == "-":
        return "jsonl"
    if "://" in source:
        return "url"
    path = Path(source)
    if path.is_dir():
        return "folder"
    if not path.is_file():
        raise typer.BadParameter(f"there is no file, folder or URL '{source}'", param_hint="SOURCE")
    suffix = path.suffix.lower()
    if suffix in PICTURE_SUFFIXES:
        return "picture"
    kinds: dict[str, Kind] = {".csv": "csv", ".jsonl": "jsonl", ".ndjson": "jsonl"}
    if suffix not in kinds:
        known = ", ".join(sorted(PICTURE_SUFFIXES | kinds.keys()))
        raise typer.BadParameter(f"'{source}' ends in none of {known}", param_hint="SOURCE")
    return kinds[suffix]


def count_of(source: str, kind: Kind) -> int | None:
    """About how many jobs there are, for a progress bar; None when only reading would tell."""
    if kind in ("url", "picture"):
        return 1
    if kind == "folder":
        return len(pictures_in(Path(source))[0])
    if source == "-":
        return None
    with Path(source).open("rb") as file:
        return sum(1 for line in file if line.strip()) - (kind == "csv")


def entries(source: str, kind: Kind, given: Mapping[str, Any], fields: frozenset[str]) -> Iterator[Entry]:
    """The jobs in ``source``. ``given`` fills what they leave out; ``fields`` are those a job can have.

    Raises BadParameter for what makes the whole source useless, OSError when it cannot be read.
    """
    match kind:
        case "url":
            yield _picture(source, PurePosixPath(unquote(urlsplit(source).path)).stem, "the URL", given)
        case "picture":
            path = Path(source).resolve()
            yield _picture(path.as_uri(), path.stem, path.name, given)
        case "folder":
            yield from _folder(Path(source), given)
        case "csv":
            yield from _csv(Path(source), given, fields)
        case "jsonl":
            yield from _jsonl(source, given)


def pictures_in(folder: Path) -> tuple[list[Path], int]:
    """The pictures of a folder in order of their names, and how many other files there are that are not hidden."""
    files = sorted(path for path in folder.iterdir() if path.is_file() and not path.name.startswith("."))
    pictures = [path for path in files if path.suffix.lower() in PICTURE_SUFFIXES]
    return pictures, len(files) - len(pictures)


def _picture(url: str, image_id: str, place: str, given: Mapping[str, Any]) -> Entry:
    return Entry(place, _encode({"image_id": image_id, **given, "image_url": url}))


def _folder(folder: Path, given: Mapping[str, Any]) -> Iterator[Entry]:
    names: dict[str, str] = {}
    for path in pictures_in(folder)[0]:
        first = names.setdefault(path.stem.lower(), path.name)
        if first != path.name:
            yield Entry(path.name, problem=f"image_id: would be that of {first} too; rename one of them")
        else:
            yield _picture(path.resolve().as_uri(), path.stem, path.name, given)


def _csv(path: Path, given: Mapping[str, Any], fields: frozenset[str]) -> Iterator[Entry]:
    # What is no UTF-8 comes out as lone surrogates, which the row's check finds: one bad row must not hide the others.
    with path.open(newline="", encoding="utf-8-sig", errors="surrogateescape") as file:
        reader = csv.DictReader(file, skipinitialspace=True)
        _check_header(path, reader.fieldnames, fields)
        while True:
            try:
                row = next(reader)
            except StopIteration:
                return
            except csv.Error as error:
                yield Entry(f"line {reader.line_num}", problem=f"the row cannot be read: {error}")
            else:
                yield _row(f"line {reader.line_num}", row, given)


def _check_header(path: Path, header: Any, fields: frozenset[str]) -> None:
    names = [str(name).strip() for name in header or ()]
    unknown = [name for name in names if name not in fields]
    twice = sorted({name for name in names if names.count(name) > 1})
    problems = [f"'{name}' is not a field of this job" for name in unknown] + [
        f"'{name}' is there twice" for name in twice
    ]
    if not names or problems:
        what = "; ".join(problems) or "there is no header"
        raise typer.BadParameter(f"{path}: {what}; known fields: {', '.join(sorted(fields))}", param_hint="SOURCE")


def _row(place: str, row: Mapping[Any, Any], given: Mapping[str, Any]) -> Entry:
    if None in row:
        return Entry(place, problem="has more cells than the header; quote cells that hold commas")
    cells = {str(name).strip(): (value or "").strip() for name, value in row.items()}
    filled: dict[str, Any] = {**given, **{name: value for name, value in cells.items() if value}}
    if isinstance(filled.get("served_urls"), str):
        filled["served_urls"] = filled["served_urls"].split()
    try:
        return Entry(place, _encode(filled))
    except UnicodeEncodeError:
        return Entry(place, problem="is not UTF-8")


def _jsonl(source: str, given: Mapping[str, Any]) -> Iterator[Entry]:
    with ExitStack() as stack:
        file = sys.stdin.buffer if source == "-" else stack.enter_context(Path(source).open("rb"))
        for number, line in enumerate(file, start=1):
            if line.strip():
                yield Entry(f"line {number}", _filled(line.strip(), given))


def _filled(line: bytes, given: Mapping[str, Any]) -> bytes:
    """The body with ``given`` for what it leaves out; what is no object stays as it is, to be refused as that."""
    if not given:
        return line
    try:
        document = json.loads(line)
    except ValueError:
        return line
    return _encode({**given, **document}) if isinstance(document, dict) else line


def _encode(fields: Mapping[str, Any]) -> bytes:
    return json.dumps(fields, ensure_ascii=False).encode()
