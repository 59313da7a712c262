"""Score one described picture against every category of its business."""

import asyncio
import hashlib
import heapq
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict
from typing import Any

from orchestrator.domain.errors import JobFailed, Reason
from orchestrator.domain.jobs import ScoreJob
from orchestrator.domain.outcome import Announce, Done, Outcome, PutVectors, Reject, SetRelevance
from orchestrator.domain.relevance.idf import texts_of
from orchestrator.domain.relevance.scoring import (
    DUMMY_MODEL,
    FORMULA,
    WEIGHTS,
    Usable,
    caption_of,
    category_scores,
    clip_parts,
    description_parts,
    usable,
)
from orchestrator.domain.relevance.vectors import KeyedVector, image_vector_key
from orchestrator.stages.ports import Catalogue, Category, IdfSnapshot, Metadata, TextEncoder, Vector, Vectors

TEXTS_PER_CALL = 128  # one batch of an encoder: a longer call would hold other jobs up
KEYS_PER_CALL = 1000  # vectors of names read or written in one go
MAX_CAPTIONS = 1024  # CLIP's text tower costs some ten times what a name costs, and captions are not kept
MAX_DESCRIPTION_CHARS = 8000  # sentence encoders read a few hundred word pieces at most; the rest would only travel


async def score(
    job: ScoreJob,
    *,
    metadata: Metadata,
    catalogue: Catalogue,
    vectors: Vectors,
    sentences: TextEncoder,
    captions: TextEncoder,
) -> Outcome:
    """Write the description's vector, the names' vectors that were missing, then the scores with all they are made of.

    Scores replace each other as a whole, so a category that the business no longer has leaves no score behind. A
    business without categories gets an empty list. Parts that cannot be made are missing, and ``notes`` says why; what
    a dummy model said is left out as ``domain.scoring.usable`` decides. Raises JobFailed when an encoder changes its
    space midway; two spaces never meet.
    """
    known = await metadata.find_metadata(job.business_id, job.image_id) or {}
    section, clip = known.get("description") or {}, known.get("clip") or {}
    text = str(section.get("text") or "").strip()[:MAX_DESCRIPTION_CHARS]
    if not text:
        return Reject(Reason("not_described", "the image has no description yet; publish it to be described first"))
    categories = await catalogue.categories_of(job.business_id)
    snapshot = await catalogue.idf_snapshot()
    space = await sentences.space()
    (vector,) = await _encode(sentences, (text,), space)
    image, clip_problem = await _image_vector(clip, section, vectors, captions)
    plan = usable(section, clip_problem)
    names: dict[str, Vector] = {}
    writes: tuple[PutVectors, ...] = ()
    if plan.description:
        names, writes = await _name_vectors(categories, space, vectors, sentences)
    scores, notes = await _scores(categories, plan, vector, names, snapshot, image, captions)
    key = image_vector_key(job.business_id, job.image_id, space, job.version)
    payload = {"business_id": job.business_id, "image_id": job.image_id}
    value = {
        "url": (known.get("source") or {}).get("image_url") or job.image_url,
        "quality": clip.get("quality"),
        "source_sha256": section.get("source_sha256"),
        **_made_with(space, key, section, clip, snapshot),
        "scores": scores,
        "notes": notes,
    }
    described = PutVectors("descriptions", (KeyedVector(key, vector, payload),))
    return Done(
        writes=(described, *writes, SetRelevance(job.business_id, job.image_id, job.version, value)),
        effects=(Announce("image.scored", job.business_id, job.image_id, str(job.job_id), job.version),),
    )


def word_key(space: str, text: str) -> str:
    """The key of a word's or a phrase's vector: the space is part of it, so that two models never share one."""
    return f"{space}|{hashlib.sha256(text.encode()).hexdigest()[:32]}"


def _made_with(
    space: str, key: str, section: Mapping[str, Any], clip: Mapping[str, Any], snapshot: IdfSnapshot
) -> dict[str, Any]:
    """Everything needed to tell how a score came about. ``model`` is the sentence encoder, as its space names it."""
    return {
        "model": space.partition("@")[0],
        "space": space,
        "vector_key": key,
        "formula": FORMULA,
        "weights": asdict(WEIGHTS),
        "inputs": {
            "description_version": section.get("version"),
            "clip_version": clip.get("version"),
            "idf_version": snapshot.version,
        },
    }


