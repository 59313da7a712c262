"""The checks of doctor that concern the data directory of an embedded system and the process that owns it."""

import asyncio
import shutil
import tempfile
import time
from contextlib import ExitStack
from pathlib import Path

from orchestrator.cli.doctor.checks import Check, Wrong
from orchestrator.config import Settings
from orchestrator.domain.errors import ConfigurationError, Unavailable
from orchestrator.embedded.control_socket import Owner
from orchestrator.embedded.data_dir import find_problem, is_owned
from orchestrator.listening import open_listener

LEAST_FREE_BYTES = 2**30
OWNER_WAIT_S = 5.0
OWNER_POLL_S = 0.1


def data_checks(settings: Settings) -> list[Check]:
    """The directory, its owner, the ports that a new owner would take, and the room that is left."""
    folder = settings.data_dir

    async def writable() -> str:
        if problem := find_problem(folder):
            raise Wrong(problem)
        await asyncio.to_thread(_write, folder)
        return f"{folder.resolve()}{'' if folder.is_dir() else ', made by the first command that needs it'}"

    async def owner() -> str:
        return await _ask_owner(folder)

    async def ports() -> str:
        return "those of the process that runs here" if is_owned(folder) else _try_ports(settings)

    async def free_space() -> str:
        return _measure_space(folder)

    return [
        Check("data directory", writable, "Make it writable for this user, or choose another one with --data-dir."),
        Check(
            "running process",
            owner,
            "Look at its log, and wait for it or stop it; `justlens status` shows what one that answers is doing.",
        ),
        Check("ports", ports, "`justlens run` needs both; JUSTLENS_API_PORT and JUSTLENS_HTTP_PORT name others."),
        Check("free disk", free_space, "Free at least 1 GiB: a full disk stops publishing and every worker's result."),
    ]


def _write(folder: Path) -> None:
    if folder.is_dir():
        with tempfile.TemporaryFile(dir=folder) as file:
            file.write(b"justlens")
            file.flush()


async def _ask_owner(folder: Path) -> str:
    patient_until = time.monotonic() + OWNER_WAIT_S
    while True:
        try:
            owner = await Owner.connect(folder)
            break
        except Unavailable:
            if not is_owned(folder):
                return "none; `justlens run` starts it"
            if time.monotonic() > patient_until:  # it may be starting or leaving
                raise Wrong(f"{folder} is in use by a process that does not answer") from None
            await asyncio.sleep(OWNER_POLL_S)
    try:
        url = (await owner.call("health", {}))["url"]
    finally:
        await owner.close()
    return f"at work; its health is at {url}/readyz"


def _try_ports(settings: Settings) -> str:
    wanted = {"API": (settings.api_host, settings.api_port), "HTTP": (settings.http_host, settings.http_port)}
    problems: list[str] = []
    with ExitStack() as stack:  # both at once, as `run` has them
        for name, (host, port) in wanted.items():
            try:
                stack.enter_context(open_listener(host, port, f"JUSTLENS_{name}_HOST", f"JUSTLENS_{name}_PORT"))
            except ConfigurationError as error:
                problems += error.problems
    if problems:
        raise Wrong("; ".join(problems))
    shown = {name: f"{host}:{port}" if port else f"{host}, any free one" for name, (host, port) in wanted.items()}
    return f"API {shown['API']}; health {shown['HTTP']}"


def _measure_space(folder: Path) -> str:
    place = next(path for path in (folder.resolve(), *folder.resolve().parents) if path.exists())
    free = shutil.disk_usage(place).free
    text = f"{free / 2**30:,.1f} GiB free"
    if free < LEAST_FREE_BYTES:
        raise Wrong(text)
    return text
