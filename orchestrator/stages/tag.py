"""Tag one picture: its vector, tags, class and quality; then it goes on to be described."""

from orchestrator.domain.jobs import RelevanceJob, TagJob
from orchestrator.domain.outcome import Done, Next, Outcome, PutVectors, SetSection
from orchestrator.domain.relevance.tags import Tagged
from orchestrator.domain.relevance.vectors import KeyedVector, image_vector_key
from orchestrator.stages.originals import allow_for_upload, following, read_original
from orchestrator.stages.ports import Fetcher, Originals, Tagger


async def tag(job: TagJob, *, originals: Originals, fetcher: Fetcher, tagger: Tagger) -> Outcome:
    """The vector is written before the section that names its key, so that no document names one that is missing."""
    original = await read_original(job, originals, fetcher)
    with allow_for_upload(original):
        tagged = await tagger.tag(original.body, sha256=original.sha256)
    key = image_vector_key(job.business_id, job.image_id, tagged.vector.space, job.version)
    owner = {"business_id": job.business_id, "image_id": job.image_id}
    writes = (
        original.stored(tagged.content.format),
        PutVectors("images", (KeyedVector(key, tagged.vector, owner),)),
        _section(job, "source", {"image_url": job.image_url, "served_urls": list(job.served_urls)}),
        _section(job, "content", tagged.content.model_dump()),
        _section(job, "clip", _clip(tagged, key, original.sha256)),
    )
    described = following(RelevanceJob, job, original.sha256, prompt=job.prompt, tagged=True)
    return Done(writes=writes, publish=(Next("describe", described),))


def _section(job: TagJob, name: str, value: dict[str, object]) -> SetSection:
    return SetSection(job.business_id, job.image_id, name, job.version, value)


def _clip(tagged: Tagged, key: str, sha256: str) -> dict[str, object]:
    return {
        "tags": [[tag.name, tag.score] for tag in tagged.tags],
        "class": tagged.image_class,
        "class_valid": int(tagged.class_valid),
        "quality": tagged.quality,
        "flags": list(tagged.flags),
        "model": tagged.model,
        "space": tagged.vector.space,
        "vector_key": key,
        "source_sha256": sha256,
    }
