"""One figure of a model, as it stands in its card and in the table of all of them."""

from collections.abc import Sequence
from typing import TypedDict

HEADER = "| figure | value | target | n |\n|---|---|---|---|"


class Row(TypedDict):
    """``target`` is empty, and ``holds`` true, where none was set; ``n`` says of how many of what."""

    name: str
    value: float
    target: str
    holds: bool
    n: str


def row(name: str, value: float, n: str, at_least: float | None = None) -> Row:
    """The figure ``name``, rounded; its target is ``at_least``, if there is one."""
    target = "" if at_least is None else f">= {at_least:.3f}"
    return Row(name=name, value=round(value, 4), target=target, holds=at_least is None or value >= at_least, n=n)


def table(rows: Sequence[Row]) -> str:
    """``rows`` in Markdown."""
    return "\n".join([HEADER, *(f"| {one['name']} | {one['value']} | {one['target']} | {one['n']} |" for one in rows)])
