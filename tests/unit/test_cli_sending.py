"""Every job that publish reads is accounted for, whatever the other side does."""

import asyncio
import json
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from orchestrator.cli.publish.sending import CHUNK, Checked, Report, send
from orchestrator.domain.errors import ConfigurationError, Unavailable
from orchestrator.domain.jobs import EnhanceJob
from orchestrator.embedded.control_socket import Call, Owner, serve_control


def jobs(count: int, queues: Sequence[str] = ("q",)) -> Iterator[Checked]:
    for n in range(count):
        for queue in queues:
            job = EnhanceJob(business_id="b", image_id=str(n), image_url=f"https://e.x/{n}").with_identity(
                1_700_000_000_000
            )
            yield Checked(f"line {n + 1}", job, queue)


class Publisher:
    """The other side: the broker does not answer for the images in ``unknown``, nor for the queue ``silent``."""

    def __init__(self, *, unknown: range = range(0), away_after: int | None = None, silent: str = "") -> None:
        self.chunks: list[int] = []
        self.silent = silent
        self.unknown = unknown
        self.away_after = away_after

    async def __call__(self, operation: str, arguments: dict[str, Any]) -> list[dict[str, Any]]:
        assert operation == "publish"
        if len(self.chunks) == self.away_after:
            raise Unavailable("the owner", "it went away")
        self.chunks.append(len(arguments["bodies"]))
        answers = []
        for body in map(json.loads, arguments["bodies"]):
            lost = int(body["image_id"]) in self.unknown or arguments["queue"] == self.silent
            answers.append({"job_id": body["job_id"], **({"error": "silent", "unknown": True} if lost else {})})
        return answers


async def sent(publisher: Call, count: int, **options: Any) -> Report:
    report = Report()
    given = {"per_second": None, "stopping": asyncio.Event(), "advance": lambda: None, **options}
    await send(publisher, jobs(count), {"q": report}, **given)
    assert report.read == count
    return report


async def test_jobs_go_in_chunks() -> None:
    publisher = Publisher()

    report = await sent(publisher, 2 * CHUNK + 1)

    assert publisher.chunks == [CHUNK, CHUNK, 1] and report.complete


async def test_an_unanswered_job_is_named_with_the_body_to_publish_again() -> None:
    report = await sent(Publisher(unknown=range(3, 4)), CHUNK + 1)

    assert [(job["place"], job["error"]) for job in report.unknown] == [("line 4", "silent")]
    assert json.loads(report.unknown[0]["body"])["job_id"] == report.unknown[0]["job_id"]
    assert len(report.published) == CHUNK and not report.complete


async def test_a_silent_broker_ends_the_sending_after_one_chunk() -> None:
    publisher = Publisher(unknown=range(10_000))

    report = await sent(publisher, 3 * CHUNK)

    assert publisher.chunks == [CHUNK]
    assert len(report.unknown) == CHUNK
    assert (report.not_sent, report.not_sent_from) == (2 * CHUNK, f"line {CHUNK + 1}")


async def test_jobs_on_their_way_when_the_owner_goes_are_unknown_not_lost() -> None:
    report = await sent(Publisher(away_after=1), 3 * CHUNK)

    assert len(report.published) == CHUNK and len(report.unknown) == CHUNK
    assert report.unknown[0]["place"] == f"line {CHUNK + 1}" and "went away" in str(report.stopped_by)


async def test_jobs_that_the_broker_surely_lacks_are_not_sent_rather_than_unknown() -> None:
    async def call(operation: str, arguments: dict[str, Any]) -> list[dict[str, Any]]:
        return [{"error": "the broker is away", "unknown": False, "not_sent": True} for _ in arguments["bodies"]]

    report = await sent(call, 2 * CHUNK)

    assert (report.not_sent, report.not_sent_from, report.stopped_by) == (2 * CHUNK, "line 1", "the broker is away")
    assert not report.unknown and not report.published


async def test_an_owner_that_knows_no_such_queue_has_sent_nothing() -> None:
    async def refuse(operation: str, arguments: dict[str, Any]) -> None:
        raise ConfigurationError(["queue: no queue 'q'; known: other"])

    with tempfile.TemporaryDirectory() as folder:  # the path of a socket has to be short
        server = await serve_control(Path(folder), refuse)
        owner = await Owner.connect(Path(folder))
        report = await sent(owner.call, 3)
        await owner.close()
        server.close()

    assert (report.not_sent, len(report.unknown)) == (3, 0)
    assert report.stopped_by == "queue: no queue 'q'; known: other"


async def test_a_rate_makes_small_chunks_and_takes_its_time() -> None:
    publisher = Publisher()
    loop = asyncio.get_running_loop()
    began = loop.time()

    await sent(publisher, 60, per_second=100.0)
    assert publisher.chunks == [60]

    publisher.chunks.clear()
    began = loop.time()
    await sent(publisher, 12, per_second=5.0)
    assert publisher.chunks == [5, 5, 2]
    assert loop.time() - began >= 1.9


async def test_a_stop_while_it_waits_leaves_the_rest_unsent() -> None:
    publisher = Publisher()
    stopping = asyncio.Event()

    report = await sent(publisher, 30, per_second=1.0, stopping=stopping, advance=stopping.set)

    assert len(report.published) == 1 and report.not_sent == 29 and report.not_sent_from == "line 2"


async def test_each_queue_has_its_own_report_and_one_that_is_silent_ends_the_sending() -> None:
    reports = {"a": Report(), "b": Report()}
    options: dict[str, Any] = {"per_second": None, "stopping": asyncio.Event(), "advance": lambda: None}

    await send(Publisher(silent="b"), jobs(CHUNK, ["a", "b"]), reports, **options)

    a, b = reports["a"], reports["b"]
    assert a.read == b.read == CHUNK
    assert (len(a.published), a.not_sent, a.not_sent_from) == (CHUNK // 2, CHUNK // 2, f"line {CHUNK // 2 + 1}")
    assert (len(b.unknown), b.not_sent) == (CHUNK // 2, CHUNK // 2)
    assert a.stopped_by == b.stopped_by == "silent"


async def test_two_queues_get_the_same_pictures_in_one_call_each() -> None:
    reports = {"a": Report(), "b": Report()}
    publisher = Publisher()
    options: dict[str, Any] = {"per_second": None, "stopping": asyncio.Event(), "advance": lambda: None}

    await send(publisher, jobs(3, ["a", "b"]), reports, **options)

    assert publisher.chunks == [3, 3]
    assert all(report.complete and len(set(report.published)) == 3 for report in reports.values())
    assert not set(reports["a"].published) & set(reports["b"].published)
