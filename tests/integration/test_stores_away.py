"""Stores whose server is stopped, frozen or refuses: unavailable within the timeout, and well again afterwards."""

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Sequence
from pathlib import Path

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from orchestrator.domain.errors import JobRefused, Reason, Unavailable
from orchestrator.domain.ledger import DeadLetter, DeadLetterFilter, LedgerEntry
from orchestrator.domain.outcome import PutObject, SetSection
from orchestrator.stores.embedded import EmbeddedDocuments
from orchestrator.stores.mongo import MongoDocuments
from orchestrator.stores.s3 import S3Objects
from tests.conftest import require
from tests.kit.mongod import Mongod
from tests.kit.s3 import ACCESS_KEY, REGION, SECRET_KEY, S3Server

LOST_RACE = 11001  # a duplicate key to the driver, like 11000, which a fail point cannot answer by itself
TIMEOUT_S = 1.0
AT_MOST_S = 5.0  # the machine may be busy; a call without a timeout takes 20 s and more

SECTION = SetSection("b", "i", "content", "v1", {"n": 1})
PUT = PutObject("a/b", b"x" * 100_000, "image/png")


async def is_unavailable(call: Awaitable[object]) -> str:
    began = time.monotonic()
    with pytest.raises(Unavailable) as away:
        await call
    assert time.monotonic() - began < AT_MOST_S
    return str(away.value)


@pytest.fixture
def own_mongod(tmp_path: Path) -> Iterator[Mongod]:
    require(Mongod.missing())
    server = Mongod(tmp_path / "mongod")
    try:
        server.start()
        yield server
    finally:
        server.stop()


@pytest.fixture
def own_s3(tmp_path: Path) -> Iterator[S3Server]:
    require(S3Server.missing())
    server = S3Server(tmp_path / "s3")
    try:
        server.start()
        server.make_bucket("pictures")
        yield server
    finally:
        server.stop()


class MongodWithFailPoints(Mongod):
    """A mongod that can be told to answer with an error."""

    def command(self) -> Sequence[str]:
        return [*super().command(), "--setParameter", "enableTestCommands=1"]

    def fail(self, command: str, *, code: int, times: int) -> None:
        """Answer the next ``times`` commands of that name with an error."""
        with self.client() as client:
            data = {"failCommands": [command], "errorCode": code}
            client.admin.command("configureFailPoint", "failCommand", mode={"times": times}, data=data)


async def s3_at(endpoint: str, bucket: str = "pictures") -> S3Objects:
    return await S3Objects.open(
        bucket, region=REGION, timeout_s=TIMEOUT_S, endpoint=endpoint, access_key=ACCESS_KEY, secret_key=SECRET_KEY
    )


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


class TestS3:
    async def test_every_call_gives_up_when_the_server_freezes_or_dies(self, own_s3: S3Server) -> None:
        objects = await s3_at(own_s3.endpoint)
        assert await objects.put(PUT)
        for take_away in (own_s3.freeze, own_s3.kill):
            take_away()
            calls = [objects.put(PUT), objects.get("a/b"), objects.exists("a/b"), objects.ping()]
            said = await asyncio.gather(*(is_unavailable(call) for call in calls))
            assert all(text.startswith("s3 is not available: bucket pictures") for text in said)
            own_s3.thaw()
        await objects.close()

    async def test_a_bucket_that_does_not_exist_is_the_operators_fault(self, own_s3: S3Server) -> None:
        objects = await s3_at(own_s3.endpoint, "missing")
        assert "NoSuchBucket" in await is_unavailable(objects.put(PUT))
        assert "NoSuchBucket" in await is_unavailable(objects.get("a/b"))
        await is_unavailable(objects.ping())
        await objects.close()


class Scripted:
    """An S3 endpoint that answers with given statuses and error codes, one after the other."""

    def __init__(self) -> None:
        self.answers: list[tuple[int, str]] = []
        self.requests: list[web.Request] = []

    async def answer(self, request: web.Request) -> web.StreamResponse:
        await request.read()
        self.requests.append(request)
        status, code = self.answers.pop(0)
        if code == "cut":
            reply = web.StreamResponse(headers={"Content-Length": "1000"})
            await reply.prepare(request)
            await reply.write(b"half")
            assert request.transport is not None
            request.transport.close()
            return reply
        body = f"<Error><Code>{code}</Code><Message>why</Message></Error>" if code else ""
        return web.Response(status=status, body=body.encode(), content_type="application/xml")


@pytest.fixture
async def scripted() -> AsyncIterator[tuple[Scripted, S3Objects]]:
    script = Scripted()
    app = web.Application(client_max_size=2**24)
    app.router.add_route("*", "/{path:.*}", script.answer)
    async with TestServer(app) as server:
        objects = await s3_at(str(server.make_url("")).rstrip("/"))
        yield script, objects
        await objects.close()


class TestS3Answers:
    async def test_a_put_is_conditional_and_a_conflict_is_tried_again(
        self, scripted: tuple[Scripted, S3Objects]
    ) -> None:
        script, objects = scripted
        script.answers = [(409, "ConditionalRequestConflict"), (409, "OperationAborted"), (200, "")]
        assert await objects.put(PUT)
        assert [request.headers["If-None-Match"] for request in script.requests] == ["*"] * 3
        script.answers = [(409, "ConditionalRequestConflict"), (412, "PreconditionFailed")]
        assert not await objects.put(PUT)
        script.answers = [(409, "ConditionalRequestConflict")] * 10
        await is_unavailable(objects.put(PUT))

    @pytest.mark.parametrize(
        ("status", "code"),
        [(500, "InternalError"), (503, "SlowDown"), (403, "AccessDenied"), (400, "RequestTimeout"), (502, "")],
    )
    async def test_what_is_not_the_jobs_fault_is_unavailable_after_one_request(
        self, scripted: tuple[Scripted, S3Objects], status: int, code: str
    ) -> None:
        script, objects = scripted
        script.answers = [(status, code)]
        assert code in await is_unavailable(objects.put(PUT))
        assert len(script.requests) == 1

    async def test_an_object_that_is_too_large_refuses_the_job(self, scripted: tuple[Scripted, S3Objects]) -> None:
        script, objects = scripted
        script.answers = [(400, "EntityTooLarge")]
        with pytest.raises(JobRefused, match="EntityTooLarge"):
            await objects.put(PUT)

    async def test_a_body_that_breaks_off_is_unavailable_not_short(self, scripted: tuple[Scripted, S3Objects]) -> None:
        script, objects = scripted
        script.answers = [(200, "cut")]
        await is_unavailable(objects.get("a/b"))


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
            monkeypatch.setattr("orchestrator.stores.embedded._now_ms", lambda ago=days_ago: now_ms - ago * 86_400_000)
            await documents.record_job(LedgerEntry(f"j{days_ago}", "q", "done", 1, "b", "i", 1, 1.0))
        kept = [days_ago for days_ago in (31, 29, 0) if await documents.find_job(f"j{days_ago}", "q")]
        await documents.close()
        assert kept == [29, 0]
