"""What people and programs see: tables for the ones, one JSON document for the others."""

import json
import sys
from collections.abc import Sequence
from typing import Annotated, Any

import typer
from rich import box
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from rich.table import Table
from rich.text import Text

PIPE_WIDTH = 180

AsJson = Annotated[bool, typer.Option("--json", help="One JSON document on stdout, and nothing else there.")]


def stdout() -> Console:
    """The console on stdout; in a pipe it is wide, so that nothing is cut off."""
    return Console(highlight=False, width=None if sys.stdout.isatty() else PIPE_WIDTH)


def stderr() -> Console:
    """The console on stderr."""
    return Console(stderr=True, highlight=False, width=None if sys.stderr.isatty() else PIPE_WIDTH)


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


def print_json(value: Any) -> None:
    """``value`` as the one document on stdout."""
    sys.stdout.write(json.dumps(value, indent=2, default=str) + "\n")


def table(title: str, columns: Sequence[str], *, numbers: Sequence[str] = ()) -> Table:
    """An empty table; the columns in ``numbers`` are set to the right."""
    made = Table(title=title, title_justify="left", title_style="bold", box=box.SIMPLE_HEAD, pad_edge=False)
    for column in columns:
        made.add_column(column, justify="right" if column in numbers else "left", no_wrap=column in numbers)
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
