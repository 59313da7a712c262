"""The describe stage: a job, what is known, what a model says, and one equality."""

from dataclasses import replace
from typing import Any

import pytest

from orchestrator.domain.catalogue.model import Category
from orchestrator.domain.errors import JobFailed, JobRefused, Reason
from orchestrator.domain.jobs import RelevanceJob, ScoreJob, SeoJob, TagJob
from orchestrator.domain.outcome import Done, Next, Outcome, PutObject, Retry, RouteVia, SetSection
from orchestrator.domain.pictures import Picture
from orchestrator.domain.prompts.profiles import profile_for, repair
from orchestrator.stages import STAGES, bind
from tests.kit.fake_relevance import (
    HOT,
    IDENTITY,
    ORIGINAL,
    SAID,
    SHA,
    VERSION,
    Businesses,
    Model,
    Sections,
    Store,
    Web,
    said,
)  # fmt: skip

JOB = RelevanceJob(**IDENTITY)
TAGGED = {"clip": {"source_sha256": SHA}}
DESCRIPTION = {
    "text": SAID["description"],
    "alt_text": SAID["alt_text"],
    "tags": ["cake", "table", "window"],
    "cat_match": 1,
    "category_id": "c1",
    "language": "en",
    "model": "llava-1.5-7b-hf",
    "weights": "weights-1",
    "prompt": "vision_json_cat",
    "prompt_version": "vision_json_cat/1",
    "strategy": "zero_shot",
    "source_sha256": SHA,
}
PLAIN = {
    **DESCRIPTION,
    **dict.fromkeys(("cat_match", "category_id")),
    "prompt": "vision_json",
    "prompt_version": "vision_json/1",
}
FIT = said({**SAID, "cat_match": 1})


async def run(job: RelevanceJob, model: Model, **ports: Any) -> Outcome:
    defaults = {
        "originals": Store(),
        "fetcher": Web(),
        "metadata": Sections(TAGGED),
        "catalogue": Businesses((HOT,)),
    }
    return await bind(STAGES["describe"], {**defaults, "describer": model, **ports})(job)


def done(description: dict[str, Any]) -> Done:
    source = {"image_url": "https://x/7.png", "served_urls": ["https://cdn/7.png"]}
    return Done(
        writes=(
            PutObject(f"originals/{SHA}", ORIGINAL, "image/png"),
            SetSection("acme", "7", "source", VERSION, source),
            SetSection("acme", "7", "description", VERSION, description),
        ),
        publish=(
            Next("score", ScoreJob(**IDENTITY, content_sha256=SHA)),
            Next("seo", SeoJob(**IDENTITY, content_sha256=SHA)),
        ),
    )


async def test_a_tagged_picture_is_described_judged_by_its_hot_category_and_sent_on() -> None:
    model = Model(FIT)
    assert await run(JOB, model) == done(DESCRIPTION)
    assert model.asked == [(ORIGINAL, profile_for(None, HOT).ask(HOT))]


@pytest.mark.parametrize("document", [None, {}, {"source": {}}])
async def test_a_picture_that_was_never_tagged_takes_the_detour_unfetched_and_asks_no_model(
    document: dict[str, Any] | None,
) -> None:
    job, model = JOB.model_copy(update={"prompt": "cat"}), Model()
    assert await run(job, model, metadata=Sections(document)) == RouteVia(Next("tag", TagJob(**IDENTITY, prompt="cat")))
    assert model.asked == []


async def test_another_picture_under_the_same_id_is_tagged_anew() -> None:
    model = Model()
    tagged_before = Sections({"clip": {"source_sha256": "0" * 64}})
    assert await run(JOB, model, metadata=tagged_before) == RouteVia(Next("tag", TagJob(**IDENTITY)))
    assert model.asked == []


async def test_a_job_that_comes_back_from_tagging_is_never_sent_there_again() -> None:
    job = JOB.model_copy(update={"tagged": True})
    assert await run(job, Model(FIT), metadata=Sections(None)) == done(DESCRIPTION)


@pytest.mark.parametrize(
    "catalogue",
    [Businesses(), Businesses((Category("c2", "Bakeries"),)), Businesses((HOT,), "another")],
    ids=["no categories", "no hot one", "unknown business"],
)
async def test_without_a_hot_category_the_prompt_without_cat_match_is_used(catalogue: Businesses) -> None:
    assert await run(JOB, Model(said(SAID)), catalogue=catalogue) == done(PLAIN)
    named = JOB.model_copy(update={"prompt": "vision_json_cat"})
    assert await run(named, Model(said(SAID)), catalogue=catalogue) == done(PLAIN)


