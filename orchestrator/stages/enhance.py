"""Make one picture better: read the original, ask a worker, store both, and pass on what is now known."""

from orchestrator.domain.enhancement import enhanced_key, media_type, original_key, sha256_of
from orchestrator.domain.errors import Reason
from orchestrator.domain.jobs import Content, Enhanced, EnhanceJob, EnhanceUpdateJob, Skipped
from orchestrator.domain.outcome import Done, Next, Outcome, PutObject, Reject
from orchestrator.stages.ports import EnhancedPicture, Enhancer, Fetcher, Originals, Picture, SkippedPicture


async def enhance(job: EnhanceJob, *, originals: Originals, fetcher: Fetcher, enhancer: Enhancer) -> Outcome:
    """Enhancing always starts from the original, so that runs never compound.

    A job that names ``content_sha256`` gets exactly those bytes: from the object store when they are there, else from
    the URL, and a URL that meanwhile serves something else is a Reject.
    """
    picture = await _original(job, originals, fetcher)
    sha256 = sha256_of(picture.body)
    if job.content_sha256 not in (None, sha256):
        return Reject(Reason("content_changed", "image_url serves other bytes than content_sha256 names; publish anew"))
    answer = await enhancer.enhance(picture.body, image_type=job.image_type, force=job.force, sha256=sha256)
    original = PutObject(original_key(sha256), picture.body, media_type(answer.content.format))
    if isinstance(answer, SkippedPicture):
        update = _update(job, answer.content, Skipped(skipped=answer.reason, source_sha256=sha256))
        return Done(writes=(original,), publish=(Next("enhance_update", update),))
    stored = _store(answer, sha256)
    made = Enhanced(
        key=stored.key,
        width=answer.width,
        height=answer.height,
        scale=answer.scale,
        model=answer.model,
        source_sha256=sha256,
    )
    return Done(writes=(original, stored), publish=(Next("enhance_update", _update(job, answer.content, made)),))


async def _original(job: EnhanceJob, originals: Originals, fetcher: Fetcher) -> Picture:
    if job.content_sha256 is not None and (stored := await originals.find_original(job.content_sha256)):
        return stored
    return await fetcher.fetch(job.image_url)


def _store(picture: EnhancedPicture, sha256: str) -> PutObject:
    return PutObject(
        enhanced_key(sha256, picture.recipe, picture.format),
        picture.body,
        media_type(picture.format),
        {
            "model": picture.model,
            "recipe": picture.recipe,
            "scale": f"{picture.scale:g}",
            "source-sha256": sha256,
        },
    )


def _update(job: EnhanceJob, content: Content, enhanced: Enhanced | Skipped) -> EnhanceUpdateJob:
    return EnhanceUpdateJob(
        business_id=job.business_id,
        image_id=job.image_id,
        image_url=job.image_url,
        served_urls=job.served_urls,
        content_sha256=content.sha256,
        job_id=job.job_id,
        submitted_at=job.submitted_at,
        content=content,
        enhanced=enhanced,
    )
