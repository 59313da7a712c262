"""How far the demo's jobs have come, and the bars that show it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from rich.console import RenderableType
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn

from orchestrator.config import Pipeline
from orchestrator.domain.errors import ConfigurationError
from orchestrator.stages import STAGES

FLOW = ("enhance", "enhance_update", "tag", "describe", "score", "seo")
"""The stages in the order in which a picture first leaves them."""

End = Mapping[str, Any]
_OVER = frozenset({"done", "dead", "dropped"})
_GIVEN_UP = frozenset({"dead", "dropped"})


def queues_of(pipeline: Pipeline) -> dict[str, str]:
    """The first queue of every stage. Raises ConfigurationError when a stage has none."""
    found: dict[str, str] = {}
    for name, spec in pipeline.queues.items():
        found.setdefault(spec.stage, name)
    if missing := [stage for stage in FLOW if stage not in found]:
        raise ConfigurationError([f"queues: the demo takes both roads, and no queue runs {', '.join(missing)}"])
    return {stage: found[stage] for stage in FLOW}


@dataclass(frozen=True, slots=True)
class Ends:
    """The recorded ends of the demo's jobs, per picture and stage. A detour is no end: the job comes back."""

    enhance: Sequence[Mapping[str, End]]
    relevance: Sequence[Mapping[str, End]]

    def of_stage(self, stage: str) -> list[End]:
        """The ends in one stage."""
        return [ends[stage] for ends in (*self.enhance, *self.relevance) if stage in ends]

    def figures(self, stage: str) -> tuple[int, int]:
        """How many jobs are over in a stage, of how many that come there as far as is known."""
        never_tagged = sum("describe" in ends and "tag" not in ends for ends in self.relevance)
        coming = {
            "enhance": len(self.enhance),
            "enhance_update": self._count("enhance", {"done"}),
            "tag": len(self.relevance) - never_tagged,
            "describe": len(self.relevance) - self._count("tag", _GIVEN_UP),
            "score": self._count("describe", {"done"}),
            "seo": self._count("describe", {"done"}),
        }
        return self._count(stage, _OVER), coming[stage]

    @property
    def complete(self) -> bool:
        """Whether every job has come to its last end."""
        return all(map(_enhance_over, self.enhance)) and all(map(_relevance_over, self.relevance))

    def _count(self, stage: str, outcomes: frozenset[str] | set[str]) -> int:
        return sum(end["outcome"] in outcomes for end in self.of_stage(stage))


def ends_by_stage(recorded: Sequence[End], queues: Mapping[str, str]) -> dict[str, End]:
    """The ends of one job by stage."""
    stages = {queue: stage for stage, queue in queues.items()}
    over = [end for end in recorded if end["outcome"] in _OVER and end["queue"] in stages]
    return {stages[end["queue"]]: end for end in over}


def _gave_up(ends: Mapping[str, End]) -> bool:
    return any(end["outcome"] in _GIVEN_UP for end in ends.values())


def _enhance_over(ends: Mapping[str, End]) -> bool:
    return "enhance_update" in ends or _gave_up(ends)


def _relevance_over(ends: Mapping[str, End]) -> bool:
    """Scoring and alt text go on side by side, so one that gave up does not end the other."""
    return {"score", "seo"} <= ends.keys() or _gave_up({k: ends[k] for k in ("describe", "tag") if k in ends})


class LiveProgress:
    """One bar per queue: how many of the demo's jobs are over there."""

    def __init__(self, queues: Mapping[str, str]) -> None:
        self._queues = queues
        self._bars = Progress(
            TextColumn("{task.description:<27}"),
            BarColumn(16),
            MofNCompleteColumn(),
            TextColumn("{task.fields[note]}", style="dim", table_column=None),
        )
        self._tasks = {stage: self._bars.add_task(queue, total=None, note="") for stage, queue in queues.items()}

    def __rich__(self) -> RenderableType:
        return self._bars

    def update(self, ends: Ends, status: Mapping[str, Any]) -> None:
        """``status`` is the answer of the operation of that name."""
        rows = {row["queue"]: row for row in status["queues"]}
        ready = {worker["pool"] for worker in status["workers"] if worker["state"] == "ready"}
        for stage, task in self._tasks.items():
            over, total = ends.figures(stage)
            note = note_of(rows[self._queues[stage]], [pool for pool in STAGES[stage].pools if pool not in ready])
            self._bars.update(task, completed=over, total=total, note=note)


def note_of(row: Mapping[str, Any], loading: Sequence[str]) -> str:
    """A queue's state in words: what it waits for, or what it holds."""
    if loading and (row.get("ready") or row.get("unacked")):
        return f"waits for {loading[0]} worker"
    words = (("unacked", "active"), ("retrying", "waiting"), ("dead", "dead"))
    return ", ".join(f"{row[key]} {word}" for key, word in words if row.get(key))
