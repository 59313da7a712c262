"""Loading a catalogue: businesses, their categories and their images."""

from typing import Any

from orchestrator.domain.catalogue.rows import read_row
from orchestrator.domain.errors import JobRefused
from orchestrator.wiring import System


async def load(system: System, rows: list[str], dry_run: bool = False) -> list[dict[str, Any]]:
    """Write down each row (a JSON object). One answer each, in order: {"business_id", "categories", "images"} with
    counts, or {"error"}. With ``dry_run`` rows are only checked. Loading the same again changes nothing."""
    if system.settings.mode == "embedded":
        await system.catalogue.ensure_schema()  # on servers migrations are for whoever may change tables
    return [await _load_one(system, row, dry_run) for row in rows]


async def _load_one(system: System, body: str, dry_run: bool) -> dict[str, Any]:
    try:
        row = read_row(body.encode("utf-8", "replace"))
        if not dry_run:
            if row.replaces:
                await system.catalogue.replace_categories(row.business_id, row.categories)
            elif row.categories:
                await system.catalogue.put_categories([(row.business_id, category) for category in row.categories])
            if row.images:
                await system.documents.put_catalogue(row.images)
    except JobRefused as refusal:
        return {"error": refusal.reason.message}
    return {"business_id": row.business_id, "categories": len(row.categories), "images": len(row.images)}


async def take_snapshot(system: System) -> dict[str, Any]:
    """Count in how many category names each word occurs. Scores from now on weigh words by it."""
    snapshot = await system.catalogue.take_idf_snapshot()
    return {"version": snapshot.version, "names": snapshot.documents, "words": len(snapshot.frequencies)}
