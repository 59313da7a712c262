"""The ways to falsify a clean run of the relevance road in each of its stores: what the checker is tried on."""

import random
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from typing import Any

from tests.kit.events import Heard, Told
from tests.kit.load import DESCRIBE, SCORE, SEO, TAG
from tests.kit.relevance_gathering import KINDS, TOLD_BY
from tests.kit.relevance_load import PlannedRelevance
from tests.kit.relevance_run import Run, id_of, version_of
from tests.kit.stub_models import SPACES

Mutation = Callable[[Run, random.Random], Run]
"""Falsifies one thing."""


def _in(run: Run, **stores: Any) -> Run:
    return replace(run, found=replace(run.found, **stores))


def _without(mapping: Mapping[str, Any], key: str) -> dict[str, Any]:
    return {name: value for name, value in mapping.items() if name != key}


def _vectors(run: Run, kind: str, keys: Iterable[str]) -> Run:
    """Changed, and counted as they are."""
    changed = {**run.found.vectors, kind: [*keys]}
    return _in(run, vectors=changed, counted={name: len(changed[name]) for name in KINDS})


def _good(run: Run, chance: random.Random) -> PlannedRelevance:
    return chance.choice([job for job in run.jobs if job.kind == "healthy"])


def drop_a_vector(run: Run, chance: random.Random) -> Run:
    kind = chance.choice(KINDS)
    kept = [*run.found.vectors[kind]]
    gone = chance.randrange(len(kept))
    return _vectors(run, kind, kept[:gone] + kept[gone + 1 :])


def list_a_vector_twice(run: Run, chance: random.Random) -> Run:
    kind = chance.choice(KINDS)
    keys = run.found.vectors[kind]
    return _vectors(run, kind, [*keys, chance.choice([*keys])])


def leave_a_vector_of_another_version(run: Run, chance: random.Random) -> Run:
    kind = chance.choice(["images", "descriptions"])
    image = _good(run, chance).image
    return _vectors(run, kind, [*run.found.vectors[kind], f"{image}|{SPACES['text']}|1700000000000-other"])


def add_a_strange_word(run: Run, chance: random.Random) -> Run:
    return _vectors(run, "words", [*run.found.vectors["words"], f"{SPACES['text']}|{chance.randbytes(16).hex()}"])


def hide_a_vector_from_queries(run: Run, chance: random.Random) -> Run:
    kind = chance.choice(KINDS)
    return _in(run, counted={**run.found.counted, kind: run.found.counted[kind] + 1})


def drop_a_section(run: Run, chance: random.Random) -> Run:
    image, name = _good(run, chance).image, chance.choice(["content", "source", "description", "seo"])
    return _in(run, metadata={**run.found.metadata, image: _without(run.found.metadata[image], name)})


def write_a_section_in_another_version(run: Run, chance: random.Random) -> Run:
    image, name = _good(run, chance).image, chance.choice(["content", "source", "description", "seo"])
    stale = {**run.found.metadata[image], name: {"version": "1700000000000-other"}}
    return _in(run, metadata={**run.found.metadata, image: stale})


def name_a_vector_of_another_version(run: Run, chance: random.Random) -> Run:
    image = _good(run, chance).image
    clip = {**run.found.metadata[image]["clip"], "vector_key": f"{image}|{SPACES['clip']}|1700000000000-other"}
    return _in(run, metadata={**run.found.metadata, image: {**run.found.metadata[image], "clip": clip}})


def write_another_version_of_a_relevance(run: Run, chance: random.Random) -> Run:
    image = _good(run, chance).image
    key = f"{image}|{SPACES['text']}|1700000000000-other"
    return _in(run, relevance={**run.found.relevance, image: {"version": key.rpartition("|")[2], "vector_key": key}})


def drop_a_relevance(run: Run, chance: random.Random) -> Run:
    return _in(run, relevance=_without(run.found.relevance, _good(run, chance).image))


def give_a_stranger_relevance(run: Run, chance: random.Random) -> Run:
    return _in(run, relevance={**run.found.relevance, f"hot/stranger{chance.random()}": {}})


