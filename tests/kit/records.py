"""Sections, ledger entries and dead letters for the tests of every document store."""

from dataclasses import replace

from orchestrator.domain.errors import Reason
from orchestrator.domain.ledger import DeadLetter, LedgerEntry
from orchestrator.domain.outcome import SetSection
from orchestrator.domain.versions import version_of
from orchestrator.stores.ports import Documents

BASE_MS = 1_800_000_000_000


def section(version: str, *, name: str = "content", image_id: str = "i1", **value: object) -> SetSection:
    return SetSection("b1", image_id, name, version, value)


def version(n: int) -> str:
    return version_of(BASE_MS + n, f"job-{n}")


async def stored(documents: Documents, name: str = "content", image_id: str = "i1") -> dict[str, object]:
    found = await documents.find_metadata("b1", image_id)
    assert found is not None
    fields = dict(found[name])
    assert isinstance(fields.pop("updated_at"), int)
    return fields


def entry(outcome: str = "done", queue: str = "q", **changes: object) -> LedgerEntry:
    reason = None if outcome == "done" else Reason("bad", "why", "stack")
    whole = LedgerEntry("job-1", queue, outcome, 1, "b1", "i1", BASE_MS, 12.5, reason)  # type: ignore[arg-type]
    return replace(whole, **changes)  # type: ignore[arg-type]


def letter(name: str, died_at: int = BASE_MS, **changes: object) -> DeadLetter:
    whole = DeadLetter("q", name, Reason("bad", "why"), 4, 0, BASE_MS, died_at, b"{}", {}, name, "b1", "i1")
    return replace(whole, **changes)  # type: ignore[arg-type]
