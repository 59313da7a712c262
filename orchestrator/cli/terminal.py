"""What people and programs see: tables for the ones, one JSON document for the others."""

import json
import os
import sys
from collections.abc import Sequence
from typing import Annotated, Any, TextIO

import typer
from rich import box
from rich.cells import cell_len
from rich.console import Console, JustifyMethod
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from rich.table import Table
from rich.text import Text

WIDE = 100
"""From so many cells on tables have all their columns; below, what matters least stands in a line of its own."""
PIPE_WIDTH = 180
"""How wide tables are in a pipe, unless COLUMNS says."""

AsJson = Annotated[bool, typer.Option("--json", help="One JSON document on stdout, and nothing else there.")]


def stdout() -> Console:
    """The console on stdout; in a pipe it is wide, so that nothing is cut off, or as wide as COLUMNS says."""
    return Console(highlight=False, width=_width(sys.stdout))


def stderr() -> Console:
    """The console on stderr."""
    return Console(stderr=True, highlight=False, width=_width(sys.stderr))


def _width(stream: TextIO) -> int | None:
    """None lets the console ask COLUMNS and the terminal."""
    return None if stream.isatty() or os.environ.get("COLUMNS", "").isdigit() else PIPE_WIDTH


def say(text: str) -> None:
    """One line on stderr for people: neither markup nor control characters are obeyed, nothing is wrapped."""
    stderr().print(plain(text), soft_wrap=True)


def tell(text: str) -> None:
    """One line on stdout for people, wrapped between words on a terminal and not at all in a pipe."""
    console = stdout()
    console.print(plain(text), soft_wrap=not console.is_terminal)


def plain(value: object, style: str = "") -> Text:
    """Text from outside as it may be shown: what is not printable would reach the terminal as a command."""
    return Text("".join(c if c.isprintable() else " " if c.isspace() else "?" for c in str(value)), style=style)


def shorten(text: str, cells: int) -> str:
    """``text`` in at most so many cells of a terminal, with an ellipsis in its middle: ids differ at their ends."""
    if cell_len(text) <= cells:
        return text
    head, tail = text[: len(text) // 2], text[len(text) // 2 :]
    while cell_len(head) + cell_len(tail) >= cells:
        if cell_len(head) >= cell_len(tail):
            head = head[:-1]
        else:
            tail = tail[1:]
    return f"{head}…{tail}"


def print_json(value: Any) -> None:
    """``value`` as the one document on stdout."""
    sys.stdout.write(json.dumps(value, indent=2, default=str) + "\n")


def table(title: str, columns: Sequence[str], *, numbers: Sequence[str] = ()) -> Table:
    """An empty table; the columns in ``numbers`` are set to the right, long words go on in the next line."""
    made = Table(
        title=title,
        title_justify="left",
        title_style="bold",
        box=box.SIMPLE_HEAD,
        pad_edge=False,
        collapse_padding=True,
    )
    for column in columns:
        justify: JustifyMethod = "right" if column in numbers else "left"
        made.add_column(column, justify=justify, no_wrap=column in numbers, overflow="fold")
    return made


def progress(doing: str, *, shown: bool) -> Progress:
    """A progress bar on stderr, if that is a terminal and ``shown`` asks for it."""
    return Progress(
        TextColumn(doing),
        BarColumn(),
        MofNCompleteColumn(),
        TimeRemainingColumn(),
        console=Console(stderr=True),
        transient=True,
        disable=not (shown and sys.stderr.isatty()),
    )


def age(seconds: float) -> str:
    """A span of time in its two largest units, such as ``2h 5m``."""
    left = max(0, int(seconds))
    parts: list[str] = []
    for unit, size in (("d", 86400), ("h", 3600), ("m", 60), ("s", 1)):
        count, left = divmod(left, size)
        if count or (unit == "s" and not parts):
            parts.append(f"{count}{unit}")
    return " ".join(parts[:2])
