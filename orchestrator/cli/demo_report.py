"""What the demo shows: live progress per queue, then a table per picture, one per queue, and where everything lies."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from statistics import quantiles
from typing import Any

from rich.console import Console, Group, RenderableType
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.text import Text

from orchestrator.cli.terminal import plain, table


@dataclass(frozen=True, slots=True)
class PictureRow:
    """What became of one picture. Sizes are ``WxH`` in pixels; ``took_ms`` over all its queues."""

    business: str
    image: str
    result: str
    before: str
    after: str
    took_ms: float | None


@dataclass(frozen=True, slots=True)
class QueueRow:
    """What one queue did with the demo's jobs. Percentiles of delivery to settled, in ms."""

    queue: str
    done: int
    retried: int
    dead: str
    p50_ms: float | None
    p99_ms: float | None


def picture_row(
    business: str, image: str, metadata: dict[str, Any] | None, ends: Sequence[dict[str, Any]]
) -> PictureRow:
    """A picture's row from its metadata document and the recorded ends of its job."""
    dead = next((end for end in ends if end["outcome"] == "dead"), None)
    took_ms = sum(end["took_ms"] for end in ends) if ends else None
    if dead is not None:
        return PictureRow(business, image, f"dead: {dead['reason']['code']}", "", "", took_ms)
    if metadata is None or "enhanced" not in metadata or "content" not in metadata:
        return PictureRow(business, image, "not yet", "", "", took_ms)
    content, enhanced = metadata["content"], metadata["enhanced"]
    before = f"{content['width']}x{content['height']}"
    if "skipped" in enhanced:
        return PictureRow(business, image, f"skipped: {enhanced['skipped']}", before, before, took_ms)
    result = f"enhanced x{enhanced['scale']:.2g} by {enhanced['model']}"
    return PictureRow(business, image, result, before, f"{enhanced['width']}x{enhanced['height']}", took_ms)


def queue_row(queue: str, ends: Sequence[dict[str, Any]]) -> QueueRow:
    """A queue's row from the recorded ends of the demo's jobs in it."""
    dead = Counter(end["reason"]["code"] for end in ends if end["outcome"] == "dead")
    times = sorted(end["took_ms"] for end in ends)
    cuts = quantiles(times, n=100, method="inclusive") if len(times) > 1 else times * 99
    return QueueRow(
        queue=queue,
        done=sum(end["outcome"] == "done" for end in ends),
        retried=sum(end["attempts"] - 1 for end in ends),
        dead=", ".join(f"{count} {reason}" for reason, count in sorted(dead.items())),
        p50_ms=cuts[49] if cuts else None,
        p99_ms=cuts[98] if cuts else None,
    )


class LiveProgress:
    """One bar per queue: how many of the demo's jobs have come to an end there."""

    def __init__(self, total: int, queues: Sequence[str]) -> None:
        self._bars = Progress(
            TextColumn("{task.description:<24}"),
            BarColumn(28),
            MofNCompleteColumn(),
            TextColumn("{task.fields[note]}"),
            TimeElapsedColumn(),
        )
        self._tasks = {queue: self._bars.add_task(queue, total=total, note="") for queue in queues}

    def __rich__(self) -> RenderableType:
        return self._bars

    def update(self, queue: str, *, ended: int, total: int, note: str) -> None:
        """``ended`` of ``total`` jobs came to an end in ``queue``."""
        self._bars.update(self._tasks[queue], completed=ended, total=total, note=note)


def show_report(console: Console, pictures: Sequence[PictureRow], queues: Sequence[QueueRow]) -> None:
    """The two tables."""
    made = table(
        "Pictures", ["business", "image", "before", "after", "ms", "result"], numbers=["before", "after", "ms"]
    )
    for row in pictures:
        style = "red" if row.result.startswith("dead") else "yellow" if row.result.startswith("skipped") else "green"
        took = "" if row.took_ms is None else f"{row.took_ms:.0f}"
        made.add_row(row.business, row.image, row.before, row.after, took, plain(row.result, style))
    console.print(made)
    stages = table(
        "Queues",
        ["queue", "done", "retried", "p50 ms", "p99 ms", "dead"],
        numbers=["done", "retried", "p50 ms", "p99 ms"],
    )
    for stage in queues:
        p50, p99 = ("" if ms is None else f"{ms:.0f}" for ms in (stage.p50_ms, stage.p99_ms))
        stages.add_row(stage.queue, str(stage.done), str(stage.retried), p50, p99, plain(stage.dead, "red"))
    console.print(stages)


def show_broken(console: Console, letter: dict[str, Any], data_dir: Path, healthy: Path) -> None:
    """The dead letter, and the commands that deal with it."""
    base = f"justlens --data-dir {data_dir}"
    where = f"{letter['queue']} {letter['letter_id']}"
    console.print(
        Group(
            Text("One job was broken on purpose", style="bold"),
            Text(f"  error.{letter['queue']} holds {letter['business_id']}/{letter['image_id']}: ").append(
                plain(f"{letter['reason']}: {letter['message']}", "red")
            ),
            Text("  Look at it, send it again as it is, or mend it and send it:"),
            Text(f"    {base} dlq show {where}", style="cyan"),
            Text(f"    {base} dlq replay --id {letter['letter_id']}", style="cyan"),
            Text(f"    {base} dlq edit {where} --set image_url={healthy.resolve().as_uri()}", style="cyan"),
            Text(""),
        ),
        soft_wrap=True,
    )


def show_places(console: Console, data_dir: Path) -> None:
    """Where the results lie."""
    places = (
        ("objects/originals/", "originals, by their SHA-256"),
        ("objects/enhanced/", "enhanced pictures, by source and recipe"),
        ("documents.sqlite", "metadata, ledger, dead-letter index"),
        ("purged.jsonl", "every URL the CDN would have been told to forget"),
        ("log.jsonl", "what every part said"),
    )
    console.print(Text(f"Results in {data_dir}/", style="bold"))
    for name, what in places:
        console.print(Text(f"  {name:<20} {what}"))


def as_json(
    pictures: Sequence[PictureRow], queues: Sequence[QueueRow], letters: Sequence[dict[str, Any]]
) -> dict[str, Any]:
    """The same for programs."""
    return {
        "pictures": [asdict(row) for row in pictures],
        "queues": [asdict(row) for row in queues],
        "dead_letters": list(letters),
    }
