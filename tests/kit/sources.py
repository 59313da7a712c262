"""What `justlens publish` would send, read from a source without a system."""

from pathlib import Path
from typing import Any

from orchestrator.cli.publish.sending import Checked, Report, Target, check
from orchestrator.cli.publish.sources import entries, kind_of
from orchestrator.cli.publish.targets import common_fields
from orchestrator.domain.jobs import EnhanceJob

TARGETS = [Target("enhance", "q", EnhanceJob)]
FIELDS = common_fields(TARGETS)


def read(path: Path, report: Report | None = None, files_allowed: bool = True, **given: Any) -> list[Checked]:
    """The jobs in ``path``; what is refused goes into ``report``."""
    found = entries(str(path), kind_of(str(path)), given, FIELDS)
    return list(check(found, TARGETS, files_allowed=files_allowed, reports={"q": report or Report()}))


def write(path: Path, text: str | bytes) -> Path:
    """``path``, with this in it."""
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return path