async def test_a_prompt_that_asks_for_no_category_writes_none_even_where_there_is_a_hot_one() -> None:
    assert await run(JOB.model_copy(update={"prompt": "vision_json"}), Model(said(SAID))) == done(PLAIN)


async def test_the_prompt_cat_describes_and_judges_in_one_short_answer() -> None:
    short = {**DESCRIPTION, "alt_text": "", "tags": [], "cat_match": 0, "prompt": "cat", "prompt_version": "cat/1"}
    model = Model(said({"description": SAID["description"], "cat_match": 0}))
    assert await run(JOB.model_copy(update={"prompt": "cat"}), model) == done(short)


async def test_the_long_form_writes_its_own_fields_beside_the_others() -> None:
    extras = {
        "people": 2,
        "items": ["cake"],
        "readable_text": "OPEN",
        "blur": False,
        "watermark": False,
        "screenshot": False,
        "nudity": 0.0,
        "business_name_seen": True,
    }
    model = Model(said({**SAID, **extras, "cat_match": 1}))
    expected = {**extras, **DESCRIPTION, "prompt": "full_details", "prompt_version": "full_details/1"}
    assert await run(JOB.model_copy(update={"prompt": "full_details"}), model) == done(expected)


async def test_a_description_in_another_language_is_kept_and_marked() -> None:
    hindi = "एक लकड़ी की मेज पर चॉकलेट केक रखा है।"
    model = Model(said({**SAID, "description": hindi, "cat_match": 1}))
    assert await run(JOB, model) == done({**DESCRIPTION, "text": hindi, "language": "other"})


async def test_an_answer_that_cannot_be_used_is_asked_for_once_more_with_what_is_wrong() -> None:
    model = Model(said(SAID), FIT)
    assert await run(JOB, model) == done(DESCRIPTION)
    ask = profile_for(None, HOT).ask(HOT)
    assert model.asked == [(ORIGINAL, ask), (ORIGINAL, repair(ask, "cat_match: Field required"))]


async def test_two_bad_answers_are_a_retry_that_says_both_problems_and_nothing_is_written() -> None:
    model = Model(said("{}", "length"), said("nonsense"))
    message = (
        "llava-1.5-7b-hf, prompt vision_json_cat: the answer was cut off at 512 tokens; "
        "asked again: the answer is not JSON: Expecting value at character 0"
    )
    assert await run(JOB, model) == Retry(Reason("bad_model_answer", message))
    assert len(model.asked) == 2


async def test_an_unknown_prompt_is_refused_before_anything_is_fetched_or_tagged() -> None:
    web = Web()
    with pytest.raises(JobRefused, match="unknown_prompt"):
        await run(JOB.model_copy(update={"prompt": "visions"}), Model(), fetcher=web, metadata=Sections())
    assert web.asked == []


async def test_a_job_that_names_its_content_reads_the_stored_original_and_no_url() -> None:
    web, store = Web(b"other bytes by now"), Store({SHA: Picture(ORIGINAL, "image/png")})
    job = JOB.model_copy(update={"content_sha256": SHA})
    assert await run(job, Model(FIT), fetcher=web, originals=store) == done(DESCRIPTION)
    assert web.asked == []


async def test_a_url_that_serves_other_content_by_now_fails_the_job() -> None:
    job = JOB.model_copy(update={"content_sha256": SHA})
    with pytest.raises(JobFailed, match="content_changed"):
        await run(job, Model(), fetcher=Web(b"other bytes"))


@pytest.mark.parametrize(
    ("head", "media_type"),
    [
        (b"\xff\xd8\xff\xe0", "image/jpeg"),
        (b"RIFF\x00\x00\x00\x00WEBP", "image/webp"),
        (b"something else", "application/octet-stream"),
    ],
)
async def test_the_original_is_kept_under_the_type_its_first_bytes_tell(head: bytes, media_type: str) -> None:
    outcome = await run(JOB.model_copy(update={"tagged": True}), Model(FIT), fetcher=Web(head))
    assert isinstance(outcome, Done)
    put = outcome.writes[0]
    assert isinstance(put, PutObject) and put == replace(put, body=head, content_type=media_type)
