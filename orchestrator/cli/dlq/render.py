"""Dead letters on a terminal."""

import json
import time
from collections.abc import Sequence
from typing import Any

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from orchestrator.cli.terminal import WIDE, age, plain, shorten, table

ID_WIDTH = 36
"""Of a UUID."""
MAX_MESSAGE = 240


def letter_table(letters: Sequence[dict[str, Any]], title: str, width: int) -> Table:
    """One letter a row, newest first. In less than WIDE cells what matters least stands below the reason."""
    if width >= WIDE:
        made = table(title, ("letter", "reason", "tries", "replays", "age"), numbers=("tries", "replays", "age"))
    else:
        made = table(title, ("letter", "reason"))
    made.columns[0].width = ID_WIDTH
    for letter in letters:
        tries, replays = str(letter["attempts"]), f"{letter['replays']}{' parked' if letter['parked'] else ''}"
        name = [plain(letter["letter_id"]), _dim(letter["queue"]), _dim(shorten(_image(letter), ID_WIDTH))]
        reason = [plain(letter["reason"], "red"), _dim(_beginning(letter["message"]))]
        if width >= WIDE:
            rest = [tries, replays, _age(letter)]
        else:
            rest, reason = [], [*reason, _dim(f"tries {tries}, replays {replays}, age {_age(letter)}")]
        made.add_row(Text("\n").join(name), Text("\n").join(reason), *rest)
    return made


def letters_hint(command: str) -> Text:
    """What to do next; ``command`` is how a command about the same system begins."""
    return _dim(f"`{command} dlq show QUEUE LETTER` has the body; replay, edit or drop settle them.")


def _age(letter: dict[str, Any]) -> str:
    return age(time.time() - letter["died_at"] / 1000) if letter["died_at"] else "unknown"


def _beginning(message: str) -> str:
    return message if len(message) <= MAX_MESSAGE else f"{message[: MAX_MESSAGE - 1]}…"


def letter_page(letter: dict[str, Any]) -> RenderableType:
    """One letter with all that is known of it."""
    facts = Table.grid(padding=(0, 2))
    facts.add_column(style="bold", no_wrap=True)
    facts.add_column(overflow="fold")
    for name in ("letter_id", "queue", "business_id", "image_id", "reason", "message", "attempts", "replays"):
        facts.add_row(name, plain(letter[name] if letter[name] is not None else "-"))
    for name in ("first_seen", "died_at"):
        facts.add_row(name, plain(_when(letter[name])))
    for name, value in letter["headers"].items():
        facts.add_row(plain(f"header {name}"), plain(value))
    stack = [Text("\nstack", style="bold"), _lines(letter["stack"])] if letter["stack"] else []
    return Group(facts, *stack, Text("\nbody", style="bold"), _lines(pretty_body(letter["body"])))


def pretty_body(body: str) -> str:
    """A JSON body indented; any other as it is."""
    try:
        return json.dumps(json.loads(body), indent=2)
    except (ValueError, RecursionError):
        return body


def stats_table(rows: Sequence[dict[str, Any]]) -> Table:
    """Letters by queue and reason."""
    made = table("Dead letters", ("queue", "reason", "count"), numbers=("count",))
    for row in rows:
        made.add_row(plain(row["queue"]), plain(row["reason"], "red"), f"{row['count']:,}")
    return made


def _image(letter: dict[str, Any]) -> str:
    return f"{letter['business_id'] or '?'}/{letter['image_id'] or '?'}"


def _when(millis: int) -> str:
    if not millis:
        return "unknown"
    ago = age(time.time() - millis / 1000)
    return f"{time.strftime('%Y-%m-%d %H:%M:%S', time.gmtime(millis / 1000))} UTC ({ago} ago)"


def _dim(value: object) -> Text:
    return plain(value, "dim")


def _lines(text: str) -> Text:
    return Text("\n").join([plain(line) for line in text.splitlines()])
