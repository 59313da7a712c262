"""The stages: one async function per file, computing an Outcome from a job and its ports. Nothing here writes."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any

from orchestrator.domain.jobs import EnhanceJob, EnhanceUpdateJob, Job
from orchestrator.domain.outcome import Outcome
from orchestrator.stages.enhance import enhance
from orchestrator.stages.enhance_update import enhance_update


@dataclass(frozen=True, slots=True)
class Stage:
    """A stage's function and the job it takes."""

    job_type: type[Job]
    run: Callable[..., Awaitable[Outcome]]


STAGES: Mapping[str, Stage] = {
    "enhance": Stage(EnhanceJob, enhance),
    "enhance_update": Stage(EnhanceUpdateJob, enhance_update),
}


def bind(stage: Stage, ports: Mapping[str, Any]) -> Callable[[Any], Awaitable[Outcome]]:
    """The stage with its ports filled in by parameter name. Raises KeyError for a port that does not exist."""
    code = stage.run.__code__
    wanted = code.co_varnames[code.co_argcount : code.co_argcount + code.co_kwonlyargcount]
    chosen = {name: ports[name] for name in wanted}

    async def bound(job: Any) -> Outcome:
        return await stage.run(job, **chosen)

    return bound