async def _scores(
    categories: Sequence[Category],
    plan: Usable,
    description: Vector,
    names: Mapping[str, Vector],
    snapshot: IdfSnapshot,
    image: Vector | None,
    captions: TextEncoder,
) -> tuple[list[dict[str, Any]], dict[str, str]]:
    """The scores as they are stored, and the notes on them.

    With more categories than MAX_CAPTIONS only those with the best description parts get a clip part: what a job costs
    has a bound.
    """
    near: dict[str, float] = {}
    if plan.description:
        near = await asyncio.to_thread(description_parts, categories, names, snapshot, description)
    seen: dict[str, float] = {}
    notes, asked = dict(plan.notes), plan.asked
    if image is not None and categories:
        best = heapq.nsmallest(MAX_CAPTIONS, categories, lambda it: (-near.get(it.category_id, 0.0), it.category_id))
        made = await _encode(captions, [caption_of(it.name) for it in best], image.space)
        seen = await asyncio.to_thread(clip_parts, dict(zip((it.category_id for it in best), made, strict=True)), image)
        if len(best) < len(categories):
            notes["clip"] = f"best_{MAX_CAPTIONS}_categories_only"
    scores = await asyncio.to_thread(lambda: [it.value() for it in category_scores(categories, near, seen, asked)])
    return scores, notes


async def _image_vector(
    clip: Mapping[str, Any], section: Mapping[str, Any], vectors: Vectors, captions: TextEncoder
) -> tuple[Vector | None, str | None]:
    """The vector of the picture that was described, or what stands against a clip part."""
    key = clip.get("vector_key")
    if not key:
        return None, "not_tagged"
    if clip.get("source_sha256") != section.get("source_sha256"):
        return None, "other_picture"
    if clip.get("model") == DUMMY_MODEL:
        return None, "dummy_model"
    image = (await vectors.find_vectors("images", (key,))).get(key)
    if image is None:
        return None, "no_vector"
    if await captions.space() != image.space:
        return None, "other_space"
    return image, None


async def _name_vectors(
    categories: Sequence[Category], space: str, vectors: Vectors, sentences: TextEncoder
) -> tuple[dict[str, Vector], tuple[PutVectors, ...]]:
    """The vector of every text that stands for a name: those that are stored, the others made, with the writes to
    store them."""
    keys = await asyncio.to_thread(_keys_of, categories, space)
    known: dict[str, Vector] = {}
    for texts in _chunks(list(keys), KEYS_PER_CALL):
        found = await vectors.find_vectors("words", [keys[text] for text in texts])
        known |= {text: found[keys[text]] for text in texts if keys[text] in found}
    known = {text: vector for text, vector in known.items() if vector.space == space}
    missing = [text for text in keys if text not in known]
    made = dict(zip(missing, await _encode(sentences, missing, space), strict=True))
    return known | made, await asyncio.to_thread(_name_writes, keys, made)


def _keys_of(categories: Sequence[Category], space: str) -> dict[str, str]:
    return {text: word_key(space, text) for text in sorted({text for it in categories for text in texts_of(it.name)})}


def _name_writes(keys: Mapping[str, str], made: Mapping[str, Vector]) -> tuple[PutVectors, ...]:
    return tuple(
        PutVectors("words", tuple(KeyedVector(keys[text], made[text], {"word": text}) for text in texts))
        for texts in _chunks(list(made), KEYS_PER_CALL)
    )


async def _encode(encoder: TextEncoder, texts: Sequence[str], space: str) -> list[Vector]:
    made: list[Vector] = []
    for chunk in _chunks(texts, TEXTS_PER_CALL):
        answer = await encoder.encode(chunk)
        if any(vector.space != space for vector in answer):
            other = next(vector.space for vector in answer if vector.space != space)
            raise JobFailed("space_changed", f"an encoder of {space} answered in {other}: its model was changed")
        made += answer
    return made


def _chunks(items: Sequence[str], size: int) -> Iterator[Sequence[str]]:
    return (items[start : start + size] for start in range(0, len(items), size))
