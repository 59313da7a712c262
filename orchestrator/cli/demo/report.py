"""What the demo shows of the enhance road and of the queues, of what could not be done, and where everything lies."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from statistics import quantiles
from typing import Any

from rich.console import Console
from rich.text import Text

from orchestrator.cli.demo.relevance import Makers, RelevanceRow
from orchestrator.cli.terminal import plain, table


@dataclass(frozen=True, slots=True)
class Published:
    """How many of the demo's jobs went into a queue, and how many were known from an earlier run."""

    queue: str
    published: int
    known: int


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


def picture_row(known: Mapping[str, Any], ends: Mapping[str, Mapping[str, Any]]) -> PictureRow:
    """A picture's row from the answer of the operation ``image`` and the ends of its job by stage."""
    business, image, metadata = known["business_id"], known["image_id"], known["metadata"] or {}
    given_up = next((end for end in ends.values() if end["outcome"] != "done"), None)
    took_ms = sum(end["took_ms"] for end in ends.values()) if ends else None
    if given_up is not None:
        reason = given_up["reason"]
        result = f"{given_up['outcome']}: {reason['code'] if reason else 'unknown'}"
        return PictureRow(business, image, result, "", "", took_ms)
    if "enhanced" not in metadata or "content" not in metadata:
        return PictureRow(business, image, "not yet", "", "", took_ms)
    content, enhanced = metadata["content"], metadata["enhanced"]
    before = f"{content['width']}x{content['height']}"
    if "skipped" in enhanced:
        return PictureRow(business, image, f"skipped: {enhanced['skipped']}", before, before, took_ms)
    result = f"x{enhanced['scale']:.2g} by {enhanced['model']}"
    return PictureRow(business, image, result, before, f"{enhanced['width']}x{enhanced['height']}", took_ms)


def queue_row(queue: str, ends: Sequence[Mapping[str, Any]]) -> QueueRow:
    """A queue's row from the recorded ends of the demo's jobs in it."""
    dead = Counter(end["reason"]["code"] if end["reason"] else "unknown" for end in ends if end["outcome"] == "dead")
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


def show_pictures(console: Console, pictures: Sequence[PictureRow]) -> None:
    """What enhancing made of each picture."""
    made = table("Enhanced", ["image", "before", "after", "ms", "result"], numbers=["before", "after", "ms"])
    for row in pictures:
        style = {"dead": "red", "dropped": "red", "skipped": "yellow", "not yet": "yellow"}
        took = "" if row.took_ms is None else f"{row.took_ms:.0f}"
        result = plain(row.result, style.get(row.result.partition(":")[0], "green"))
        made.add_row(plain(f"{row.business}/{row.image}"), row.before, row.after, took, result)
    console.print(made)


def show_queues(console: Console, queues: Sequence[QueueRow]) -> None:
    """What each queue did."""
    numbers = ["done", "retried", "p50 ms", "p99 ms"]
    made = table("Queues", ["queue", *numbers, "dead"], numbers=["queue", *numbers])
    made.columns[0].justify = "left"
    for row in queues:
        p50, p99 = ("" if ms is None else f"{ms:.0f}" for ms in (row.p50_ms, row.p99_ms))
        made.add_row(plain(row.queue), str(row.done), str(row.retried), p50, p99, plain(row.dead, "red"))
    console.print(made)


def show_broken(console: Console, letters: Sequence[Mapping[str, Any]], base: str, healthy: Path) -> None:
    """The dead letters of the broken picture, and the commands that deal with the first of them: ``base`` is how a
    command about the demo's system begins."""
    first = letters[0]
    where = f"{first['queue']} {first['letter_id']}"
    console.print(Text("One picture was broken on purpose", style="bold"))
    for letter in letters:
        about = Text(f"  error.{letter['queue']} holds {letter['business_id']}/{letter['image_id']}: ")
        console.print(about.append_text(plain(f"{letter['reason']}: {letter['message']}", "red")))
    console.print(Text("  Look at it, send it again as it is, or mend it and send it:"))
    commands = (
        f"{base} dlq show {where}",
        f"{base} dlq replay --id {first['letter_id']}",
        f"{base} dlq edit {where} --set image_url={healthy.resolve().as_uri()}",
    )
    for command in commands:
        console.print(Text(f"    {command}", style="cyan"), soft_wrap=True)
    console.print()


def show_places(console: Console, data_dir: Path, base: str, picture: PictureRow) -> None:
    """Where the results lie, and how to look at one picture."""
    places = (
        ("objects/originals/", "originals, by their SHA-256"),
        ("objects/enhanced/", "enhanced pictures, by source and recipe"),
        ("objects/renditions/", "pictures that were not enlarged, without metadata"),
        ("documents.sqlite", "metadata, scores, ledger, dead-letter index"),
        ("catalogue.sqlite", "categories, alt texts, word weights"),
        ("vectors/", "vectors of pictures, descriptions and words"),
        ("purged.jsonl", "every URL the CDN would have been told to forget"),
        ("log.jsonl", "what every part said"),
    )
    console.print(Text(f"Results in {data_dir}/", style="bold"))
    for name, what in places:
        console.print(Text(f"  {name:<20} {what}"))
    console.print(Text("  Everything known of one picture:"))
    command = f"    {base} image {picture.business} {picture.image}"
    console.print(Text(command, style="cyan"), soft_wrap=True)


@dataclass(frozen=True, slots=True)
class Outcome:
    """All that the demo found. ``answer`` is the API's, None when it was not asked or did not answer."""

    published: Sequence[Published]
    pictures: Sequence[PictureRow]
    relevance: Sequence[RelevanceRow]
    makers: Makers
    queues: Sequence[QueueRow]
    letters: Sequence[Mapping[str, Any]]
    url: str
    answer: Mapping[str, Any] | None


def as_json(found: Outcome) -> dict[str, Any]:
    """The same for programs."""
    return {
        "published": [asdict(one) for one in found.published],
        "pictures": [asdict(row) for row in found.pictures],
        "relevance": [asdict(row) for row in found.relevance],
        "models": asdict(found.makers),
        "queues": [asdict(row) for row in found.queues],
        "dead_letters": list(found.letters),
        "url": found.url,
        "answer": found.answer,
    }
