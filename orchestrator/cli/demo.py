"""``justlens demo``: the whole system in one process, on real photographs, from publishing to the tables at the end."""

import asyncio
import os
import signal
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.live import Live

from orchestrator.cli import demo_report as report
from orchestrator.cli.demo_pictures import DemoPicture, broken_picture, pictures_in, sample_pictures
from orchestrator.cli.terminal import AsJson, print_json, stdout
from orchestrator.config import Settings, load_settings
from orchestrator.control import Call
from orchestrator.observe import configure_logging

FIRST, SECOND = "image_enhance_process", "image_enhance_update"
POLL_S = 0.2


@dataclass(frozen=True, slots=True)
class Ends:
    """The recorded ends of the demo's jobs, in the order of its pictures."""

    by_picture: Sequence[Sequence[dict[str, Any]]]

    def of_queue(self, queue: str) -> list[dict[str, Any]]:
        """The ends in one queue."""
        return [end for ends in self.by_picture for end in ends if end["queue"] == queue]

    @property
    def complete(self) -> bool:
        """Whether every picture's job has come to its last end."""
        return all(any(end["queue"] == SECOND or end["outcome"] == "dead" for end in ends) for ends in self.by_picture)


def demo(
    folder: Annotated[Path | None, typer.Argument(help="Your pictures; sub-folders are businesses.")] = None,
    data_dir: Annotated[Path, typer.Option(help="Where everything is kept.")] = Path("justlens-demo"),
    exit_: Annotated[bool, typer.Option("--exit", help="End when all is done instead of waiting for Ctrl-C.")] = False,
    as_json: AsJson = False,
) -> None:
    """Run the whole system on sample photographs, without servers, and show what it did.

    Run again, it goes on with what is there: pictures that are done are not done twice.
    """
    settings = load_settings(
        mode="embedded",
        data_dir=data_dir,
        http_port=0,
        log_format="json",
        log_file=data_dir / "log.jsonl",
        endpoints={},
    )
    data_dir.mkdir(parents=True, exist_ok=True)
    pictures = [*(sample_pictures() if folder is None else pictures_in(folder)), broken_picture(data_dir)]
    ends = exit_ or as_json or os.environ.get("CI", "").lower() == "true"
    asyncio.run(_run(settings, pictures, stay=not ends, as_json=as_json))


async def _run(settings: Settings, pictures: Sequence[DemoPicture], *, stay: bool, as_json: bool) -> None:
    # Wiring imports every part; a command that only prints its help does without.
    from orchestrator.operations import operator, reachable
    from orchestrator.runtime.patience import Drain
    from orchestrator.wiring import load_checked_pipeline, secrets_of, started

    console = stdout()
    drain = Drain()
    stop = drain.requested
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, drain.request)
    configure_logging(settings.log_level, settings.log_format, secrets_of(settings), settings.log_file)
    async with started(settings, load_checked_pipeline(settings), drain) as running, reachable(running):
        call = operator(running.system)
        known = await _ends(call, pictures)
        fresh = [p for p, ends in zip(pictures, known.by_picture, strict=True) if not ends]
        answers = await call("publish", {"queue": FIRST, "bodies": [p.job.encode().decode() for p in fresh]})
        refused = [answer["error"] for answer in answers if "error" in answer]
        if not as_json:
            console.print(
                f"{len(pictures)} pictures: {len(fresh)} published, {len(pictures) - len(fresh)} known already"
            )
        ended = await _follow(call, pictures, None if as_json else console, stop)
        await _show(call, pictures, ended, settings, None if as_json else console)
        if refused:
            raise RuntimeError(f"the demo's own jobs were refused: {refused}")
        if stay and not stop.is_set():
            console.print("\nStill running, for the commands above and for `justlens publish`. Ctrl-C ends it.")
            await stop.wait()


async def _ends(call: Call, pictures: Sequence[DemoPicture]) -> Ends:
    return Ends([await call("jobs", {"job_id": picture.job.job_id}) for picture in pictures])


async def _follow(call: Call, pictures: Sequence[DemoPicture], console: Console | None, stop: asyncio.Event) -> Ends:
    """Show progress until every job has come to its end, or the user wants to stop."""
    bars = report.LiveProgress(len(pictures), [FIRST, SECOND])
    with Live(bars, console=console or Console(quiet=True), refresh_per_second=8):
        while True:
            ends = await _ends(call, pictures)
            queues = {queue["queue"]: queue for queue in (await call("status", {}))["queues"]}
            first = ends.of_queue(FIRST)
            passed_on = sum(end["outcome"] == "done" for end in first)
            bars.update(FIRST, ended=len(first), total=len(pictures), note=_note(queues[FIRST]))
            bars.update(SECOND, ended=len(ends.of_queue(SECOND)), total=passed_on, note=_note(queues[SECOND]))
            if ends.complete or stop.is_set():
                return ends
            await asyncio.sleep(POLL_S)


def _note(queue: dict[str, Any]) -> str:
    words = (("unacked", "in progress"), ("retrying", "waiting to retry"), ("dead", "dead"))
    return ", ".join(f"{queue[key]} {word}" for key, word in words if queue.get(key))


async def _show(
    call: Call, pictures: Sequence[DemoPicture], ends: Ends, settings: Settings, console: Console | None
) -> None:
    rows = []
    for picture, own in zip(pictures, ends.by_picture, strict=True):
        job = picture.job
        metadata = await call("image", {"business_id": job.business_id, "image_id": job.image_id})
        rows.append(report.picture_row(job.business_id, job.image_id, metadata, own))
    queues = [report.queue_row(queue, ends.of_queue(queue)) for queue in (FIRST, SECOND)]
    letters = await call("dlq.list", {})
    if console is None:
        print_json(report.as_json(rows, queues, letters))
        return
    report.show_report(console, rows, queues)
    broken = [letter for letter in letters if letter["letter_id"] == pictures[-1].job.job_id]
    if broken:
        report.show_broken(console, broken[0], settings.data_dir, pictures[0].path)
    report.show_places(console, settings.data_dir)
