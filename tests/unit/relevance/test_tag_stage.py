"""The tag stage: a job and what the worker says, and one equality."""

from dataclasses import replace

import pytest

from orchestrator.domain.errors import JobFailed
from orchestrator.domain.jobs import RelevanceJob, TagJob
from orchestrator.domain.outcome import Done, Next, PutObject, PutVectors, SetSection
from orchestrator.domain.pictures import Picture
from orchestrator.domain.relevance.vectors import KeyedVector
from orchestrator.stages import STAGES, bind
from orchestrator.stages.tag import tag
from tests.kit.fake_relevance import CONTENT, IDENTITY, ORIGINAL, SHA, SPACE, TAGGED, VERSION, Clip, Store, Web

JOB = TagJob(**IDENTITY, prompt="full_details")
KEY = f"acme/7|{SPACE}|{VERSION}"
CLIP = {
    "tags": [["cake", 0.75], ["table", 0.25]],
    "class": "food",
    "class_valid": 1,
    "quality": 0.5,
    "flags": ["watermark"],
    "model": "tiny",
    "space": SPACE,
    "vector_key": KEY,
    "source_sha256": SHA,
}
DONE = Done(
    writes=(
        PutObject(f"originals/{SHA}", ORIGINAL, "image/png"),
        PutVectors("images", (KeyedVector(KEY, TAGGED.vector, {"business_id": "acme", "image_id": "7"}),)),
        SetSection(
            "acme", "7", "source", VERSION, {"image_url": "https://x/7.png", "served_urls": ["https://cdn/7.png"]}
        ),
        SetSection("acme", "7", "content", VERSION, CONTENT.model_dump()),
        SetSection("acme", "7", "clip", VERSION, CLIP),
    ),
    publish=(Next("describe", RelevanceJob(**IDENTITY, content_sha256=SHA, prompt="full_details", tagged=True)),),
)


async def test_tagging_keeps_original_vector_and_tags_and_sends_the_job_on_to_be_described() -> None:
    clip = Clip()
    assert await tag(JOB, originals=Store(), fetcher=Web(), tagger=clip) == DONE
    assert clip.asked == [(ORIGINAL, SHA)]


async def test_a_class_that_may_not_be_shown_is_written_as_0() -> None:
    clip = Clip(replace(TAGGED, class_valid=False))
    outcome = await tag(JOB, originals=Store(), fetcher=Web(), tagger=clip)
    hidden = SetSection("acme", "7", "clip", VERSION, {**CLIP, "class_valid": 0})
    assert outcome == replace(DONE, writes=(*DONE.writes[:4], hidden))
    written = outcome.writes[4]
    assert isinstance(written, SetSection) and type(written.value["class_valid"]) is int


async def test_a_job_that_names_its_content_reads_the_stored_original_and_no_url() -> None:
    web = Web(b"other bytes by now")
    job = JOB.model_copy(update={"content_sha256": SHA})
    store = Store({SHA: Picture(ORIGINAL, "image/png")})
    assert await tag(job, originals=store, fetcher=web, tagger=Clip()) == DONE
    assert web.asked == []


async def test_a_url_that_serves_other_content_by_now_fails_the_job() -> None:
    clip = Clip()
    job = JOB.model_copy(update={"content_sha256": SHA})
    with pytest.raises(JobFailed, match="content_changed"):
        await tag(job, originals=Store(), fetcher=Web(b"other bytes"), tagger=clip)
    assert clip.asked == []


async def test_the_stage_is_registered_under_its_name_with_its_job() -> None:
    assert STAGES["tag"].job_type is TagJob
    ports = {"originals": Store(), "fetcher": Web(), "tagger": Clip()}
    assert await bind(STAGES["tag"], ports)(JOB) == DONE
