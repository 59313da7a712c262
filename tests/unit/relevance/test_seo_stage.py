"""The seo stage: what is known of a picture, and one equality."""

from typing import Any

import pytest

from orchestrator.domain.errors import Reason
from orchestrator.domain.jobs import SeoJob
from orchestrator.domain.outcome import Announce, Done, Outcome, Reject, SetAltText, SetSection
from orchestrator.domain.relevance.vectors import Vector
from orchestrator.stages import STAGES, bind
from tests.kit.fake_relevance import IDENTITY, JOB_ID, SAID, SHA, SPACE, VERSION, Captions, Sections, StoredVectors

JOB = SeoJob(**IDENTITY)
KEY = f"acme/7|{SPACE}|v1"
CLIP = {
    "tags": [["cake", 0.75], ["window", 0.25]],
    "class": "food",
    "model": "clip-tiny",
    "space": SPACE,
    "vector_key": KEY,
    "source_sha256": SHA,
}
DESCRIPTION = {
    "text": SAID["description"],
    "alt_text": SAID["alt_text"],
    "tags": list(SAID["tags"]),
    "model": "llava-1.5-7b-hf",
    "prompt_version": "vision_json/1",
    "source_sha256": SHA,
    "version": "v2",
}
MODEL, SENTENCE, COMPOSED = (
    "Chocolate cake on a wooden table",
    "A chocolate cake stands on a wooden table.",
    "Food: cake and window",
)
SOURCES = {MODEL: "model", SENTENCE: "description", COMPOSED: "tags"}
LIKENESS = {MODEL: (0.6, 0.8), SENTENCE: (0.8, 0.6), COMPOSED: (0.0, 1.0)}
HELD = StoredVectors({KEY: Vector.unit(SPACE, (1.0, 0.0))})


async def run(captions: Captions, vectors: StoredVectors = HELD, **sections: Any) -> Outcome:
    document = {"description": DESCRIPTION, "clip": CLIP, **sections}
    ports = {"metadata": Sections(document), "vectors": vectors, "captions": captions}
    return await bind(STAGES["seo"], ports)(JOB)


def candidate(text: str, similarity: float | None = None, problem: str | None = None) -> dict[str, Any]:
    about = pytest.approx(similarity, abs=1e-6) if similarity is not None else None
    return {"text": text, "source": SOURCES[text], "similarity": about, "problem": problem}


def done(alt_text: str | None, *candidates: dict[str, Any], made_by: tuple[str, str] | None = None) -> Done:
    model, prompt_version = made_by or ("llava-1.5-7b-hf", "vision_json/1")
    section = {
        "alt_text": alt_text,
        "candidates": list(candidates),
        "model": model,
        "prompt_version": prompt_version,
        "description_version": "v2",
        "source_sha256": SHA,
        **({} if alt_text else {"skipped": "no candidate may be shown"}),
    }
    chosen = () if alt_text is None else (SetAltText("acme", "7", VERSION, alt_text, model, prompt_version),)
    return Done(
        writes=(SetSection("acme", "7", "seo", VERSION, section), *chosen),
        effects=(Announce("image.alt_text", "acme", "7", JOB_ID, VERSION),),
    )


UNCOMPARED = done(MODEL, candidate(MODEL), candidate(SENTENCE), candidate(COMPOSED))


async def test_the_candidate_most_like_the_picture_becomes_the_alt_text() -> None:
    captions = Captions(LIKENESS)
    assert await run(captions) == done(
        SENTENCE, candidate(MODEL, 0.6), candidate(SENTENCE, 0.8), candidate(COMPOSED, 0.0)
    )
    assert captions.asked == [(MODEL, SENTENCE, COMPOSED)]


async def test_a_text_composed_of_tags_names_the_model_that_made_the_tags() -> None:
    captions = Captions({**LIKENESS, COMPOSED: (1.0, 0.0)})
    assert await run(captions) == done(
        COMPOSED,
        candidate(MODEL, 0.6),
        candidate(SENTENCE, 0.8),
        candidate(COMPOSED, 1.0),
        made_by=("clip-tiny", ""),
    )


