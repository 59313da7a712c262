"""Lists of jobs as spreadsheets and programs write them: CSV and JSONL, whatever their encoding and separator."""

import csv
import io
import json
import sys
from codecs import BOM_UTF16_BE, BOM_UTF16_LE
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any, cast

import typer
from pydantic import TypeAdapter, ValidationError

from orchestrator.cli.publish.entries import Entry, encode
from orchestrator.domain.bodies import why_not_utf8

_SEPARATORS = ",;\t|"
_SAVE_AS = "save the list as CSV UTF-8"
_READERS: Mapping[str, TypeAdapter[Any]] = {
    "boolean": TypeAdapter(bool),
    "integer": TypeAdapter(int),
    "number": TypeAdapter(float),
}


def read_csv(path: Path, given: Mapping[str, Any], fields: Mapping[str, str]) -> Iterator[Entry]:
    """The rows of a CSV whose header names ``fields``; separated by commas, semicolons, tabs or bars.

    All its cells are text: ``fields`` says what JSON type each has.

    Raises BadParameter for a header that makes no job.
    """
    with _opened(path, newline="") as file:
        header = file.readline()
        separator = _separator_of(header, fields)
        names = next(csv.reader([header], delimiter=separator, skipinitialspace=True), [])
        _check_header(path, names, fields)
        reader = csv.DictReader(file, names, delimiter=separator, skipinitialspace=True)
        while True:
            try:
                row = next(reader)
            except StopIteration:
                return
            except csv.Error as error:
                yield Entry(f"line {reader.line_num + 1}", problem=f"the row cannot be read: {error}")
            else:
                yield _row(f"line {reader.line_num + 1}", row, given, fields)


def read_jsonl(source: str, given: Mapping[str, Any]) -> Iterator[Entry]:
    """The lines of a JSONL, from stdin if ``source`` is ``-``. What is no job is left to be refused as that."""
    with _opened(None if source == "-" else Path(source)) as file:
        for number, line in enumerate(file, start=1):
            if line.strip():
                yield Entry(f"line {number}", _filled(line.strip().encode("utf-8", "surrogateescape"), given))


def count_lines(path: Path) -> int:
    """How many lines hold anything."""
    with _opened(path) as file:
        return sum(1 for line in file if line.strip())


@contextmanager
def _opened(path: Path | None, newline: str = "\n") -> Iterator[IO[str]]:
    """The text of a file, or of stdin, in UTF-8 or UTF-16 with a byte order mark.

    What is no UTF-8 comes out as lone surrogates, which the check of its row finds: one must not hide the others.
    """
    binary = cast(io.BufferedReader, sys.stdin.buffer) if path is None else path.open("rb")
    is_utf16 = binary.peek(2)[:2] in (BOM_UTF16_LE, BOM_UTF16_BE)
    encoding, errors = ("utf-16", "replace") if is_utf16 else ("utf-8-sig", "surrogateescape")
    text = io.TextIOWrapper(binary, encoding=encoding, errors=errors, newline=newline)
    try:
        yield text
    finally:
        text.detach()  # or stdin would be closed with it
        if path is not None:
            binary.close()


def _separator_of(header: str, fields: Mapping[str, str]) -> str:
    """The separator that makes most fields of the header known ones; a comma when none does."""

    def known(separator: str) -> int:
        return sum(name.strip(' "\r\n') in fields for name in header.split(separator))

    return max(_SEPARATORS, key=known)


def _check_header(path: Path, header: Sequence[str], fields: Mapping[str, str]) -> None:
    names = [name.strip() for name in header]
    unknown = [
        f"'{name.encode('utf-8', 'backslashreplace').decode()}' is not a field here"
        for name in names
        if name not in fields
    ]
    twice = [f"'{name}' is there twice" for name in sorted({name for name in names if names.count(name) > 1})]
    if not any(names):
        what = "there is no header"
    elif any("\0" in name for name in names):
        what = f"it looks like UTF-16 without a byte order mark; {_SAVE_AS}"
    elif unknown or twice:
        what = "; ".join((*unknown, *twice))
    else:
        return
    raise typer.BadParameter(f"{path}: {what}; known fields: {', '.join(sorted(fields))}")


def _row(place: str, row: Mapping[Any, Any], given: Mapping[str, Any], fields: Mapping[str, str]) -> Entry:
    if None in row:
        return Entry(place, problem="has more cells than the header; quote cells that hold the separator")
    cells = {str(name).strip(): (value or "").strip() for name, value in row.items()}
    filled: dict[str, Any] = {**given, **{name: _typed(value, fields[name]) for name, value in cells.items() if value}}
    if isinstance(filled.get("served_urls"), str):
        filled["served_urls"] = filled["served_urls"].split()
    try:
        return Entry(place, encode(filled))
    except UnicodeEncodeError:
        return Entry(place, problem=f"{_why_undecodable(cells)}; {_SAVE_AS}")


def _typed(cell: str, kind: str) -> Any:
    """The cell as JSON has it; what makes no such value stays text, to be refused with its field's name."""
    try:
        return _READERS[kind].validate_python(cell) if kind in _READERS else cell
    except ValidationError:
        return cell


def _why_undecodable(cells: Mapping[str, str]) -> str:
    for name, value in cells.items():
        try:
            value.encode("utf-8", "surrogateescape").decode()
        except UnicodeDecodeError as error:
            return f"{name}: {why_not_utf8(error)}"
    return "is not UTF-8"


def _filled(line: bytes, given: Mapping[str, Any]) -> bytes:
    """The body with ``given`` for what it leaves out; what is no object stays as it is, to be refused as that."""
    if not given:
        return line
    try:
        document = json.loads(line)
    except (ValueError, RecursionError):
        return line
    return encode({**given, **document}) if isinstance(document, dict) else line
