"""`justlens catalogue`: what is known of businesses before any picture is looked at."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import islice
from typing import Annotated, Any

import typer

from orchestrator.cli.exits import ExitCode
from orchestrator.cli.invocation import Guarded, invocation
from orchestrator.cli.publish.entries import Entry
from orchestrator.cli.publish.sources import count_of, entries, kind_of_list
from orchestrator.cli.terminal import AsJson, print_json, progress, say, tell
from orchestrator.domain.catalogue.rows import FIELDS
from orchestrator.embedded.control_socket import Call

CHUNK = 200
FILES_HELP = (
    "CSV (the header names the fields; served_urls separated by spaces) or JSONL. A row with image_id is an image, one"
    " with category_id a category, any other a business with its categories and images. - for JSONL on stdin."
)


@dataclass(slots=True)
class Loaded:
    """What became of the rows."""

    rows: int = 0
    categories: int = 0
    images: int = 0
    businesses: set[str] = field(default_factory=set)
    refused: list[dict[str, str]] = field(default_factory=list)
    snapshot: dict[str, Any] | None = None


def catalogue_app() -> typer.Typer:
    """load."""
    app = typer.Typer(
        cls=Guarded,
        no_args_is_help=True,
        pretty_exceptions_enable=False,
        help="Businesses, their categories and their images.",
    )
    app.callback()(lambda: None)
    app.command("load")(load)
    return app


def load(
    context: typer.Context,
    files: Annotated[list[str], typer.Argument(metavar="FILE...", help=FILES_HELP)],
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only check the rows.")] = False,
    as_json: AsJson = False,
) -> None:
    """Load businesses, categories and images, then weigh the words of all category names anew.

    Loading the same again changes nothing. Every refused row is named with its file, line and field; the others load.
    """
    kinds = {file: kind_of_list(file) for file in files}
    counts = [count_of(file, kind) for file, kind in kinds.items()]
    total = None if None in counts else sum(count or 0 for count in counts)
    rows = (_placed(file, entry) for file, kind in kinds.items() for entry in entries(file, kind, {}, FIELDS))
    loaded = Loaded()

    async def work(call: Call) -> None:
        with progress("loading", shown=not as_json) as bar:
            task = bar.add_task("loading", total=total)
            while chunk := list(islice(rows, CHUNK)):
                await _load_chunk(call, chunk, loaded, dry_run)
                bar.update(task, completed=loaded.rows + len(loaded.refused))
        if loaded.categories and not dry_run:
            loaded.snapshot = await call("catalogue.snapshot", {})

    asked = invocation(context)
    asked.prepare()
    try:
        asked.operate(work)
    except OSError as error:
        raise typer.BadParameter(f"{error.filename}: {error.strerror}", param_hint="FILE") from error
    _show(loaded, dry_run=dry_run, as_json=as_json)
    if loaded.refused:
        raise typer.Exit(ExitCode.NOT_DONE)


def _placed(file: str, entry: Entry) -> Entry:
    return Entry(f"{file} {entry.place}", entry.body, entry.problem)


async def _load_chunk(call: Call, chunk: Sequence[Entry], loaded: Loaded, dry_run: bool) -> None:
    loaded.refused += [{"place": entry.place, "reason": entry.problem} for entry in chunk if entry.problem]
    usable = [entry for entry in chunk if not entry.problem]
    bodies = [entry.body.decode("utf-8", "replace") for entry in usable]
    for entry, answer in zip(usable, await call("catalogue.load", {"rows": bodies, "dry_run": dry_run}), strict=True):
        if "error" in answer:
            loaded.refused.append({"place": entry.place, "reason": answer["error"]})
            continue
        loaded.rows += 1
        loaded.businesses.add(answer["business_id"])
        loaded.categories += answer["categories"]
        loaded.images += answer["images"]


def _show(loaded: Loaded, *, dry_run: bool, as_json: bool) -> None:
    for refusal in loaded.refused:
        say(f"refused, {refusal['place']}: {refusal['reason']}")
    if as_json:
        print_json(dict(_document(loaded, dry_run)))
        return
    done = "would load" if dry_run else "loaded"
    tell(
        f"{done}: {len(loaded.businesses):,} businesses, {loaded.categories:,} categories, {loaded.images:,} images"
        + (f"; refused {len(loaded.refused):,}" if loaded.refused else "")
    )
    if loaded.snapshot:
        names, words = loaded.snapshot["names"], loaded.snapshot["words"]
        tell(f"words weighed over {names:,} category names ({words:,} words), version {loaded.snapshot['version']}")


def _document(loaded: Loaded, dry_run: bool) -> Iterator[tuple[str, Any]]:
    yield "dry_run", dry_run
    yield "rows", loaded.rows
    yield "businesses", len(loaded.businesses)
    yield "categories", loaded.categories
    yield "images", loaded.images
    yield "refused", loaded.refused
    yield "snapshot", loaded.snapshot
