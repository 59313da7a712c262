"""The original that a job is about, and what the jobs that follow it say of it."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, TypeVar

from orchestrator.domain.enhancement import media_type, original_key, sha256_of
from orchestrator.domain.errors import JobFailed, JobRefused
from orchestrator.domain.jobs import Job
from orchestrator.domain.outcome import PutObject
from orchestrator.domain.retrying import UPLOAD_ATTEMPTS
from orchestrator.stages.ports import Fetcher, Originals

_UNFINISHED = frozenset({"empty", "truncated"})
UNKNOWN_MEDIA_TYPE = "application/octet-stream"

FollowingJob = TypeVar("FollowingJob", bound=Job)


@dataclass(frozen=True, slots=True)
class Original:
    """A picture as it was published, and its hash. ``fetched`` tells one that came from its URL just now from one that
    was stored: its upload may still be under way."""

    body: bytes = field(repr=False)
    sha256: str
    fetched: bool

    def stored(self, image_format: str | None = None) -> PutObject:
        """The write that keeps it. ``image_format`` is what a worker decoded it as; where none did, the first bytes
        have to tell."""
        known = image_format or _format_of(self.body)
        return PutObject(original_key(self.sha256), self.body, media_type(known) if known else UNKNOWN_MEDIA_TYPE)


async def read_original(job: Job, originals: Originals, fetcher: Fetcher) -> Original:
    """A job that names ``content_sha256`` gets exactly those bytes: from the object store when they are there, else
    from the URL.

    Raises what the ports raise, and JobFailed (``content_changed``) when the URL serves other bytes: while an upload is
    under way it serves a part of them.
    """
    stored = None if job.content_sha256 is None else await originals.find_original(job.content_sha256)
    picture = stored or await fetcher.fetch(job.image_url)
    sha256 = sha256_of(picture.body)
    if job.content_sha256 not in (None, sha256):
        text = "image_url serves other bytes than content_sha256 names; publish anew"
        raise JobFailed("content_changed", text, max_attempts=UPLOAD_ATTEMPTS)
    return Original(picture.body, sha256, fetched=stored is None)


@contextmanager
def allow_for_upload(original: Original) -> Iterator[None]:
    """Turn a worker's refusal of an image that ends too early into a failure that is tried again, if it was fetched."""
    try:
        yield
    except JobRefused as refusal:
        if not original.fetched or refusal.reason.code not in _UNFINISHED:
            raise
        reason = refusal.reason
        raise JobFailed(reason.code, reason.message, max_attempts=UPLOAD_ATTEMPTS) from refusal


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
