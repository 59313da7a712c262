"""What a stage answers: frozen values. The engine turns them into effects; a stage's test is one equality."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from orchestrator.domain.errors import JobDeferred, JobError, JobFailed, Reason
from orchestrator.domain.jobs import Job
from orchestrator.domain.relevance.vectors import KeyedVector, VectorKind


@dataclass(frozen=True, slots=True)
class PutObject:
    """Store ``body`` under ``key`` for ever; a key that is already there holds the same bytes and is left alone."""

    key: str
    body: bytes = field(repr=False)
    content_type: str
    metadata: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class SetSection:
    """Replace one section of an image's metadata document, unless what is stored is as new or newer."""

    business_id: str
    image_id: str
    section: str
    version: str
    value: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class SetRelevance:
    """Replace what is known of an image's relevance, unless what is stored is as new or newer."""

    business_id: str
    image_id: str
    version: str
    value: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class PutVectors:
    """Store vectors of one kind, all of one space. A key that is already there holds the same vector."""

    kind: VectorKind
    vectors: tuple[KeyedVector, ...]


@dataclass(frozen=True, slots=True)
class SetAltText:
    """Replace a model's alt text, unless what is stored is as new or newer, or a person's."""

    business_id: str
    image_id: str
    version: str
    alt_text: str
    model: str
    prompt_version: str


Write = PutObject | SetSection | SetRelevance | PutVectors | SetAltText


@dataclass(frozen=True, slots=True)
class PurgeUrl:
    """Make the CDN forget ``url``. Doing it twice is harmless."""

    url: str


@dataclass(frozen=True, slots=True)
class Announce:
    """Tell whoever listens that a road has come to its end for an image. It is told at least once: a listener knows a
    repetition by ``event`` and ``job_id``. Where nobody listens nothing is kept."""

    event: Literal["image.enhanced", "image.scored", "image.alt_text"]
    business_id: str
    image_id: str
    job_id: str
    version: str


Effect = PurgeUrl | Announce


@dataclass(frozen=True, slots=True)
class Next:
    """The job that follows, for the queue that queues.yaml names as next and that runs ``stage``."""

    stage: str
    job: Job


@dataclass(frozen=True, slots=True)
class Done:
    """The job is done once these are: writes first, then effects, then the next jobs."""

    writes: tuple[Write, ...] = ()
    effects: tuple[Effect, ...] = ()
    publish: tuple[Next, ...] = ()


@dataclass(frozen=True, slots=True)
class Retry:
    """The job failed this time; another attempt may work. With ``max_attempts`` that many are made at most."""

    reason: Reason
    max_attempts: int | None = None


@dataclass(frozen=True, slots=True)
class Reject:
    """The job can never be done as it is."""

    reason: Reason


@dataclass(frozen=True, slots=True)
class RouteVia:
    """The job must go through another queue first and comes back from there as a job of the same identity.

    It has not ended here, so nothing is written in the ledger: its second visit must not look like a duplicate.
    """

    publish: Next


@dataclass(frozen=True, slots=True)
class Defer:
    """The job comes back after ``delay_s`` seconds or more, uncharged, because someone outside asked for that time."""

    reason: Reason
    delay_s: float


Outcome = Done | Retry | Reject | RouteVia | Defer


def outcome_of(error: JobError | JobDeferred) -> Retry | Reject | Defer:
    """What an error that a stage or a store raised makes of the job."""
    match error:
        case JobDeferred():
            return Defer(error.reason, error.delay_s)
        case JobFailed():
            return Retry(error.reason, error.max_attempts)
        case _:
            return Reject(error.reason)
