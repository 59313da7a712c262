"""The stages: one async function per file, computing an Outcome from a job and its ports. Nothing here writes."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from orchestrator.domain.jobs import EnhanceJob, EnhanceUpdateJob, Job, RelevanceJob, ScoreJob, SeoJob, TagJob
from orchestrator.domain.outcome import Outcome
from orchestrator.stages.describe import describe
from orchestrator.stages.enhance import enhance
from orchestrator.stages.enhance_update import enhance_update
from orchestrator.stages.score import score
from orchestrator.stages.seo import seo
from orchestrator.stages.tag import tag

Road = Literal["enhance", "relevance"]


@dataclass(frozen=True, slots=True)
class Stage:
    """A stage's function, the road it is part of, the job it takes, and the worker pools behind its ports."""

    road: Road
    job_type: type[Job]
    run: Callable[..., Awaitable[Outcome]]
    pools: tuple[str, ...] = ()


STAGES: Mapping[str, Stage] = {
    "enhance": Stage("enhance", EnhanceJob, enhance, ("enhance",)),
    "enhance_update": Stage("enhance", EnhanceUpdateJob, enhance_update),
    "tag": Stage("relevance", TagJob, tag, ("clip",)),
    "describe": Stage("relevance", RelevanceJob, describe, ("vlm",)),
    "score": Stage("relevance", ScoreJob, score, ("text", "clip")),
    "seo": Stage("relevance", SeoJob, seo, ("clip",)),
}


def bind(stage: Stage, ports: Mapping[str, Any]) -> Callable[[Any], Awaitable[Outcome]]:
    """The stage with its ports filled in by parameter name; what has a default may be left out. Raises KeyError for a
    port that does not exist."""
    code = stage.run.__code__
    wanted = code.co_varnames[code.co_argcount : code.co_argcount + code.co_kwonlyargcount]
    optional = stage.run.__kwdefaults__ or {}
    chosen = {name: ports[name] for name in wanted if name in ports or name not in optional}

    async def bound(job: Any) -> Outcome:
        return await stage.run(job, **chosen)

    return bound
