"""What every document store does, run against the embedded one and a real mongod."""

import asyncio
import itertools
import random
import time
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest

from orchestrator.domain.errors import JobRefused, Reason, Unavailable
from orchestrator.domain.ids import new_job_id
from orchestrator.domain.ledger import DeadLetter, DeadLetterFilter, LedgerEntry
from orchestrator.domain.outcome import SetSection
from orchestrator.domain.versions import version_of
from orchestrator.stores.embedded import EmbeddedDocuments
from orchestrator.stores.mongo import MongoDocuments
from orchestrator.stores.ports import Documents

BASE_MS = 1_800_000_000_000


@pytest.fixture(params=["embedded", "mongo"])
async def documents(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Documents]:
    store: Documents
    if request.param == "embedded":
        store = await EmbeddedDocuments.open(tmp_path / "documents.sqlite")
    else:
        database = request.getfixturevalue("mongo_database")
        store = MongoDocuments(request.getfixturevalue("mongod").url, database, timeout_s=20)
    await store.ensure_indexes()
    await store.ensure_indexes()
    yield store
    await store.close()


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


class TestSections:
    async def test_an_image_nobody_wrote_about_has_no_metadata(self, documents: Documents) -> None:
        assert await documents.find_metadata("b1", "nothing") is None

    async def test_a_section_is_stored_with_its_version_and_the_time(self, documents: Documents) -> None:
        value = {"n": 1, "f": 0.5, "t": "ä", "none": None, "flag": True, "list": [1, {"a": "b"}], "tuple": (1, 2)}
        assert await documents.set_section(section(version(1), **value))
        assert await stored(documents) == {**value, "tuple": [1, 2], "version": version(1)}

    async def test_an_older_write_never_replaces_a_newer_one(self, documents: Documents) -> None:
        assert await documents.set_section(section(version(2), n="new", only_new=1))
        assert not await documents.set_section(section(version(1), n="old"))
        assert (await stored(documents))["n"] == "new"

    async def test_a_newer_write_replaces_the_whole_section(self, documents: Documents) -> None:
        await documents.set_section(section(version(1), n="old", only_old={"deep": 1}))
        assert await documents.set_section(section(version(2), n="new"))
        assert await stored(documents) == {"n": "new", "version": version(2)}

    async def test_the_same_write_twice_is_the_same_as_once(self, documents: Documents) -> None:
        assert await documents.set_section(section(version(1), n=1))
        before = await documents.find_metadata("b1", "i1")
        assert not await documents.set_section(section(version(1), n=1))
        assert await documents.find_metadata("b1", "i1") == before

    async def test_versions_compare_by_their_bytes(self, documents: Documents) -> None:
        rising = ["1-A", "1-a", "1-z", "1-\u00e4", "1-\uffee", "1-\U0001f600", "10"]
        rising.sort(key=str.encode)
        for lower, higher in itertools.pairwise(rising):
            image = f"{lower}|{higher}"
            assert await documents.set_section(section(higher, image_id=image, n="high"))
            assert not await documents.set_section(section(lower, image_id=image, n="low")), (lower, higher)
            assert not await documents.set_section(section(higher, image_id=image, n="same"))
            assert (await stored(documents, image_id=image))["n"] == "high"

    async def test_two_hundred_writers_in_any_order_leave_the_newest(self, documents: Documents) -> None:
        numbers = list(range(200))
        random.shuffle(numbers)
        await asyncio.gather(*(documents.set_section(section(version(n), n=n)) for n in numbers))
        assert await stored(documents) == {"n": 199, "version": version(199)}

    async def test_three_stages_that_write_a_new_document_at_once_lose_no_section(self, documents: Documents) -> None:
        names = ("content", "enhanced", "clip")
        for first in range(0, 500, 20):
            images = [f"i{n}" for n in range(first, first + 20)]
            writes = [section(version(1), name=name, image_id=image, of=image) for image in images for name in names]
            assert all(await asyncio.gather(*map(documents.set_section, writes)))
        for n in range(500):
            found = await documents.find_metadata("b1", f"i{n}")
            assert found is not None
            assert {name: found[name]["of"] for name in found} == dict.fromkeys(names, f"i{n}")

    async def test_many_sections_of_one_new_document_at_once_lose_none(self, documents: Documents) -> None:
        names = [f"s{n}" for n in range(40)]
        assert all(await asyncio.gather(*(documents.set_section(section(version(1), name=name)) for name in names)))
        found = await documents.find_metadata("b1", "i1")
        assert found is not None and sorted(found) == sorted(names)

    async def test_text_that_looks_like_a_field_path_stays_text(self, documents: Documents) -> None:
        value = {"text": "$5 haircut", "root": "$$ROOT", "op": {"$add": ["$version", 1]}, "list": ["$content"]}
        await documents.set_section(section(version(1), **value))
        await documents.set_section(section(version(2), **value))
        assert await stored(documents) == {**value, "version": version(2)}

    @pytest.mark.parametrize("name", ["a.b", "$set", "$", ".", "a.$b", "_id", "ä ö", "x" * 500])
    async def test_any_field_name_survives(self, documents: Documents, name: str) -> None:
        value = {name: 1, "nested": {name: {name: "x"}}}
        await documents.set_section(section(version(1), **value))
        assert await stored(documents) == {**value, "version": version(1)}

    @pytest.mark.parametrize(
        "value",
        [
            {"n": 2**63},
            {"n": [-(2**63) - 1]},
            {"half": "\ud800"},
            {"\ud800": 1},
            {"null\x00name": 1},
            {"": 1},
            {"deep": {1: "number as a name"}},
            {"bytes": object()},
            {"big": "x" * (9 * 2**20)},
        ],
        ids=["int", "negative", "surrogate", "surrogate-name", "null-name", "empty-name", "name", "type", "big"],
    )
    async def test_what_cannot_be_kept_is_refused_and_changes_nothing(
        self, documents: Documents, value: dict[str, object]
    ) -> None:
        with pytest.raises(JobRefused) as refusal:
            await documents.set_section(section(version(1), **value))
        assert refusal.value.reason.code == "store_refused"
        assert await documents.find_metadata("b1", "i1") is None

    @pytest.mark.parametrize("name", ["", "a.b", "$x", "_id", "A"])
    async def test_a_section_needs_a_plain_name(self, documents: Documents, name: str) -> None:
        with pytest.raises(JobRefused):
            await documents.set_section(section(version(1), name=name))

    async def test_nesting_is_bounded_the_same_way_everywhere(self, documents: Documents) -> None:
        def nested(levels: int) -> dict[str, object]:
            return {"x": nested(levels - 1)} if levels else {"x": 1}

        assert await documents.set_section(section(version(1), **nested(79)))
        with pytest.raises(JobRefused):
            await documents.set_section(section(version(2), **nested(2000 // 10)))

    async def test_the_extreme_values_that_fit_survive(self, documents: Documents) -> None:
        value = {"max": 2**63 - 1, "min": -(2**63), "null": "a\x00b", "inf": float("inf"), "big": "ü" * 10**6}
        await documents.set_section(section(version(1), **value))
        assert await stored(documents) == {**value, "version": version(1)}

    async def test_documents_whose_ids_begin_alike_are_kept_apart(self, documents: Documents) -> None:
        await documents.set_section(SetSection("b", "1", "content", version(1), {"n": 1}))
        await documents.set_section(SetSection("b", "11", "content", version(1), {"n": 2}))
        found = await documents.find_metadata("b", "1")
        assert found is not None and found["content"]["n"] == 1


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


class TestDeadLetters:
    async def test_a_letter_is_found_as_it_was_written_binary_body_and_odd_headers_included(
        self, documents: Documents
    ) -> None:
        headers = {"x-attempt": 3, "a.b": "$x", "$set": -(2**63), "": "empty", "null\x00": "n"}
        whole = letter("raw-1", body=bytes(range(256)), headers=headers, job_id=None, business_id=None, image_id=None)
        await documents.index_dead_letter(whole)
        assert await documents.find_dead_letters(DeadLetterFilter()) == [whole]

    async def test_the_same_letter_again_replaces_itself(self, documents: Documents) -> None:
        await documents.index_dead_letter(letter("l1", headers={"gone": 1}))
        again = letter("l1", died_at=BASE_MS + 1, replays=1)
        for _ in range(2):
            await documents.index_dead_letter(again)
        await documents.index_dead_letter(letter("l1", queue="other"))
        assert await documents.find_dead_letters(DeadLetterFilter(queue="q")) == [again]
        assert len(await documents.find_dead_letters(DeadLetterFilter(letter_id="l1"))) == 2

    async def test_letters_come_newest_first_up_to_the_limit(self, documents: Documents) -> None:
        for n in (2, 0, 3, 1):
            await documents.index_dead_letter(letter(f"l{n}", died_at=BASE_MS + n))
        newest = await documents.find_dead_letters(DeadLetterFilter(), limit=3)
        assert [found.letter_id for found in newest] == ["l3", "l2", "l1"]
        assert await documents.find_dead_letters(DeadLetterFilter(), limit=0) == []
        assert len(await documents.find_dead_letters(DeadLetterFilter())) == 4

    async def test_every_filter_means_what_the_domain_says(self, documents: Documents) -> None:
        now = time.time_ns() // 1_000_000
        letters = [
            letter("l1", died_at=now - 3_600_000),
            letter("l2", died_at=now - 60_000, queue="other"),
            letter("l3", died_at=now - 7_200_000, reason=Reason("worse", "")),
            letter("l4", died_at=now - 600_000, business_id="b2"),
            letter("l5", died_at=now - 600_000, business_id=None),
        ]
        for each in letters:
            await documents.index_dead_letter(each)
        for wanted in [
            DeadLetterFilter(),
            DeadLetterFilter(queue="other"),
            DeadLetterFilter(queue="$ne"),
            DeadLetterFilter(reason="worse"),
            DeadLetterFilter(business_id="b2"),
            DeadLetterFilter(letter_id="l1"),
            DeadLetterFilter(older_than_s=1800),
            DeadLetterFilter(newer_than_s=1800),
            DeadLetterFilter(older_than_s=300, newer_than_s=5400),
            DeadLetterFilter(queue="q", reason="bad", business_id="b1", older_than_s=1),
        ]:
            expected = {each.letter_id for each in letters if wanted.matches(each, now)}
            found = {each.letter_id for each in await documents.find_dead_letters(wanted)}
            assert found == expected, wanted

    async def test_a_forgotten_letter_is_gone_and_forgetting_twice_is_no_error(self, documents: Documents) -> None:
        await documents.index_dead_letter(letter("l1"))
        await documents.index_dead_letter(letter("l2"))
        for _ in range(2):
            await documents.forget_dead_letter("q", "l1")
        assert [found.letter_id for found in await documents.find_dead_letters(DeadLetterFilter())] == ["l2"]

    async def test_letters_are_counted_by_queue_and_reason(self, documents: Documents) -> None:
        for n in range(3):
            await documents.index_dead_letter(letter(f"l{n}"))
        await documents.index_dead_letter(letter("w", queue="other", reason=Reason("$worse", "")))
        assert await documents.dead_letter_counts() == {("q", "bad"): 3, ("other", "$worse"): 1}

    async def test_a_body_of_four_mebibytes_is_kept(self, documents: Documents) -> None:
        big = letter("big", body=random.randbytes(4 * 2**20))
        await documents.index_dead_letter(big)
        assert await documents.find_dead_letters(DeadLetterFilter()) == [big]


class TestTheStoreItself:
    async def test_a_store_that_answers_pings(self, documents: Documents) -> None:
        await documents.ping()

    async def test_a_closed_store_is_unavailable(self, documents: Documents) -> None:
        await documents.close()
        with pytest.raises(Unavailable):
            await documents.set_section(section(version_of(BASE_MS, new_job_id())))
        with pytest.raises(Unavailable):
            await documents.ping()
