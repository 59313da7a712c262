"""Make one picture better: read the original, ask a worker, store what is to be shown, and pass on what is known."""

from orchestrator.domain.enhancement import enhanced_key, media_type, rendition_key
from orchestrator.domain.jobs import Content, Enhanced, EnhanceJob, EnhanceUpdateJob, Skipped, StoredRendition
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
    made, stored = _skipped(answer, sha256) if isinstance(answer, SkippedPicture) else _enhanced(answer, sha256)
    return Done(writes=(kept, *stored), publish=(Next("enhance_update", _update(job, answer.content, made)),))


def _enhanced(picture: EnhancedPicture, sha256: str) -> tuple[Enhanced, tuple[PutObject, ...]]:
    """What is known of the better picture, and the write that keeps it."""
    key = enhanced_key(sha256, picture.recipe, picture.format)
    about = {
        "model": picture.model,
        "recipe": picture.recipe,
        "scale": f"{picture.scale:g}",
        "source-sha256": sha256,
    }
    made = Enhanced(
        key=key,
        width=picture.width,
        height=picture.height,
        scale=picture.scale,
        model=picture.model,
        source_sha256=sha256,
    )
    return made, (PutObject(key, picture.body, media_type(picture.format), about),)


def _skipped(picture: SkippedPicture, sha256: str) -> tuple[Skipped, tuple[PutObject, ...]]:
    """The same of a picture that was not enlarged: what pages show is its rendition, if it has one."""
    rendition = picture.rendition
    if rendition is None:
        return Skipped(skipped=picture.reason, source_sha256=sha256), ()
    key = rendition_key(sha256, rendition.recipe, rendition.format)
    stored = StoredRendition(key=key, width=rendition.width, height=rendition.height)
    about = {"recipe": rendition.recipe, "source-sha256": sha256}
    made = Skipped(skipped=picture.reason, source_sha256=sha256, rendition=stored)
    return made, (PutObject(key, rendition.body, media_type(rendition.format), about),)


def _update(job: EnhanceJob, content: Content, enhanced: Enhanced | Skipped) -> EnhanceUpdateJob:
    return following(EnhanceUpdateJob, job, content.sha256, content=content, enhanced=enhanced)
