"""The jobs: typed, versioned messages. The JSON body is the job; nothing else of a message decides what is done."""

import time
from typing import Annotated, Any, Literal, Self

from pydantic import AfterValidator, BeforeValidator, Field, StringConstraints

from orchestrator.domain.ids import MAX_ID_LENGTH, canonical_job_id, new_job_id, normalise_id
from orchestrator.domain.value import Flag, Number, Value, Whole
from orchestrator.domain.versions import EARLIEST_MS, version_of

MAX_CLOCK_SKEW_MS = 5 * 60 * 1000
MAX_URL_LENGTH = 4096
URL_SCHEMES = ("http://", "https://", "s3://", "file://")


def _not_in_the_future(value: int) -> int:
    ahead_ms = value - time.time_ns() // 1_000_000
    if ahead_ms > MAX_CLOCK_SKEW_MS:
        raise ValueError(f"lies {ahead_ms // 1000} s in the future; at most {MAX_CLOCK_SKEW_MS // 1000} s are allowed")
    return value


def _known_scheme(value: str) -> str:
    if not value.lower().startswith(URL_SCHEMES):
        raise ValueError(f"must start with one of {', '.join(URL_SCHEMES)}")
    return value


def _whole_key(value: Any) -> Any:
    """White space around a URL is dropped, but at the end of an S3 key it may be a part of the name."""
    if isinstance(value, str) and value.lstrip().lower().startswith("s3://") and value != value.rstrip():
        raise ValueError("ends in white space, which would name another S3 key; leave it out, or rename the object")
    return value


Id = Annotated[
    str,
    BeforeValidator(normalise_id, json_schema_input_type=str | int),
    Field(
        max_length=MAX_ID_LENGTH,
        description="Text or a whole number; trimmed, lower case, Unicode form NFC; no slash, nothing invisible.",
    ),
]
Url = Annotated[
    str,
    StringConstraints(strip_whitespace=True, min_length=1, max_length=MAX_URL_LENGTH),
    BeforeValidator(_whole_key),
    AfterValidator(_known_scheme),
]
Sha256 = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$")]
JobId = Annotated[str, StringConstraints(max_length=64), AfterValidator(canonical_job_id)]
Count = Annotated[Whole, Field(ge=1, lt=2**53)]
Millis = Annotated[Whole, Field(ge=EARLIEST_MS, lt=10 * EARLIEST_MS), AfterValidator(_not_in_the_future)]


class Job(Value):
    """What every job has. A field left out of ``job_id`` and ``submitted_at`` is filled in when the job arrives."""

    business_id: Id
    image_id: Id
    image_url: Url = Field(description="The original picture. Enhancing always starts there.")
    served_urls: tuple[Url, ...] = Field(
        default=(), max_length=32, description="Every URL the picture is served under; all are purged from the CDN."
    )
    content_sha256: Sha256 | None = Field(
        default=None, description="SHA-256 of the original, once known; then it is read from the object store."
    )
    job_id: JobId | None = Field(default=None, description="A UUID, best a UUIDv7. Stamped when missing.")
    submitted_at: Millis | None = Field(default=None, description="Unix time in ms. Stamped when missing.")

    @property
    def has_identity(self) -> bool:
        """Whether the job has its identity and its place in time."""
        return self.job_id is not None and self.submitted_at is not None

    @property
    def version(self) -> str:
        """The version of everything this job writes. Only a job with an identity has one."""
        if self.job_id is None or self.submitted_at is None:
            raise ValueError("a job has no version before it has an identity")
        return version_of(self.submitted_at, self.job_id)

    def with_identity(self, now_ms: int) -> Self:
        """The same job with whatever was missing of ``job_id`` and ``submitted_at``."""
        return self.model_copy(
            update={"job_id": self.job_id or new_job_id(now_ms), "submitted_at": self.submitted_at or now_ms}
        )

    def encode(self) -> bytes:
        """The body of the message that carries this job: JSON without the fields that are not set."""
        return self.model_dump_json(by_alias=True, exclude_none=True).encode()


ImageType = Literal["general", "face", "text"]


class EnhanceJob(Job):
    """Make one picture better: fetch it, enhance it, store both, then update what is known and served."""

    schema_: Literal["justlens.enhance/1"] = Field(default="justlens.enhance/1", alias="schema")
    image_type: ImageType = Field(default="general", description="Chooses the network.")
    force: Flag = Field(default=False, description="Enhance even a picture that is large enough already.")


class Content(Value):
    """What the original is. Sizes in pixels after EXIF orientation, ``bytes`` as fetched."""

    sha256: Sha256
    phash: str = Field(description="64-bit DCT hash of the picture, hexadecimal.")
    width: Count
    height: Count
    format: str
    bytes: Count


class Enhanced(Value):
    """The better picture: where it lies and what made it."""

    key: str
    width: Count
    height: Count
    scale: Number
    model: str
    source_sha256: Sha256


class StoredRendition(Value):
    """Where the display rendition of an image lies that was not enlarged."""

    key: str
    width: Count
    height: Count


class Skipped(Value):
    """No better picture was made, and why."""

    skipped: str
    source_sha256: Sha256
    rendition: StoredRendition | None = Field(
        default=None, description="The image as pages show it; none where it would show less than the original."
    )


class EnhanceUpdateJob(Job):
    """Write down what enhancing found, then purge every URL the picture is served under."""

    schema_: Literal["justlens.enhance_update/1"] = Field(default="justlens.enhance_update/1", alias="schema")
    content: Content
    enhanced: Enhanced | Skipped


def json_schema(job_type: type[Job]) -> dict[str, Any]:
    """The JSON Schema of a job's body, as a publisher sees it."""
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **job_type.model_json_schema(by_alias=True)}


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
