"""The original that a job is about, and what the jobs that follow it say of it."""

from dataclasses import dataclass, field
from typing import Any, TypeVar

from orchestrator.domain.enhancement import media_type, original_key, sha256_of
from orchestrator.domain.errors import Reason
from orchestrator.domain.jobs import Job
from orchestrator.domain.outcome import PutObject, Reject
from orchestrator.stages.ports import Fetcher, Originals

UNKNOWN_MEDIA_TYPE = "application/octet-stream"

FollowingJob = TypeVar("FollowingJob", bound=Job)


@dataclass(frozen=True, slots=True)
class Original:
    """A picture as it was published, and its hash."""

    body: bytes = field(repr=False)
    sha256: str

    def stored(self, image_format: str | None = None) -> PutObject:
        """The write that keeps it. ``image_format`` is what a worker decoded it as; where none did, the first bytes
        have to tell."""
        known = image_format or _format_of(self.body)
        return PutObject(original_key(self.sha256), self.body, media_type(known) if known else UNKNOWN_MEDIA_TYPE)


async def read_original(job: Job, originals: Originals, fetcher: Fetcher) -> Original | Reject:
    """A job that names ``content_sha256`` gets exactly those bytes: from the object store when they are there, else
    from the URL, and a URL that meanwhile serves something else is a Reject.

    Raises what the ports raise.
    """
    picture = None if job.content_sha256 is None else await originals.find_original(job.content_sha256)
    if picture is None:
        picture = await fetcher.fetch(job.image_url)
    sha256 = sha256_of(picture.body)
    if job.content_sha256 not in (None, sha256):
        return Reject(Reason("content_changed", "image_url serves other bytes than content_sha256 names; publish anew"))
    return Original(picture.body, sha256)


def following(job_type: type[FollowingJob], job: Job, sha256: str | None, **more: Any) -> FollowingJob:
    """The next job about the same picture: the same identity and place in time, and, once the hash is known, these very
    bytes."""
    return job_type(
        business_id=job.business_id,
        image_id=job.image_id,
        image_url=job.image_url,
        served_urls=job.served_urls,
        content_sha256=sha256,
        job_id=job.job_id,
        submitted_at=job.submitted_at,
        **more,
    )


def _format_of(body: bytes) -> str | None:
    if body.startswith(b"\xff\xd8\xff"):
        return "jpeg"
    if body.startswith(b"\x89PNG\r\n\x1a\n"):
        return "png"
    return "webp" if body[:4] == b"RIFF" and body[8:12] == b"WEBP" else None
