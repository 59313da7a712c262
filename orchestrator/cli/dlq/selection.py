"""Which dead letters a command means."""

from dataclasses import dataclass
from typing import Annotated, Any

import typer

from orchestrator.cli.quantities import duration_s
from orchestrator.config import Pipeline

Queue = Annotated[str | None, typer.Option("--queue", help="Only letters of this queue (without 'error.').")]
Reason = Annotated[str | None, typer.Option("--reason", help="Only letters with this reason, such as source_gone.")]
Business = Annotated[str | None, typer.Option("--business", help="Only letters of this business.")]
LetterId = Annotated[str | None, typer.Option("--id", help="Only this letter.")]
OlderThan = Annotated[
    float | None, typer.Option(parser=duration_s, metavar="10m", help="Only letters that died longer ago.")
]
NewerThan = Annotated[
    float | None, typer.Option(parser=duration_s, metavar="2h", help="Only letters that died since then.")
]


@dataclass(frozen=True, slots=True)
class Wanted:
    """The filter of a command; what is None does not matter. Ages in seconds."""

    queue: str | None = None
    reason: str | None = None
    business_id: str | None = None
    letter_id: str | None = None
    older_than_s: float | None = None
    newer_than_s: float | None = None

    def fields(self, died_before_s: float = 0.0) -> dict[str, Any]:
        """The filter as arguments of an operation, for letters that died at least ``died_before_s`` seconds ago.

        A command that began that long ago must not meet the letters that it sent itself and that failed again.
        """
        chosen = {name: getattr(self, name) for name in self.__slots__ if getattr(self, name) is not None}
        older = max(self.older_than_s or 0.0, died_before_s)
        newer = {} if self.newer_than_s is None else {"newer_than_s": self.newer_than_s + died_before_s}
        return {**chosen, **newer, **({"older_than_s": older} if older else {})}


def known_queue(name: str, pipeline: Pipeline) -> str:
    """``name`` as queues.yaml has it; the name of its error queue is understood too. Raises BadParameter."""
    queue = name if name in pipeline.queues else name.removeprefix("error.")
    if queue not in pipeline.queues:
        raise typer.BadParameter(f"no queue '{name}'; known: {', '.join(pipeline.queues)}")
    return queue
