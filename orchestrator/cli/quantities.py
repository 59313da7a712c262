"""Times, rates and paths as people write them on a command line."""

import re
from pathlib import Path

import typer

from orchestrator.config import read_path

_UNITS_S = {"s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0}
_PER_S = {"": 1.0, "/s": 1.0, "/m": 60.0, "/min": 60.0, "/h": 3600.0}


def duration_s(text: str) -> float:
    """Seconds in ``90s``, ``10m``, ``2h``, ``1h30m`` or ``7d``. Raises BadParameter; a number needs its unit."""
    parts = re.findall(r"(\d+(?:\.\d+)?)([smhd])", text)
    if not parts or "".join(number + unit for number, unit in parts) != text:
        raise typer.BadParameter(f"'{text}' is no duration; write it like 90s, 10m, 2h or 7d")
    return sum(float(number) * _UNITS_S[unit] for number, unit in parts)


def per_second(text: str) -> float:
    """The rate in ``50/s``, ``50`` (per second), ``600/min`` or ``1000/h``. Raises BadParameter."""
    match = re.fullmatch(r"(\d+(?:\.\d+)?)(/\w+)?", text)
    unit = (match[2] or "") if match else "?"
    if match is None or unit not in _PER_S or float(match[1]) <= 0:
        raise typer.BadParameter(f"'{text}' is no rate; write it like 50/s, 600/min or 1000/h")
    return float(match[1]) / _PER_S[unit]


def given_path(text: str) -> Path:
    """The path, with a home folder for its ``~``. Raises BadParameter for an empty one, as an unset variable makes."""
    try:
        return read_path(text)
    except ValueError as error:
        raise typer.BadParameter(str(error)) from error
