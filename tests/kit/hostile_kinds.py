"""What a hostile file is, and the answers that are true of one."""

from dataclasses import dataclass, field

DONE = frozenset({"done", "at_target"})
BROKEN = frozenset({"truncated", "corrupt"})
ANY = DONE | BROKEN


@dataclass(frozen=True, slots=True)
class Hostile:
    """``codes``: the reason codes of which one must be answered; ``done`` and ``at_target`` stand for 200."""

    name: str
    body: bytes = field(repr=False)
    codes: frozenset[str]
