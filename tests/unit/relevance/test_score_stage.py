"""The score stage: what the ports answer, and what is to be written."""

import asyncio
import gc
import time
from typing import Any

import pytest

from orchestrator.domain.catalogue.model import Category
from orchestrator.domain.errors import JobFailed
from orchestrator.domain.outcome import Announce, Done, PutVectors, Reject, SetRelevance
from orchestrator.domain.relevance.idf import idf_snapshot_of
from orchestrator.domain.relevance.scoring import DESCRIPTION, FORMULA
from orchestrator.domain.relevance.vectors import KeyedVector, cosine, weighted_mean
from orchestrator.stages import STAGES, bind
from orchestrator.stages.score import MAX_CAPTIONS, TEXTS_PER_CALL, word_key
from tests.kit.fake_encoding import FakeEncoder, FakeVectors, bag_vector
from tests.kit.score_world import (
    CLIP_SPACE,
    DESCRIPTION_KEY,
    GYM,
    JOB,
    SECTION,
    SPACE,
    STORED_IMAGE,
    TEXT,
    WALLS,
    World,
    clip_part,
    description_part,
    parts_of,
)


async def test_a_described_picture_is_scored_against_every_category_of_its_business() -> None:
    outcome = await World(source={"image_url": "https://x/original.png"}).outcome()
    ids = {"business_id": "acme", "image_id": "7"}
    gym: dict[str, Any] = {"description": description_part(GYM), "cat_match": 1.0, "clip": clip_part(GYM)}
    walls: dict[str, Any] = {"description": description_part(WALLS), "cat_match": None, "clip": clip_part(WALLS)}
    gym_score = round(0.5 * gym["description"] + 0.25 + 0.25 * gym["clip"], 6)
    walls_score = round((0.5 * walls["description"] + 0.25 * walls["clip"]) / 0.75, 6)
    scores = [
        {"category_id": "c1", "name": "Gym", "score": gym_score, "parts": gym},
        {"category_id": "c2", "name": "Red Wall Painters", "score": walls_score, "parts": walls},
    ]
    stored = tuple(
        KeyedVector(word_key(SPACE, it), bag_vector(it, SPACE), {"word": it}) for it in ("gym", "red wall painters")
    )
    assert outcome == Done(
        writes=(
            PutVectors("descriptions", (KeyedVector(DESCRIPTION_KEY, bag_vector(TEXT, SPACE), ids),)),
            PutVectors("words", stored),
            SetRelevance(
                "acme",
                "7",
                JOB.version,
                {
                    "url": "https://x/original.png",
                    "quality": 0.8,
                    "source_sha256": "ab" * 32,
                    "scores": sorted(scores, key=lambda it: -float(str(it["score"]))),
                    "model": "text/MiniLM",
                    "space": SPACE,
                    "vector_key": DESCRIPTION_KEY,
                    "formula": FORMULA,
                    "weights": {"description": 0.5, "cat_match": 0.25, "clip": 0.25},
                    "inputs": {
                        "description_version": "v-d",
                        "clip_version": "v-c",
                        "idf_version": idf_snapshot_of(["Gym", "Red Wall Painters"]).version,
                    },
                    "notes": {},
                },
            ),
        ),
        effects=(Announce("image.scored", "acme", "7", str(JOB.job_id), JOB.version),),
    )


async def test_scoring_the_same_again_asks_for_the_same_writes() -> None:
    assert await World().outcome() == await World().outcome()


@pytest.mark.parametrize("section", [None, {}, {"text": None}, {"text": "  "}])
async def test_a_picture_without_a_description_is_rejected_with_the_remedy(section: dict[str, Any] | None) -> None:
    outcome = await World(description=section).outcome()
    assert isinstance(outcome, Reject) and outcome.reason.code == "not_described"
    assert "described first" in outcome.reason.message


async def test_a_business_without_categories_gets_no_scores_and_the_vector_of_its_description() -> None:
    world = World(categories=())
    outcome = await world.outcome()
    assert [type(write) for write in outcome.writes] == [PutVectors, SetRelevance]
    assert outcome.writes[0].vectors[0].key == outcome.writes[1].value["vector_key"] == DESCRIPTION_KEY
    assert outcome.writes[1].value["scores"] == []
    assert world.sentences.texts() == [TEXT] and world.captions.texts() == []


