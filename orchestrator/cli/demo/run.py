"""The flow of the demo: load, publish, follow, show, and stay if asked to."""

import asyncio
import signal
import time
from collections.abc import Mapping, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass
from typing import Any

from rich.console import Console
from rich.live import Live
from rich.text import Text

from orchestrator.cli.api import api_listener, served
from orchestrator.cli.demo import report
from orchestrator.cli.demo.answer import answer_url, fetch_answer, show_address, show_answer, show_api_command
from orchestrator.cli.demo.pictures import DemoPicture
from orchestrator.cli.demo.progress import Ends, LiveProgress, ends_by_stage, queues_of
from orchestrator.cli.demo.relevance import makers_of, relevance_row, show_relevance
from orchestrator.cli.terminal import plain, print_json, stdout
from orchestrator.config import Settings
from orchestrator.domain.jobs import Job, RelevanceJob
from orchestrator.embedded.control_socket import Call
from orchestrator.observe import configure_logging
from orchestrator.operations import operator, reachable
from orchestrator.runtime.delivery_deadline import DeadlineReached, Drain
from orchestrator.wiring import load_checked_pipeline, open_system, secrets_of, started

POLL_S = 0.3


@dataclass(frozen=True, slots=True)
class Plan:
    """What the demo is to do. ``catalogue`` are rows as `justlens catalogue load` takes them, ``command`` is how a
    command about the demo's system begins."""

    settings: Settings
    pictures: Sequence[DemoPicture]
    catalogue: Sequence[str]
    command: str
    stay: bool
    as_json: bool

    @property
    def described(self) -> list[tuple[DemoPicture, RelevanceJob]]:
        """The pictures that take the relevance road, with their jobs."""
        return [(picture, picture.relevance) for picture in self.pictures if picture.relevance]


@dataclass(frozen=True, slots=True)
class _Demo:
    """One run: how to ask the system, which queue runs which stage, and where to show things."""

    plan: Plan
    call: Call
    queues: Mapping[str, str]
    console: Console
    stop: asyncio.Event


async def run_demo(plan: Plan) -> bool:
    """Whether every job came to its end. The first signal asks to stop, any other one to release what is left."""
    drain = Drain()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, _signalled, drain)
    settings = plan.settings
    configure_logging(settings.log_level, settings.log_format, secrets_of(settings), settings.log_file)
    pipeline = load_checked_pipeline(settings)
    queues = queues_of(pipeline)
    console = Console(quiet=True) if plan.as_json else stdout()
    try:
        async with AsyncExitStack() as stack:
            system = await stack.enter_async_context(open_system(settings, pipeline))
            listener = stack.enter_context(api_listener(settings))
            running = await stack.enter_async_context(started(system, drain))
            await stack.enter_async_context(reachable(running))
            url = await stack.enter_async_context(served(running.system, listener))
            demo = _Demo(plan, operator(running.system), queues, console, drain.requested)
            return await _carry_out(demo, url)
    except DeadlineReached:
        return False


def _signalled(drain: Drain) -> None:
    if drain.requested.is_set():
        drain.expire()
    drain.request()


async def _carry_out(demo: _Demo, api_url: str) -> bool:
    began = time.monotonic()
    await _load(demo)
    published = [
        await _publish(demo, "enhance", [picture.enhance for picture in demo.plan.pictures]),
        await _publish(demo, "describe", [job for _, job in demo.plan.described]),
    ]
    ends = await _follow(demo)
    took = f"{time.monotonic() - began:.0f} s"
    if not ends.complete and not demo.plan.as_json:
        demo.console.print(f"\nStopped after {took}; run it again to go on. Workers that load a model end in a moment.")
        return False
    demo.console.print(f"\nDone after {took}.\n")
    await _show(demo, await _found(demo, published, ends, api_url), api_url)
    if demo.plan.stay and not demo.stop.is_set():
        also = f"Still running, for the commands above and for `{demo.plan.command} publish`. Ctrl-C ends it."
        demo.console.print(Text("\n").append_text(plain(also)), soft_wrap=True)
        await demo.stop.wait()
    return ends.complete


