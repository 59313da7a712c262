"""What every document store does with the ends of jobs, and when it is asked or closed."""

import asyncio
import random

import pytest

from orchestrator.domain.errors import Reason, Unavailable
from orchestrator.domain.ids import new_job_id
from orchestrator.domain.versions import version_of
from orchestrator.stores.ports import Documents
from tests.kit.records import BASE_MS, entry, section


class TestLedger:
    async def test_an_entry_is_found_as_it_was_recorded(self, documents: Documents) -> None:
        dead = entry("dead", replays=2)
        await documents.record_job(dead)
        assert await documents.find_job("job-1", "q") == dead
        assert await documents.find_job("job-1", "other") is None
        assert await documents.find_job("job", "q") is None

    async def test_done_replaces_dead_and_nothing_replaces_done(self, documents: Documents) -> None:
        for outcome, expected in [("dead", "dead"), ("dropped", "dropped"), ("dead", "dead"), ("done", "done")]:
            await documents.record_job(entry(outcome))
            found = await documents.find_job("job-1", "q")
            assert found is not None and found.outcome == expected
        for outcome in ("dead", "dropped", "done"):
            await documents.record_job(entry(outcome, attempts=9))
        assert await documents.find_job("job-1", "q") == entry("done")

    async def test_done_wins_whoever_comes_first(self, documents: Documents) -> None:
        for n in range(40):
            ends = [entry(end, job_id=f"j{n}") for end in ("dead", "done", "dead", "dropped")]
            random.shuffle(ends)
            await asyncio.gather(*map(documents.record_job, ends))
            found = await documents.find_job(f"j{n}", "q")
            assert found is not None and found.outcome == "done"

    async def test_the_ends_of_a_job_are_found_across_queues_and_no_other_jobs(self, documents: Documents) -> None:
        for queue in ("b", "a"):
            await documents.record_job(entry(queue=queue))
        for other in ("job-", "job-10", "job-1.", "job-1-"):
            await documents.record_job(entry(job_id=other))
        assert [(found.job_id, found.queue) for found in await documents.find_jobs("job-1")] == [
            ("job-1", "a"),
            ("job-1", "b"),
        ]
        assert await documents.find_jobs("job-2") == []

    async def test_jobs_are_counted_by_queue_and_outcome(self, documents: Documents) -> None:
        assert await documents.job_counts() == {}
        for n in range(3):
            await documents.record_job(entry(job_id=f"d{n}"))
        await documents.record_job(entry("dead", job_id="x"))
        await documents.record_job(entry("dead", "other", job_id="x"))
        assert await documents.job_counts() == {("q", "done"): 3, ("q", "dead"): 1, ("other", "dead"): 1}

    async def test_an_entry_is_recorded_whatever_its_text_holds(self, documents: Documents) -> None:
        reason = Reason("bad", "half \ud800 a pair", "$5 \x00")
        await documents.record_job(entry("dead", reason=reason, received_at=2**70))
        found = await documents.find_job("job-1", "q")
        assert found is not None and found.reason == Reason("bad", "half ? a pair", "$5 \x00")
        assert found.received_at == 2**63 - 1


class TestTheStoreItself:
    async def test_a_store_that_answers_pings(self, documents: Documents) -> None:
        await documents.ping()

    async def test_a_closed_store_is_unavailable(self, documents: Documents) -> None:
        await documents.close()
        with pytest.raises(Unavailable):
            await documents.set_section(section(version_of(BASE_MS, new_job_id())))
        with pytest.raises(Unavailable):
            await documents.ping()
