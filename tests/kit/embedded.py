"""An embedded system for tests of the command line: its folder, its owner, and what is in it."""

import asyncio
from pathlib import Path
from typing import Any

from PIL import Image

from orchestrator.config import load_settings
from orchestrator.operations import connected
from orchestrator.wiring import load_checked_pipeline
from tests.kit.cli import Cli
from tests.kit.orchestrators import ROOT, Orchestrator
from tests.kit.process import wait_until

QUEUE = "image_enhance_process"


def embedded(folder: Path) -> Cli:
    """The command line of an embedded system in ``folder``."""
    settings = {"DATA_DIR": str(folder / "data"), "QUEUES_FILE": str(ROOT / "queues.yaml"), "API_PORT": "0"}
    return Cli(folder, {f"JUSTLENS_{name}": value for name, value in settings.items()})


def picture_folder(folder: Path) -> Path:
    """A new folder in ``folder`` with the pictures front.jpg and menu.jpg, and broken.jpg, which is none."""
    pictures = folder / "pictures"
    pictures.mkdir()
    for number, name in enumerate(("front", "menu")):
        Image.effect_noise((96, 72), 40 + number).convert("RGB").save(pictures / f"{name}.jpg")
    (pictures / "broken.jpg").write_bytes(b"no picture at all")
    return pictures


def started(cli: Cli) -> Orchestrator:
    """The process that owns the system, ready. The caller kills it."""
    process = Orchestrator("owner", cli.folder, {**cli.environment, "JUSTLENS_FETCH_ALLOW_NETWORKS": '["127.0.0.0/8"]'})
    try:
        asyncio.run(process.ready())
    except BaseException:
        process.kill()
        raise
    return process


def ask(cli: Cli, operation: str, **arguments: Any) -> Any:
    """An operation's answer without the cost of a process; through the owner when there is one."""
    settings = load_settings(data_dir=cli.environment["JUSTLENS_DATA_DIR"], queues_file=ROOT / "queues.yaml")

    async def work() -> Any:
        async with connected(settings, load_checked_pipeline(settings)) as call:
            return await call(operation, arguments)

    return asyncio.run(work())


def row(cli: Cli, queue: str = QUEUE) -> dict[str, Any]:
    """The queue's line of the status."""
    [found] = [row for row in ask(cli, "status")["queues"] if row["queue"] == queue]
    return dict(found)


def dead(cli: Cli, business: str) -> list[dict[str, Any]]:
    """The dead letters of a business."""
    return list(ask(cli, "dlq.list", business_id=business))


def until_dead(cli: Cli, business: str, replays: int = 0) -> str:
    """Wait for the one job of a business to be dead after so many replays; the letter's name."""
    wait_until(lambda: [letter["replays"] for letter in dead(cli, business)] == [replays], 30, "the job to be dead")
    return str(dead(cli, business)[0]["letter_id"])


def until_done(cli: Cli, job_id: str) -> None:
    """Wait for the job to be through both of its queues."""
    wait_until(lambda: [end["outcome"] for end in ask(cli, "jobs", job_id=job_id)] == ["done"] * 2, 30, "the job")