async def _load(demo: _Demo) -> None:
    """The catalogue, then word weights over it: scores are made with them."""
    rows = list(demo.plan.catalogue)
    loaded = await demo.call("catalogue.load", {"rows": rows})
    if refused := [row["error"] for row in loaded if "error" in row]:
        raise RuntimeError(f"the demo's own catalogue was refused: {refused}")
    await demo.call("catalogue.snapshot", {})
    businesses = len({picture.business for picture in demo.plan.pictures})
    categories = sum(row["categories"] for row in loaded)
    demo.console.print(f"{len(demo.plan.pictures)} pictures of {businesses} businesses with {categories} categories")


async def _publish(demo: _Demo, stage: str, jobs: Sequence[Job]) -> report.Published:
    """Put the jobs that nothing is recorded of into the queue of ``stage``."""
    fresh = [job for job in jobs if not await demo.call("jobs", {"job_id": job.job_id})]
    bodies = [job.encode().decode() for job in fresh]
    answers = await demo.call("publish", {"queue": demo.queues[stage], "bodies": bodies})
    if refused := [answer["error"] for answer in answers if "error" in answer]:
        raise RuntimeError(f"the demo's own jobs were refused: {refused}")
    published = report.Published(demo.queues[stage], len(fresh), len(jobs) - len(fresh))
    demo.console.print(f"  {published.queue}: {published.published} published, {published.known} known already")
    return published


async def _ends(demo: _Demo) -> Ends:
    async def of(job: Job) -> dict[str, Mapping[str, Any]]:
        return ends_by_stage(await demo.call("jobs", {"job_id": job.job_id}), demo.queues)

    pictures = demo.plan.pictures
    return Ends([await of(one.enhance) for one in pictures], [await of(job) for _, job in demo.plan.described])


async def _follow(demo: _Demo) -> Ends:
    """Show progress until every job has come to its end, or the user wants to stop."""
    bars = LiveProgress(demo.queues)
    with Live(bars, console=demo.console, refresh_per_second=8):
        while True:
            ends = await _ends(demo)
            bars.update(ends, await demo.call("status", {}))
            if ends.complete or demo.stop.is_set():
                return ends
            await asyncio.sleep(POLL_S)


async def _show(demo: _Demo, found: report.Outcome, api_url: str) -> None:
    if demo.plan.as_json:
        print_json(report.as_json(found))
        return
    console, data_dir = demo.console, demo.plan.settings.data_dir
    report.show_pictures(console, found.pictures)
    show_relevance(console, found.relevance, found.makers)
    report.show_queues(console, found.queues)
    if not demo.stop.is_set():
        show_answer(console, found.answer, found.url)
        if demo.plan.stay:
            show_address(console, api_url, found.url)
        else:
            show_api_command(console, demo.plan.command)
    broken = demo.plan.pictures[-1]
    ids = [job.job_id for job in (broken.enhance, broken.relevance) if job]
    letters = sorted(
        (one for one in found.letters if one["letter_id"] in ids), key=lambda it: ids.index(it["letter_id"])
    )
    if letters:
        report.show_broken(console, letters, demo.plan.command, demo.plan.pictures[0].path)
    report.show_places(console, data_dir, demo.plan.command, found.pictures[0])


async def _found(demo: _Demo, published: Sequence[report.Published], ends: Ends, api_url: str) -> report.Outcome:
    pictures = demo.plan.pictures
    known = [await demo.call("image", {"business_id": one.business, "image_id": one.image}) for one in pictures]
    described = [one for one, picture in zip(known, pictures, strict=True) if picture.relevance]
    relevance = [relevance_row(one, own) for one, own in zip(described, ends.relevance, strict=True)]
    url = answer_url(api_url, relevance)
    return report.Outcome(
        published=published,
        pictures=[report.picture_row(one, own) for one, own in zip(known, ends.enhance, strict=True)],
        relevance=relevance,
        makers=makers_of(described),
        queues=[report.queue_row(queue, ends.of_stage(stage)) for stage, queue in demo.queues.items()],
        letters=await demo.call("dlq.list", {}),
        url=url,
        answer=None if demo.stop.is_set() else await fetch_answer(url),
    )
