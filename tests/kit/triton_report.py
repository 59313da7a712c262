"""What was measured of tritonserver, as a file and as tables.

python -m tests.kit.triton_report triton/README.md build/triton.json   put them between the page's marks
"""

import itertools
import json
import os
import re
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any, TypedDict

from tests.kit.figures import machine
from tests.kit.triton_load import Point

BEGIN, END = "<!-- triton:begin -->\n", "<!-- triton:end -->"


class Sharing(TypedDict):
    """The same question with the picture in a message and in shared memory: milliseconds of the clock in the median
    round and in the quickest tenth, and milliseconds of the client's processor time in the median one."""

    image_bytes: int
    rounds: int
    message_ms: float
    shared_ms: float
    message_quick_ms: float
    shared_quick_ms: float
    message_cpu_ms: float
    shared_cpu_ms: float


def write(file: Path, **parts: Sequence[Any]) -> None:
    """Put ``parts`` into the file in place of what they were before."""
    file.parent.mkdir(parents=True, exist_ok=True)
    kept = json.loads(file.read_text()) if file.exists() else {}
    load = round(os.getloadavg()[1], 1)
    averages = {**kept.get("load_average", {}), **dict.fromkeys(parts, load)}
    kept |= {"machine": machine(), "load_average": averages, **parts}
    file.write_text(json.dumps(kept, indent=2) + "\n")


def load_table(points: Sequence[Point]) -> str:
    """A line per model and size of request, with the numbers of clients side by side."""
    clients = sorted({point["clients"] for point in points})
    names = " / ".join(map(str, clients))
    lines = [
        f"| model | rows a request | rows/s with {names} clients | p50 ms | p99 ms | rows together |",
        "|---|---|---|---|---|---|",
    ]
    for (model, rows), group in itertools.groupby(points, key=lambda point: (point["model"], point["rows"])):
        line = sorted(group, key=lambda point: point["clients"])
        cells = [
            " / ".join(f"{number:.3g}" if number < 100 else f"{number:.0f}" for number in numbers)
            for numbers in (
                [point["rows_per_s"] for point in line],
                [point["p50_ms"] for point in line],
                [point["p99_ms"] for point in line],
                [point["batch"] for point in line],
            )
        ]
        lines.append(f"| {model} | {rows} | {' | '.join(cells)} |")
    return "\n".join(lines) + "\n"


def sharing_table(rows: Sequence[Sharing]) -> str:
    """A line per size of picture."""
    lines = [
        "| picture | in the message | in shared memory | less by | quickest tenth | less by | client's processor |",
        "|---|---|---|---|---|---|---|",
    ]
    for row in rows:
        median_gain = 1 - row["shared_ms"] / row["message_ms"]
        quick_gain = 1 - row["shared_quick_ms"] / row["message_quick_ms"]
        lines.append(
            f"| {row['image_bytes'] / 1e6:g} MB | {row['message_ms']:g} ms | {row['shared_ms']:g} ms "
            f"| {median_gain:.0%} | {row['message_quick_ms']:g} → {row['shared_quick_ms']:g} ms | {quick_gain:.0%} "
            f"| {row['message_cpu_ms']:g} → {row['shared_cpu_ms']:g} ms |"
        )
    return "\n".join(lines) + "\n"


def page_part(kept: dict[str, Any]) -> str:
    """Both tables, and where they come from."""
    made, busy = kept["machine"], kept["load_average"]
    return (
        f"Measured on {made['date']}: {made['cores']} cores of {made['cpu']}, no GPU, Python {made['python']};"
        f" load average {busy['load']:g} and {busy['sharing']:g}, most of it by others.\n\n"
        f"{load_table(kept['load'])}\n{sharing_table(kept['sharing'])}"
    )


def main(page: Path, file: Path) -> None:
    """See the module. Raises ValueError when the page has no marks."""
    block = re.compile(f"({re.escape(BEGIN)}).*?({re.escape(END)})", re.DOTALL)
    part = page_part(json.loads(file.read_text()))
    text, found = block.subn(lambda match: match[1] + part + match[2], page.read_text())
    if not found:
        raise ValueError(f"{page}: no {BEGIN.strip()} and {END}")
    page.write_text(text)


if __name__ == "__main__":
    main(*map(Path, sys.argv[1:]))
