"""Make one picture better: read the original, ask a worker, store both, and pass on what is now known."""

from orchestrator.domain.enhancement import enhanced_key, media_type
from orchestrator.domain.jobs import Content, Enhanced, EnhanceJob, EnhanceUpdateJob, Skipped
from orchestrator.domain.outcome import Done, Next, Outcome, PutObject
from orchestrator.stages.originals import allow_for_upload, following, read_original
from orchestrator.stages.ports import EnhancedPicture, Enhancer, Fetcher, Originals, SkippedPicture


async def enhance(job: EnhanceJob, *, originals: Originals, fetcher: Fetcher, enhancer: Enhancer) -> Outcome:
    """Enhancing always starts from the original, so that runs never compound."""
    original = await read_original(job, originals, fetcher)
    sha256 = original.sha256
    with allow_for_upload(original):
        answer = await enhancer.enhance(original.body, image_type=job.image_type, force=job.force, sha256=sha256)
    kept = original.stored(answer.content.format)
    if isinstance(answer, SkippedPicture):
        update = _update(job, answer.content, Skipped(skipped=answer.reason, source_sha256=sha256))
        return Done(writes=(kept,), publish=(Next("enhance_update", update),))
    stored = _store(answer, sha256)
    made = Enhanced(
        key=stored.key,
        width=answer.width,
        height=answer.height,
        scale=answer.scale,
        model=answer.model,
        source_sha256=sha256,
    )
    return Done(writes=(kept, stored), publish=(Next("enhance_update", _update(job, answer.content, made)),))


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
    return following(EnhanceUpdateJob, job, content.sha256, content=content, enhanced=enhanced)
