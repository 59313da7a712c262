"""Embedded documents: a full disk, a restart, and how long jobs are kept."""

import time
from pathlib import Path

import pytest

from orchestrator.domain.ledger import LedgerEntry
from orchestrator.domain.outcome import SetSection
from orchestrator.stores.embedded import EmbeddedDocuments
from tests.kit.away import SECTION, is_unavailable


class TestEmbedded:
    async def test_a_full_disk_is_unavailable_and_what_was_stored_stays(self, tmp_path: Path) -> None:
        documents = await EmbeddedDocuments.open(tmp_path / "documents.sqlite")
        await documents.set_section(SECTION)
        await documents._thread.run(lambda connection: connection.execute("PRAGMA max_page_count=20").fetchall())
        assert "full" in await is_unavailable(
            documents.set_section(SetSection("b", "i", "content", "v2", {"text": "x" * 500_000}))
        )
        found = await documents.find_metadata("b", "i")
        await documents.close()
        assert found is not None and found["content"]["version"] == "v1"

    async def test_what_was_answered_for_is_there_after_opening_again(self, tmp_path: Path) -> None:
        for _ in range(2):
            documents = await EmbeddedDocuments.open(tmp_path / "documents.sqlite")
            await documents.set_section(SECTION)
            found = await documents.find_metadata("b", "i")
            await documents.close()
            assert found is not None and found["content"]["n"] == 1

    async def test_jobs_are_kept_thirty_days(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        documents = await EmbeddedDocuments.open(tmp_path / "documents.sqlite")
        now_ms = time.time_ns() // 1_000_000
        for days_ago in (31, 29, 0):
            then_ms = now_ms - days_ago * 86_400_000
            monkeypatch.setattr("orchestrator.stores.embedded.ledger.now_ms", lambda then_ms=then_ms: then_ms)
            await documents.record_job(LedgerEntry(f"j{days_ago}", "q", "done", 1, "b", "i", 1, 1.0))
        kept = [days_ago for days_ago in (31, 29, 0) if await documents.find_job(f"j{days_ago}", "q")]
        await documents.close()
        assert kept == [29, 0]
