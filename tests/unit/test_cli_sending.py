"""Every job that publish reads is accounted for, whatever the other side does."""

import asyncio
import json
from collections.abc import Iterator
from typing import Any

from orchestrator.cli.sending import CHUNK, Checked, Report, send
from orchestrator.domain.errors import Unavailable
from orchestrator.domain.jobs import EnhanceJob


def jobs(count: int) -> Iterator[Checked]:
    for n in range(count):
        job = EnhanceJob(business_id="b", image_id=str(n), image_url=f"https://e.x/{n}").stamp(1_700_000_000_000)
        yield Checked(f"line {n + 1}", job)


class Publisher:
    """The other side: ``unknown`` says for which line numbers the broker does not answer."""

    def __init__(self, *, unknown: range = range(0), away_after: int | None = None) -> None:
        self.chunks: list[int] = []
        self.unknown = unknown
        self.away_after = away_after

    async def __call__(self, operation: str, arguments: dict[str, Any]) -> list[dict[str, Any]]:
        assert operation == "publish" and arguments["queue"] == "q"
        if len(self.chunks) == self.away_after:
            raise Unavailable("the owner", "it went away")
        self.chunks.append(len(arguments["bodies"]))
        answers = []
        for body in map(json.loads, arguments["bodies"]):
            lost = int(body["image_id"]) in self.unknown
            answers.append({"job_id": body["job_id"], **({"error": "silent", "unknown": True} if lost else {})})
        return answers


async def sent(publisher: Publisher, count: int, **options: Any) -> Report:
    report = Report()
    given = {"per_second": None, "stopping": asyncio.Event(), "advance": lambda: None, **options}
    await send(publisher, "q", jobs(count), report, **given)
    accounted = len(report.published) + len(report.refused) + len(report.unknown) + report.not_sent
    assert accounted == count
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
