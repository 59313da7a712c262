"""Documents whose mongod is stopped, frozen or refuses: unavailable within the timeout, and well again afterwards."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Iterator, Sequence
from pathlib import Path

import pytest

from orchestrator.domain.errors import JobRefused, Reason, Unavailable
from orchestrator.domain.ledger import DeadLetter, DeadLetterFilter, LedgerEntry
from orchestrator.domain.outcome import SetSection
from orchestrator.stores.mongo import MongoDocuments
from tests.conftest import require
from tests.kit.away import SECTION, TIMEOUT_S, is_unavailable
from tests.kit.mongod import Mongod

LOST_RACE = 11001  # a duplicate key to the driver, like 11000, which a fail point cannot answer by itself


@pytest.fixture(scope="module")
def shared_mongod(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Mongod]:
    require(Mongod.missing())
    server = Mongod(tmp_path_factory.mktemp("mongod-away"))
    try:
        server.start()
        yield server
    finally:
        server.close()


@pytest.fixture
def own_mongod(shared_mongod: Mongod) -> Mongod:
    """A mongod that the test may freeze and kill, without what the test before it wrote."""
    shared_mongod.ensure_running()
    shared_mongod.drop_database("away")
    return shared_mongod


class MongodWithFailPoints(Mongod):
    """A mongod that can be told to answer with an error."""

    def command(self) -> Sequence[str]:
        return [*super().command(), "--setParameter", "enableTestCommands=1"]

    def fail(self, command: str, *, code: int, times: int) -> None:
        """Answer the next ``times`` commands of that name with an error."""
        with self.client() as client:
            data = {"failCommands": [command], "errorCode": code}
            client.admin.command("configureFailPoint", "failCommand", mode={"times": times}, data=data)


class TestMongo:
    async def test_every_call_gives_up_when_the_server_freezes_or_dies_and_works_when_it_is_back(
        self, own_mongod: Mongod
    ) -> None:
        documents = MongoDocuments(own_mongod.url, "away", timeout_s=TIMEOUT_S)
        entry = LedgerEntry("j", "q", "done", 1, "b", "i", 1, 1.0)
        letter = DeadLetter("q", "l", Reason("c", "m"), 1, 0, 1, 1, b"")
        assert await documents.set_section(SECTION)
        calls: list[Callable[[], Awaitable[object]]] = [
            lambda: documents.set_section(SECTION),
            lambda: documents.find_metadata("b", "i"),
            lambda: documents.record_job(entry),
            lambda: documents.find_job("j", "q"),
            lambda: documents.find_jobs("j"),
            documents.job_counts,
            lambda: documents.index_dead_letter(letter),
            lambda: documents.find_dead_letters(DeadLetterFilter()),
            lambda: documents.forget_dead_letter("q", "l"),
            documents.dead_letter_counts,
            documents.ensure_indexes,
            documents.ping,
        ]
        for take_away in (own_mongod.freeze, own_mongod.kill):
            take_away()
            said = await asyncio.gather(*(is_unavailable(call()) for call in calls))
            assert all(text.startswith("mongodb is not available") for text in said)
            own_mongod.ensure_running()
            deadline = time.monotonic() + 20
            while True:
                try:
                    assert not await documents.set_section(SECTION)
                    break
                except Unavailable:
                    assert time.monotonic() < deadline
        await documents.close()

    async def test_many_calls_at_once_to_a_frozen_server_all_give_up_in_time(self, own_mongod: Mongod) -> None:
        documents = MongoDocuments(own_mongod.url, "away", timeout_s=TIMEOUT_S)
        await documents.ping()
        own_mongod.freeze()
        await asyncio.gather(*(is_unavailable(documents.set_section(SECTION)) for _ in range(60)))
        own_mongod.thaw()
        await documents.close()

    async def test_the_driver_itself_gives_up_first_and_says_why(self, own_mongod: Mongod) -> None:
        documents = MongoDocuments(own_mongod.url, "away", timeout_s=TIMEOUT_S)
        await documents.ping()
        own_mongod.freeze()
        assert "timed out" in await is_unavailable(documents.ping())
        own_mongod.thaw()
        await documents.close()

    async def test_upserts_that_lose_the_race_for_a_new_document_are_tried_again(self, tmp_path: Path) -> None:
        require(Mongod.missing())
        server = MongodWithFailPoints(tmp_path / "mongod")
        documents = MongoDocuments(server.url, "race", timeout_s=20)
        try:
            server.start()
            server.fail("update", code=LOST_RACE, times=3)
            assert await documents.set_section(SECTION)
            server.fail("update", code=LOST_RACE, times=3)
            await documents.record_job(LedgerEntry("j", "q", "done", 1, "b", "i", 1, 1.0))
            server.fail("update", code=LOST_RACE, times=100)
            assert "too many writers" in await is_unavailable(documents.set_section(SECTION))
            server.fail("update", code=91, times=100)  # ShutdownInProgress
            await is_unavailable(documents.set_section(SECTION))
        finally:
            await documents.close()
            server.stop()

    async def test_the_password_is_never_said(self) -> None:
        documents = MongoDocuments("mongodb://user:hunter2@127.0.0.1:9/", "away", timeout_s=0.3)
        assert "hunter2" not in await is_unavailable(documents.ping())
        await documents.close()

    async def test_a_validator_of_the_server_refuses_the_job(self, mongod: Mongod, mongo_database: str) -> None:
        with mongod.client() as client:
            client[mongo_database].create_collection("metadata", validator={"content.n": {"$lt": 5}})
        documents = MongoDocuments(mongod.url, mongo_database, timeout_s=20)
        assert await documents.set_section(SECTION)
        with pytest.raises(JobRefused, match="store_refused"):
            await documents.set_section(SetSection("b", "i", "content", "v2", {"n": 7}))
        await documents.close()

    async def test_a_document_that_would_grow_over_the_limit_refuses_the_job(
        self, mongod: Mongod, mongo_database: str
    ) -> None:
        documents = MongoDocuments(mongod.url, mongo_database, timeout_s=20)
        big = {"text": "x" * (6 * 2**20)}
        for section in ("one", "two"):
            await documents.set_section(SetSection("b", "i", section, "v1", big))
        with pytest.raises(JobRefused, match="store_refused"):
            await documents.set_section(SetSection("b", "i", "three", "v1", big))
        found = await documents.find_metadata("b", "i")
        assert found is not None and set(found) == {"one", "two"}
        await documents.close()

    async def test_jobs_are_kept_thirty_days(self, mongod: Mongod, mongo_database: str) -> None:
        documents = MongoDocuments(mongod.url, mongo_database, timeout_s=20)
        await documents.ensure_indexes()
        await documents.record_job(LedgerEntry("j", "q", "done", 1, "b", "i", 1, 1.0))
        await documents.close()
        with mongod.client() as client:
            indexes = client[mongo_database]["jobs"].index_information()
            (job,) = client[mongo_database]["jobs"].find()
        assert indexes["recorded_at_1"]["expireAfterSeconds"] == 30 * 24 * 3600
        assert job["recorded_at"].timestamp() > 0 and job["_id"] == "j/q"
