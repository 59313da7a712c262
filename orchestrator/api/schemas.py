"""What the API takes and answers. These classes are its documentation, too: see /docs."""

from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, StringConstraints

from orchestrator.domain.ids import MAX_ID_LENGTH, normalise_id
from orchestrator.domain.jobs import ImageType, Job, PromptName
from orchestrator.domain.value import Flag

MAX_LIMIT = 100
Basis = Literal["scores", "rule_set"]
Part = Literal["metadata", "relevance", "alt_texts"]
Road = Literal["enhance", "relevance"]


class Answer(BaseModel):
    """Base of what is answered."""

    model_config = ConfigDict(frozen=True)


class RelevancyQuery(BaseModel):
    """The query of a relevancy request; a parameter that is not known is refused."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    category_id: (
        Annotated[str, BeforeValidator(normalise_id), StringConstraints(min_length=1, max_length=MAX_ID_LENGTH)] | None
    ) = Field(
        default=None,
        examples=["204"],
        description="A category of the business; left out, each picture counts with its best score.",
    )
    limit: int = Field(default=10, ge=1, le=MAX_LIMIT, examples=[10], description="Most pictures per block.")


class Picture(Answer):
    """One picture, ready to be shown."""

    image_id: str
    url: str = Field(
        description="Where the picture is: the enhanced one or, where nothing was enlarged, its display rendition, both"
        " on this API (the URL begins with /); before it was enhanced, and of an animation, its publisher's address."
    )
    enhanced: bool = Field(description="Whether that is the enhanced picture.")
    alt_text: str | None = Field(description="For <img alt>; null when none is known. Plain text: escape it in HTML.")
    width: int | None = Field(description="Pixels; null when nobody has measured the picture yet.")
    height: int | None = Field(description="Pixels; null like width.")
    score: float | None = Field(description="0 to 1, how well the picture fits; null when the rule set chose it.")
    basis: Basis = Field(description="Whether this picture stands where it does by its score or by the rule set.")
    image_class: str | None = Field(description="What kind of picture it is, such as storefront.")
    quality: float | None = Field(description="0 to 1, as the catalogue says, else as the model does.")


class Relevancy(Answer):
    """The pictures of one business for a result page."""

    business_id: str
    category_id: str | None
    basis: Basis = Field(description="scores as soon as one picture has a score for what was asked, else rule_set.")
    static: Picture | None = Field(description="The business's one best picture; null when none can be shown.")
    dynamic: tuple[Picture, ...] = Field(description="The best for the category, best first.")
    carousel: tuple[Picture, ...] = Field(description="Ranked like dynamic, without pictures that look alike.")
    degraded: tuple[Part, ...] = Field(
        description="Parts that could not be read in time: the answer does without them. Empty when all is well."
    )


class JobRequest(Job):
    """One picture and where to send it."""

    to: tuple[Road, ...] = Field(
        min_length=1, max_length=2, description="enhance makes the picture better, relevance describes and scores it."
    )
    image_type: ImageType | None = Field(default=None, description="For enhance: chooses the network; else general.")
    force: Flag | None = Field(default=None, description="For enhance: even a picture that is large enough already.")
    prompt: PromptName | None = Field(default=None, description="For relevance: a prompt profile; else chosen.")


class Accepted(Answer):
    """The broker has the job on every road asked for: it will not be lost."""

    job_id: str = Field(description="One id for the request, the same on every road. Ask GET /v1/jobs/{job_id}.")
    submitted_at: int = Field(description="Unix time in ms: of two jobs for a picture the later one stands.")
    queues: dict[Road, str] = Field(description="The queue that took the job, by road.")


class Reason(Answer):
    """Why a job could not be done."""

    code: str
    message: str


class JobEnd(Answer):
    """What became of the job in one queue."""

    queue: str
    outcome: Literal["done", "dead", "dropped", "routed"] = Field(
        description="dead: in the error queue; dropped: an operator removed it; routed: went by another queue first."
    )
    attempts: int
    replays: int = Field(description="How often an operator sent it again.")
    received_at: int = Field(description="Unix time in ms.")
    took_ms: float
    reason: Reason | None


class JobLetter(Answer):
    """The job as it lies in an error queue now."""

    queue: str
    reason: Reason
    attempts: int
    replays: int
    died_at: int = Field(description="Unix time in ms.")


class JobReport(Answer):
    """Where a job is and what became of it. Ends are kept for 30 days."""

    job_id: str
    state: Literal["nothing_recorded", "in_progress", "done", "dead", "dropped"] = Field(
        description="nothing_recorded: it waits, is in its first queue, or was never published here. in_progress: it"
        " ended somewhere and goes on. dead: one of its queues gave up, see dead_letters."
    )
    business_id: str | None
    image_id: str | None
    ends: tuple[JobEnd, ...] = Field(description="By queue, in the order they were reached.")
    awaiting: tuple[str, ...] = Field(description="Queues that come next and have recorded no end yet.")
    dead_letters: tuple[JobLetter, ...]


class FieldError(Answer):
    """One mistake in a request."""

    field: str
    message: str


class ProblemDocument(BaseModel):
    """An error, as RFC 9457 (application/problem+json). Programs look at code, people read detail."""

    model_config = ConfigDict(extra="allow")

    type: str = Field(description="Where this kind of problem is explained.")
    title: str
    status: int
    code: str
    detail: str
    errors: list[FieldError] | None = Field(default=None, description="Every mistake by its field, for code invalid.")


def job_request_schema() -> dict[str, Any]:
    """The JSON Schema of a job request's body, without references."""
    schema = JobRequest.model_json_schema(by_alias=True)
    fields = schema["properties"]
    fields["to"]["uniqueItems"] = True
    url_fields = (fields["image_url"], fields["served_urls"]["anyOf"][0]["items"])
    for field in url_fields:
        field["pattern"] = "^([Hh][Tt][Tt][Pp][Ss]?|[Ss]3)://"
    return schema
