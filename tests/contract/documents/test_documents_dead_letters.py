"""What every document store does with dead letters."""

import random
import time

from orchestrator.domain.errors import Reason
from orchestrator.domain.ledger import DeadLetterFilter
from orchestrator.stores.ports import Documents
from tests.kit.records import BASE_MS, letter


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