async def test_a_candidate_with_a_problem_is_neither_compared_nor_chosen() -> None:
    invented = "Chocolate cake, call 98765 43210"
    captions = Captions(LIKENESS)
    outcome = await run(captions, description={**DESCRIPTION, "alt_text": invented})
    problem = "holds a phone number that cannot be read in the picture"
    assert outcome == done(
        SENTENCE,
        {"text": invented, "source": "model", "similarity": None, "problem": problem},
        candidate(SENTENCE, 0.8),
        candidate(COMPOSED, 0.0),
    )
    assert captions.asked == [(SENTENCE, COMPOSED)]


async def test_a_number_that_can_be_read_in_the_picture_may_be_said() -> None:
    read = "Chocolate cake, call 98765 43210"
    outcome = await run(
        Captions({**LIKENESS, read: (1.0, 0.0)}),
        description={**DESCRIPTION, "alt_text": read, "readable_text": "CALL 98765-43210"},
    )
    assert isinstance(outcome, Done)
    assert outcome.writes[1] == SetAltText("acme", "7", VERSION, read, "llava-1.5-7b-hf", "vision_json/1")


async def test_vectors_of_two_spaces_are_never_compared_and_the_order_decides() -> None:
    elsewhere = Captions(LIKENESS, in_space="clip/other@ffffffff")
    assert await run(elsewhere) == UNCOMPARED
    assert elsewhere.asked == []


async def test_workers_that_change_their_space_in_between_are_not_compared_either() -> None:
    changing = Captions(LIKENESS, in_space="clip/other@ffffffff", told_space=SPACE)
    assert await run(changing) == UNCOMPARED


async def test_without_the_pictures_vector_the_order_decides() -> None:
    captions = Captions(LIKENESS)
    assert await run(captions, StoredVectors()) == UNCOMPARED
    assert captions.asked == []


async def test_the_vector_and_tags_of_another_picture_under_the_same_id_are_not_used() -> None:
    captions = Captions(LIKENESS)
    own_tags = {"text": "Cake, table and window", "source": "tags", "similarity": None, "problem": None}
    expected = done(MODEL, candidate(MODEL), candidate(SENTENCE), own_tags)
    assert await run(captions, clip={**CLIP, "source_sha256": "0" * 64}) == expected
    assert await run(captions, clip=None) == expected
    assert captions.asked == []


async def test_where_no_candidate_may_be_shown_that_is_written_and_no_alt_text_is() -> None:
    captions = Captions({})
    foreign = {**DESCRIPTION, "text": "केक", "alt_text": "केक और मेज यहाँ", "tags": []}
    assert await run(captions, description=foreign, clip=None) == done(
        None,
        {"text": "केक और मेज यहाँ", "source": "model", "similarity": None, "problem": "not in English"},
        {"text": "केक", "source": "description", "similarity": None, "problem": "too short"},
    )
    assert captions.asked == []


async def test_a_description_in_another_language_gets_a_text_composed_of_the_tags() -> None:
    foreign = {**DESCRIPTION, "text": "एक लकड़ी की मेज पर केक रखा है।", "alt_text": "", "tags": ["केक", "मेज"]}
    outcome = await run(Captions(LIKENESS), description=foreign)
    assert isinstance(outcome, Done)
    assert outcome.writes[1] == SetAltText("acme", "7", VERSION, COMPOSED, "clip-tiny", "")


@pytest.mark.parametrize("document", [None, {}, {"clip": CLIP}])
async def test_a_picture_without_description_is_a_reject_that_says_what_to_do(document: dict[str, Any] | None) -> None:
    ports = {"metadata": Sections(document), "vectors": HELD, "captions": Captions({})}
    assert await bind(STAGES["seo"], ports)(JOB) == Reject(
        Reason(
            "not_described",
            "the picture has no description yet; publish it to the relevance queue, which describes it first",
        )
    )
