"""Measured figures: kept in one file by id, shown as a table.

python -m tests.kit.figures build/bench.json             print the table
python -m tests.kit.figures README.md build/bench.json   put it between the page's <!-- bench:begin --> and :end -->
"""

import fcntl
import json
import os
import platform
import re
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import TypedDict

from tests.kit.installation import rabbitmq_installation

UNMEASURED = "unmeasured"
_RABBITMQ = "/usr/lib/rabbitmq/lib"


class Row(TypedDict):
    """One figure; None is one that could not be measured here. ``spread`` is least to greatest, ``n`` how often what
    was measured, ``peer`` what against."""

    id: str
    what: str
    value: float | None
    target: str
    holds: bool
    n: str
    spread: str
    peer: str


def machine() -> dict[str, str]:
    """When and on what kind of machine a figure was measured."""
    found = re.search(r"^model name\s*:\s*(.+)$", Path("/proc/cpuinfo").read_text(), re.MULTILINE)
    folder = rabbitmq_installation().path(_RABBITMQ)
    servers = sorted(path.name.rpartition("-")[2] for path in folder.glob("rabbitmq_server-*"))
    return {
        "date": datetime.now(UTC).date().isoformat(),
        "cpu": found[1] if found else platform.machine(),
        "cores": str(os.cpu_count()),
        "rabbitmq": servers[-1] if servers else "none",
        "python": platform.python_version(),
    }


def record(file: Path, row: Row) -> None:
    """Write ``row`` down, in place of an earlier one with its id. Several processes may do so at once."""
    file.parent.mkdir(parents=True, exist_ok=True)
    with file.with_suffix(".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        kept = json.loads(file.read_text()) if file.exists() else {"rows": []}
        rows = {each["id"]: each for each in kept["rows"]} | {row["id"]: row}
        text = json.dumps({"machine": machine(), "rows": [rows[name] for name in sorted(rows)]}, indent=2)
        file.write_text(text + "\n")
    verdict = UNMEASURED if row["value"] is None else "holds" if row["holds"] else "MISSED"
    print(f"{row['id']}: {_measured(row)}; target {row['target']}: {verdict}; {row['what']}; {row['peer']}", flush=True)


def table(file: Path) -> str:
    """The figures as Markdown. A missed target says so."""
    kept = json.loads(file.read_text())
    made = kept["machine"]
    lines = [
        f"Measured on {made['date']}: {made['cores']} cores of {made['cpu']}, RabbitMQ {made['rabbitmq']},"
        f" Python {made['python']}. Medians; in brackets the least and the greatest round.",
        "",
        "| | figure | measured | target | against | n |",
        "|---|---|---|---|---|---|",
    ]
    for row in kept["rows"]:
        missed = not row["holds"] and row["value"] is not None
        target = f"{row['target']} **missed**" if missed else row["target"]
        lines.append(f"| {row['id']} | {row['what']} | {_measured(row)} | {target} | {row['peer']} | {row['n']} |")
    return "\n".join(lines) + "\n"


def _measured(row: Row) -> str:
    return UNMEASURED if row["value"] is None else f"{row['value']:g} ({row['spread']})"


def rewrite(page: Path, file: Path) -> None:
    """Put the table between the markers of ``page`` that bear the file's name. Raises ValueError when it has none."""
    begin, end = f"<!-- {file.stem}:begin -->\n", f"<!-- {file.stem}:end -->"
    block = re.compile(f"({re.escape(begin)}).*?({re.escape(end)})", re.DOTALL)
    text, found = block.subn(lambda match: match[1] + table(file) + match[2], page.read_text())
    if not found:
        raise ValueError(f"{page}: no {begin.strip()} and {end}")
    page.write_text(text)


def main(arguments: list[str]) -> None:
    """See the module."""
    match arguments:
        case [file]:
            print(table(Path(file)), end="")
        case [page, file]:
            rewrite(Path(page), Path(file))
        case _:
            raise SystemExit(__doc__)


if __name__ == "__main__":
    main(sys.argv[1:])