async def test_only_phrases_that_are_not_stored_are_encoded_and_written() -> None:
    vectors = FakeVectors({**STORED_IMAGE, ("words", word_key(SPACE, "gym")): bag_vector("gym", SPACE)})
    world = World(vectors=vectors)
    outcome = await world.outcome()
    assert world.sentences.texts() == [TEXT, "red wall painters"]
    assert [it.payload["word"] for it in outcome.writes[1].vectors] == ["red wall painters"]


async def test_a_name_too_long_for_a_phrase_is_the_mean_of_its_words() -> None:
    words = ["gym", *(f"{number}" + 90 * "x" for number in range(3))]
    world = World(categories=(Category("c1", ", ".join(words)),))
    part = parts_of(await world.value())["c1"]["description"]
    mean = weighted_mean([bag_vector(word, SPACE) for word in words], [1] * len(words))
    assert world.sentences.texts() == [TEXT, *sorted(words)]
    assert part == pytest.approx(DESCRIPTION.part(cosine(bag_vector(TEXT, SPACE), mean)), abs=1e-6) and 0 < part < 1


async def test_with_every_phrase_stored_none_is_written() -> None:
    held = {("words", word_key(SPACE, it)): bag_vector(it, SPACE) for it in ("gym", "red wall painters")}
    outcome = await World(vectors=FakeVectors({**STORED_IMAGE, **held})).outcome()  # type: ignore[dict-item]
    assert [getattr(write, "kind", None) for write in outcome.writes] == ["descriptions", None]


async def test_a_stored_vector_of_a_name_in_another_space_is_never_used() -> None:
    strange = {("words", word_key(SPACE, "gym")): bag_vector("gym", "text/other@9")}
    world = World(vectors=FakeVectors({**STORED_IMAGE, **strange}))  # type: ignore[dict-item]
    assert parts_of(await world.value())["c1"]["description"] == description_part(GYM)
    assert "gym" in world.sentences.texts()


def test_a_word_is_stored_under_its_space_and_its_digest() -> None:
    assert word_key("text/m@1", "abc") == "text/m@1|ba7816bf8f01cfea414140de5dae2223"


@pytest.mark.parametrize("after", [0, 1])
async def test_a_sentence_model_that_is_swapped_midway_fails_the_job(after: int) -> None:
    with pytest.raises(JobFailed, match="space_changed"):
        await World(sentences=FakeEncoder(SPACE, swap_after=after)).outcome()


async def test_a_caption_model_that_is_swapped_midway_fails_the_job() -> None:
    with pytest.raises(JobFailed, match="space_changed"):
        await World(captions=FakeEncoder(CLIP_SPACE, swap_after=0)).outcome()


async def test_a_description_of_a_megabyte_is_cut_before_it_is_sent() -> None:
    world = World(description={**SECTION, "text": "gym " * 250_000})
    await world.value()
    assert len(world.sentences.texts()[0]) == 8000


async def test_ten_thousand_categories_cost_a_bounded_number_of_calls_and_never_stall_the_loop(
    request: pytest.FixtureRequest,
) -> None:
    many = tuple(Category(f"c{number:05}", f"kind{number % 1500} of shop{number}") for number in range(10_000))
    world = World(categories=many)
    gc.collect()
    gc.freeze()  # what other tests have left in this process is not for the stage to walk through
    request.addfinalizer(gc.unfreeze)
    gaps: list[float] = []

    async def watch() -> None:
        while True:
            before = time.thread_time()
            await asyncio.sleep(0)
            gaps.append(time.thread_time() - before)

    ports = world.ports()
    watcher = asyncio.create_task(watch())
    outcome: Any = await bind(STAGES["score"], ports)(JOB)
    watcher.cancel()
    value = outcome.writes[-1].value
    assert len(value["scores"]) == 10_000
    assert max(map(len, world.sentences.asked)) == TEXTS_PER_CALL and len(world.sentences.texts()) == 10_001
    assert max(map(len, world.vectors.looked_up)) <= 1000
    assert len(world.captions.texts()) == MAX_CAPTIONS
    assert value["notes"] == {"clip": f"best_{MAX_CAPTIONS}_categories_only"}
    assert max(len(write.vectors) for write in outcome.writes[:-1]) <= 1000
    assert max(gaps) < 0.25, "the loop's thread computed for too long in one go"
