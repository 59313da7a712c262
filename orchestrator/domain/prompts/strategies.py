"""Prompting strategies: by what means a model is led to the right verdict. Each profile follows one."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Strategy:
    """``role``: the sentence that says who answers, before everything else. ``evidence``: the fields that are written
    right before the verdict. ``example_count``: how many labelled examples are shown at most, the nearest ones."""

    name: str
    role: str | None = None
    evidence: tuple[str, ...] = ()
    example_count: int = 0


ZERO_SHOT = Strategy("zero_shot")
ROLE = Strategy(
    "role", role="You check for a business directory whether each picture shows what its category is about."
)
EVIDENCE = Strategy("evidence", evidence=("evidence_for", "evidence_against"))
FEW_SHOT = Strategy("few_shot", example_count=3)
STRATEGIES = (ZERO_SHOT, ROLE, EVIDENCE, FEW_SHOT)