def drop_an_alt_text(run: Run, chance: random.Random) -> Run:
    image = _good(run, chance).image
    return _in(run, alt_texts=[row for row in run.found.alt_texts if row[0] != image])


def repeat_an_alt_text(run: Run, chance: random.Random) -> Run:
    return _in(run, alt_texts=[*run.found.alt_texts, chance.choice([*run.found.alt_texts])])


def write_an_alt_text_in_another_version(run: Run, chance: random.Random) -> Run:
    image = _good(run, chance).image
    rows = [(key, "1700000000000-other" if key == image else version) for key, version in run.found.alt_texts]
    return _in(run, alt_texts=rows)


def drop_an_original(run: Run, chance: random.Random) -> Run:
    return _in(run, objects=_without(run.found.objects, _good(run, chance).original))


def change_an_original(run: Run, chance: random.Random) -> Run:
    return _in(run, objects={**run.found.objects, _good(run, chance).original: chance.randbytes(16).hex()})


def drop_an_event(run: Run, chance: random.Random) -> Run:
    gone = chance.choice(sorted(run.heard))
    return replace(run, heard=Heard({told: times for told, times in run.heard.items() if told != gone}))


def announce_a_dead_one(run: Run, chance: random.Random) -> Run:
    dead = next(job for job in run.jobs if job.kind == "failing_vlm")
    return replace(run, heard=run.heard + Heard([Told("image.scored", id_of(dead), dead.image_id, version_of(dead))]))


def lose_a_job_before_it_was_scored(run: Run, chance: random.Random) -> Run:
    return _undone(run, _good(run, chance), SCORE)


def lose_a_job_that_came_back_from_tagging(run: Run, chance: random.Random) -> Run:
    job = _good(run, chance)
    return replace(_undone(run, job, DESCRIBE, SCORE, SEO), routed=run.routed | {job.at(DESCRIBE)})


def lose_a_job_on_its_way_to_tagging(run: Run, chance: random.Random) -> Run:
    job = next(job for job in run.jobs if job.kind == "not_a_picture")
    return replace(run, dead={key: times for key, times in run.dead.items() if key != job.at(TAG)})


def _undone(run: Run, job: PlannedRelevance, *queues: str) -> Run:
    kept = {told: 1 for told in run.heard if told.job_id != job.job_id or TOLD_BY[told.event] not in queues}
    return replace(run, done=run.done - {job.at(queue) for queue in queues}, heard=Heard(kept))


MUTATIONS: Mapping[Mutation, tuple[str, str]] = {
    drop_a_vector: ("missing_effects", ""),
    list_a_vector_twice: ("duplicate_effects", ""),
    leave_a_vector_of_another_version: ("duplicate_effects", "vector hot/"),
    add_a_strange_word: ("duplicate_effects", "word "),
    hide_a_vector_from_queries: ("duplicate_effects", "rows of "),
    drop_a_section: ("missing_effects", "section "),
    write_a_section_in_another_version: ("missing_effects", "section "),
    name_a_vector_of_another_version: ("missing_effects", "vector of "),
    write_another_version_of_a_relevance: ("missing_effects", "relevance of "),
    drop_a_relevance: ("missing_effects", "relevance of "),
    give_a_stranger_relevance: ("duplicate_effects", "relevance or alt text of hot/stranger"),
    drop_an_alt_text: ("missing_effects", "alt text of "),
    repeat_an_alt_text: ("duplicate_effects", "alt text of "),
    write_an_alt_text_in_another_version: ("missing_effects", "alt text of "),
    drop_an_original: ("missing_effects", "object originals/"),
    change_an_original: ("missing_effects", "object originals/"),
    drop_an_event: ("missing_effects", "image."),
    announce_a_dead_one: ("duplicate_effects", "image.scored "),
    lose_a_job_before_it_was_scored: ("missing_next", ""),
    lose_a_job_that_came_back_from_tagging: ("missing_next", ""),
    lose_a_job_on_its_way_to_tagging: ("missing_next", ""),
}
"""Each with the class of mistake that the checker must call it, and how it begins to name it."""
