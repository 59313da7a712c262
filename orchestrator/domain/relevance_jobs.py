"""The jobs of the relevance road."""

from typing import Annotated, Literal

from pydantic import Field, StringConstraints

from orchestrator.domain.jobs import Job
from orchestrator.domain.value import Flag

PromptName = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_]{0,63}$")]


class _Prompted(Job):
    prompt: PromptName | None = Field(
        default=None, description="Prompt profile; left out, it is chosen by whether the business has a hot category."
    )


class RelevanceJob(_Prompted):
    """Describe one picture and score it; one that has no tags yet is tagged first."""

    schema_: Literal["justlens.relevance/1"] = Field(default="justlens.relevance/1", alias="schema")
    tagged: Flag = Field(
        default=False, description="Set when the job comes back from tagging, so that it is never sent there twice."
    )


class TagJob(_Prompted):
    """Tag one picture, then describe it."""

    schema_: Literal["justlens.tag/1"] = Field(default="justlens.tag/1", alias="schema")


class ScoreJob(Job):
    """Score one described picture against every category of its business."""

    schema_: Literal["justlens.score/1"] = Field(default="justlens.score/1", alias="schema")


class SeoJob(Job):
    """Choose the alt text of one described picture."""

    schema_: Literal["justlens.seo/1"] = Field(default="justlens.seo/1", alias="schema")
