"""Choose the alt text of a described picture: the candidate most like the picture among those that may be shown."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, replace
from typing import Any

from orchestrator.domain.errors import Reason
from orchestrator.domain.jobs import SeoJob
from orchestrator.domain.outcome import Announce, Done, Outcome, Reject, SetAltText, SetSection, Write
from orchestrator.domain.relevance.alt_text import Candidate, candidate_texts, choose, problem_of
from orchestrator.domain.relevance.vectors import Vector, cosine
from orchestrator.stages.ports import Metadata, TextEncoder, Vectors

Sections = Mapping[str, Any]

NO_CANDIDATE = "no candidate may be shown"
_NOT_DESCRIBED = Reason(
    "not_described", "the picture has no description yet; publish it to the relevance queue, which describes it first"
)


async def seo(job: SeoJob, *, metadata: Metadata, vectors: Vectors, captions: TextEncoder) -> Outcome:
    """Where the picture's vector is missing, is another picture's, or lies in another space than the captions', nothing
    is compared and the candidates' own order decides. Raises what the ports raise.
    """
    sections = await metadata.find_metadata(job.business_id, job.image_id) or {}
    if not (description := sections.get("description")):
        return Reject(_NOT_DESCRIBED)
    clip = _clip_of_the_same_picture(sections)
    candidates = await _compared(_candidates(description, clip), await _image_vector(clip, vectors), captions)
    return _done(job, description, clip, candidates)


def _clip_of_the_same_picture(sections: Sections) -> Sections:
    clip: Sections = sections.get("clip") or {}
    return clip if clip.get("source_sha256") == sections["description"]["source_sha256"] else {}


def _candidates(description: Sections, clip: Sections) -> list[Candidate]:
    """Every candidate with what speaks against it."""
    seen = [name for name, _score in clip.get("tags", ())]
    text, tags = description["text"], [*description["tags"], *seen]
    texts = candidate_texts(description["alt_text"], text, seen or tags, clip.get("class", ""))
    readable = description.get("readable_text", "")
    known = [*tags, clip.get("class", "")]
    return [Candidate(one, source, problem=problem_of(one, text, known, readable)) for source, one in texts]


async def _image_vector(clip: Sections, vectors: Vectors) -> Vector | None:
    key = clip.get("vector_key")
    return (await vectors.find_vectors("images", (key,))).get(key) if key else None


async def _compared(candidates: list[Candidate], image: Vector | None, captions: TextEncoder) -> list[Candidate]:
    """The candidates, those that may be shown with their likeness to the picture if it can be known."""
    usable = [one for one in candidates if one.problem is None]
    if image is None or not usable or await captions.space() != image.space:
        return candidates
    encoded = await captions.encode([one.text for one in usable])
    if any(vector.space != image.space for vector in encoded):  # the workers changed weights in between
        return candidates
    likeness = {one.text: cosine(image, vector) for one, vector in zip(usable, encoded, strict=True)}
    return [replace(one, similarity=likeness.get(one.text)) for one in candidates]


def _done(job: SeoJob, description: Sections, clip: Sections, candidates: Sequence[Candidate]) -> Done:
    chosen = choose(candidates)
    composed = chosen is not None and chosen.source == "tags" and bool(clip)
    model, prompt_version = (clip["model"], "") if composed else (description["model"], description["prompt_version"])
    section: dict[str, object] = {
        "alt_text": chosen.text if chosen else None,
        "candidates": [asdict(one) for one in candidates],
        "model": model,
        "prompt_version": prompt_version,
        "description_version": description["version"],
        "source_sha256": description["source_sha256"],
    }
    if chosen is None:
        section["skipped"] = NO_CANDIDATE
    writes: list[Write] = [SetSection(job.business_id, job.image_id, "seo", job.version, section)]
    if chosen:
        writes.append(SetAltText(job.business_id, job.image_id, job.version, chosen.text, model, prompt_version))
    return Done(writes=tuple(writes), effects=(_told(job),))


def _told(job: SeoJob) -> Announce:
    return Announce("image.alt_text", job.business_id, job.image_id, str(job.job_id), job.version)
