"""One check of one dependency: how it is made, bounded and told."""

import asyncio
import sys
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from typing import Literal

from orchestrator.config import Pipeline, Settings

TIMEOUT_S = 15.0
LEAST_PYTHON = (3, 11)

State = Literal["ok", "failing", "not checked"]


class NotChecked(Exception):
    """The check does not apply, or nobody said how to make it; the text says why."""


class Wrong(Exception):
    """The check was made, and something is not as it has to be; the text says what."""


@dataclass(frozen=True, slots=True)
class Check:
    """``look`` answers what was found, or raises; ``remedy`` is a sentence for whoever has to mend it."""

    name: str
    look: Callable[[], Awaitable[str]]
    remedy: str


@dataclass(frozen=True, slots=True)
class Finding:
    """What a check came to; ``remedy`` is empty when nothing is to be done."""

    name: str
    state: State
    detail: str
    remedy: str = ""


async def carry_out(checks: Sequence[Check], timeout_s: float = TIMEOUT_S) -> list[Finding]:
    """Make all checks side by side, each within ``timeout_s`` seconds, whatever the others do."""
    return list(await asyncio.gather(*(_find(check, timeout_s) for check in checks)))


async def _find(check: Check, timeout_s: float) -> Finding:
    try:
        async with asyncio.timeout(timeout_s):
            return Finding(check.name, "ok", await check.look())
    except NotChecked as reason:
        return Finding(check.name, "not checked", str(reason), check.remedy)
    except TimeoutError as error:
        return Finding(check.name, "failing", str(error) or f"no answer within {timeout_s:g} s", check.remedy)
    except Exception as error:  # a check that breaks must not hide what the others found
        return Finding(check.name, "failing", str(error) or type(error).__name__, check.remedy)


def local_checks(settings: Settings, load: Callable[[], Pipeline]) -> list[Check]:
    """What concerns this machine alone."""

    async def python() -> str:
        if sys.version_info < LEAST_PYTHON:
            raise Wrong(f"this is {sys.version.split()[0]}")
        return sys.version.split()[0]

    async def queues_file() -> str:
        pipeline = load()
        return f"{settings.queues_file}: {len(pipeline.queues)} queues, {len(pipeline.workers)} worker pools"

    async def deadlines() -> str:
        longest = max(queue.deadline_s for queue in load().queues.values())
        return f"longest deadline {longest:g} s, ack timeout {settings.ack_timeout_s:g} s"

    return [
        Check("python", python, "Run JustLens on Python 3.11 or newer."),
        Check("queues file", queues_file, "Correct every line named here; JUSTLENS_QUEUES_FILE names the file."),
        Check(
            "deadlines",
            deadlines,
            "Keep every deadline_s below 80 % of JUSTLENS_ACK_TIMEOUT_S, and that equal to the broker's"
            " consumer_timeout.",
        ),
    ]


_PACKAGES: Mapping[str, tuple[str, ...]] = {
    "enhance": ("onnxruntime",),
    "clip": ("onnxruntime", "tokenizers"),
    "text": ("onnxruntime", "tokenizers"),
    "vlm": ("onnxruntime", "tokenizers"),
}
"""What workers need beyond the core when `justlens run` starts them without options."""


def missing_packages(pool: str) -> list[str]:
    """What the worker of ``pool`` needs and is not installed. Nothing is imported."""
    return [name for name in _PACKAGES.get(pool, ()) if not find_spec(name)]


def child_checks(settings: Settings, load: Callable[[], Pipeline]) -> list[Check]:
    """Workers that `justlens run` starts by itself."""

    async def installed() -> str:
        wanted = load().pools_in_use()
        own = [
            name for name in wanted if name not in settings.endpoints and not (name == "vlm" and settings.triton_url)
        ]
        missing = [name for name in own if not find_spec(f"workers.{name}")]
        if missing:
            raise Wrong(f"no module for {', '.join(missing)}")
        absent = [f"{name} needs {package}" for name in own for package in missing_packages(name)]
        if absent:
            raise Wrong(f"not installed: {', '.join(absent)}")
        if not own:
            raise NotChecked("every pool has endpoints of its own")
        return f"{', '.join(own)}: started by `justlens run`"

    remedy = (
        "Install what is missing (pip install 'justlens[demo]'), name the pools of queues.yaml after packages in"
        " workers/, or give them endpoints in JUSTLENS_ENDPOINTS."
    )
    return [Check("own workers", installed, remedy)]
