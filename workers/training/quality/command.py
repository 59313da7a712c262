"""Measures the built-in models on held-out data: ``python -m workers.training quality``.

Prints a table and keeps it in build/quality.json. A figure that misses its target is shown as such and is no error;
what could not be measured ends the command with 1, after the rest.
"""

import argparse
import json
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from types import MappingProxyType

from rich.console import Console
from rich.table import Table

from workers.training.figures import Row
from workers.training.quality import parts

PARTS: Mapping[str, Callable[[int], list[Row]]] = MappingProxyType(
    {
        "sr": parts.enhancement,
        "gate": parts.gate,
        "clip": parts.clip,
        "flags": parts.flags,
        "text": parts.text,
        "score": parts.score,
        "template": parts.template,
        "vlm": parts.vision_language,
    }
)
"""What measures each part, given the number of held-out scenes."""


def main(arguments: Sequence[str]) -> int:
    """Measure what is asked for. One when a part could not be measured."""
    options = _parser().parse_args(arguments)
    console = Console(soft_wrap=True)
    failed = 0
    for name in options.only or PARTS:
        console.print(f"measuring {name}", style="bold")
        try:
            found = PARTS[name](options.scenes)
        except (ImportError, OSError, RuntimeError, ValueError) as error:
            console.print(f"{name} could not be measured: {error}", style="red", markup=False)
            failed = 1
            continue
        keep(options.out, found)
        console.print(shown(found))
    return failed


def keep(path: Path, rows: Sequence[Row]) -> None:
    """Write ``rows`` to ``path``, in place of earlier ones with their names; others stay."""
    kept = json.loads(path.read_text()) if path.is_file() else {"rows": []}
    today = datetime.now(UTC).date().isoformat()
    made = {one["name"]: one for one in kept["rows"]} | {one["name"]: {**one, "measured": today} for one in rows}
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_suffix(".partial")
    partial.write_text(json.dumps({"rows": list(made.values())}, indent=2) + "\n")
    partial.replace(path)


def shown(rows: Sequence[Row]) -> Table:
    """``rows`` for a terminal: a missed target stands out."""
    table = Table(box=None)
    for title in ("figure", "value", "target", "n"):
        table.add_column(title, justify="right" if title == "value" else "left")
    for one in rows:
        target = one["target"] if one["holds"] else f"[red]{one['target']} missed[/red]"
        table.add_row(one["name"], f"{one['value']:g}", target, one["n"])
    return table


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m workers.training quality", description=__doc__)
    parser.add_argument("--only", nargs="+", choices=PARTS, help="measure these parts (all)")
    parser.add_argument("--scenes", type=int, default=500, help="held-out scenes of the demo world (500)")
    parser.add_argument("--out", type=Path, default=Path("build/quality.json"), help="the file for the figures")
    return parser
