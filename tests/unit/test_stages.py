"""The stages: a job and what the ports answer, and one equality."""

from dataclasses import dataclass, field
from typing import Any

import pytest

from orchestrator.domain.enhancement import enhanced_key, media_type, original_key, rendition_key, sha256_of
from orchestrator.domain.errors import JobFailed, JobRefused
from orchestrator.domain.jobs import Content, Enhanced, EnhanceJob, EnhanceUpdateJob, Skipped, StoredRendition
from orchestrator.domain.outcome import Announce, Done, Next, PurgeUrl, PutObject, SetSection
from orchestrator.domain.pictures import EnhancedPicture, Picture, Rendition, SkippedPicture
from orchestrator.domain.retrying import UPLOAD_ATTEMPTS
from orchestrator.stages import STAGES, Stage, bind
from orchestrator.stages.enhance import enhance
from orchestrator.stages.enhance_update import enhance_update

ORIGINAL = b"the original's bytes"
SHA = sha256_of(ORIGINAL)
RECIPE = "0123456789abcdef"
CONTENT = Content(sha256=SHA, phash="0f" * 8, width=100, height=80, format="png", bytes=len(ORIGINAL))
JOB = EnhanceJob(
    business_id="acme",
    image_id="7",
    image_url="https://x/7.png",
    served_urls=("https://cdn/7.png", "https://cdn/7@2x.png", "https://cdn/7.png"),
    job_id="018bcfe5-6800-7000-8000-00000000abcd",
    submitted_at=1_700_000_000_000,
    image_type="face",
    force=True,
)
MADE = Enhanced(
    key=f"enhanced/{SHA}/{RECIPE}.webp", width=200, height=160, scale=2.0, model="lanczos", source_sha256=SHA
)
ANSWER = EnhancedPicture(b"better", "webp", 200, 160, 2.0, "lanczos", RECIPE, CONTENT)


@dataclass
class Web:
    """Serves one body under every URL; remembers what was asked for."""

    body: bytes = ORIGINAL
    asked: list[str] = field(default_factory=list)

    async def fetch(self, url: str) -> Picture:
        self.asked.append(url)
        return Picture(self.body, "image/whatever")


@dataclass
class Store:
    """Holds originals by their hash."""

    held: dict[str, Picture] = field(default_factory=dict)

    async def find_original(self, sha256: str) -> Picture | None:
        return self.held.get(sha256)


@dataclass
class Worker:
    """Gives one answer; remembers what it was asked."""

    answer: EnhancedPicture | SkippedPicture
    asked: list[tuple[Any, ...]] = field(default_factory=list)

    async def enhance(self, body: bytes, **parameters: Any) -> EnhancedPicture | SkippedPicture:
        self.asked.append((body, parameters))
        return self.answer


def update(**changes: Any) -> EnhanceUpdateJob:
    common = {name: getattr(JOB, name) for name in ("business_id", "image_id", "image_url", "served_urls")}
    identity = {"job_id": JOB.job_id, "submitted_at": JOB.submitted_at, "content_sha256": SHA}
    return EnhanceUpdateJob(**{**common, **identity, "content": CONTENT, "enhanced": MADE, **changes})


async def test_enhance_stores_both_pictures_and_passes_on_what_is_known() -> None:
    worker = Worker(ANSWER)
    outcome = await enhance(JOB, originals=Store(), fetcher=Web(), enhancer=worker)
    assert outcome == Done(
        writes=(
            PutObject(f"originals/{SHA}", ORIGINAL, "image/png"),
            PutObject(
                f"enhanced/{SHA}/{RECIPE}.webp",
                b"better",
                "image/webp",
                {"model": "lanczos", "recipe": RECIPE, "scale": "2", "source-sha256": SHA},
            ),
        ),
        publish=(Next("enhance_update", update()),),
    )
    assert worker.asked == [(ORIGINAL, {"image_type": "face", "force": True, "sha256": SHA})]


async def test_of_a_picture_that_is_not_enlarged_the_rendition_is_stored_and_passed_on() -> None:
    rendition = Rendition(b"clean", "jpeg", 100, 80, RECIPE)
    worker = Worker(SkippedPicture("at_target", CONTENT, rendition))
    outcome = await enhance(JOB, originals=Store(), fetcher=Web(), enhancer=worker)
    key = f"renditions/{SHA}/{RECIPE}.jpg"
    stored = StoredRendition(key=key, width=100, height=80)
    skipped = update(enhanced=Skipped(skipped="at_target", source_sha256=SHA, rendition=stored))
    assert outcome == Done(
        writes=(
            PutObject(f"originals/{SHA}", ORIGINAL, "image/png"),
            PutObject(key, b"clean", "image/jpeg", {"recipe": RECIPE, "source-sha256": SHA}),
        ),
        publish=(Next("enhance_update", skipped),),
    )


async def test_a_picture_without_a_rendition_is_stored_and_passed_on_as_skipped() -> None:
    worker = Worker(SkippedPicture("large enough", CONTENT))
    outcome = await enhance(JOB, originals=Store(), fetcher=Web(), enhancer=worker)
    skipped = update(enhanced=Skipped(skipped="large enough", source_sha256=SHA))
    assert outcome == Done(
        writes=(PutObject(f"originals/{SHA}", ORIGINAL, "image/png"),), publish=(Next("enhance_update", skipped),)
    )


async def test_a_job_that_names_its_content_reads_the_stored_original_and_no_url() -> None:
    web, worker = Web(b"other bytes by now"), Worker(ANSWER)
    job = JOB.model_copy(update={"content_sha256": SHA})
    store = Store({SHA: Picture(ORIGINAL, "image/png")})
    outcome = await enhance(job, originals=store, fetcher=web, enhancer=worker)
    assert isinstance(outcome, Done) and outcome.publish == (Next("enhance_update", update()),)
    assert web.asked == [] and worker.asked[0][0] == ORIGINAL


async def test_a_job_that_names_content_not_stored_yet_takes_the_url_if_it_serves_just_that() -> None:
    web = Web()
    job = JOB.model_copy(update={"content_sha256": SHA})
    outcome = await enhance(job, originals=Store(), fetcher=web, enhancer=Worker(ANSWER))
    assert isinstance(outcome, Done) and web.asked == ["https://x/7.png"]


async def test_a_url_that_serves_other_content_is_tried_again_twice() -> None:
    worker = Worker(ANSWER)
    job = JOB.model_copy(update={"content_sha256": SHA})
    with pytest.raises(JobFailed, match="content_changed") as caught:
        await enhance(job, originals=Store(), fetcher=Web(b"other bytes"), enhancer=worker)
    assert caught.value.max_attempts == UPLOAD_ATTEMPTS and worker.asked == []


class Refusing:
    """A worker that refuses every picture with one code."""

    def __init__(self, code: str) -> None:
        self.code = code

    async def enhance(self, body: bytes, **_: Any) -> EnhancedPicture:
        raise JobRefused(self.code, "why")


@pytest.mark.parametrize("code", ["truncated", "empty"])
async def test_a_fetched_picture_that_ends_early_may_still_be_uploading(code: str) -> None:
    with pytest.raises(JobFailed, match=f"{code}: why") as caught:
        await enhance(JOB, originals=Store(), fetcher=Web(), enhancer=Refusing(code))
    assert caught.value.max_attempts == UPLOAD_ATTEMPTS


async def test_a_stored_picture_that_ends_early_is_final_and_so_is_any_other_fault() -> None:
    stored = Store({SHA: Picture(ORIGINAL, "image/png")})
    known = JOB.model_copy(update={"content_sha256": SHA})
    for job, code in ((known, "truncated"), (JOB, "not_an_image")):
        with pytest.raises(JobRefused, match=code):
            await enhance(job, originals=stored, fetcher=Web(), enhancer=Refusing(code))


async def test_enhancing_the_same_original_again_asks_for_the_same_writes() -> None:
    first = await enhance(JOB, originals=Store(), fetcher=Web(), enhancer=Worker(ANSWER))
    again = await enhance(JOB, originals=Store(), fetcher=Web(), enhancer=Worker(ANSWER))
    assert first == again


ENHANCED = Announce("image.enhanced", "acme", "7", "018bcfe5-6800-7000-8000-00000000abcd", JOB.version)


async def test_enhance_update_writes_three_sections_of_one_version_and_purges_every_url_once() -> None:
    version = "1700000000000-018bcfe5-6800-7000-8000-00000000abcd"
    served = ["https://cdn/7.png", "https://cdn/7@2x.png", "https://cdn/7.png"]
    assert await enhance_update(update()) == Done(
        writes=(
            SetSection("acme", "7", "source", version, {"image_url": "https://x/7.png", "served_urls": served}),
            SetSection("acme", "7", "content", version, CONTENT.model_dump()),
            SetSection("acme", "7", "enhanced", version, MADE.model_dump()),
        ),
        effects=(PurgeUrl("https://cdn/7.png"), PurgeUrl("https://cdn/7@2x.png"), ENHANCED),
    )


async def test_of_a_skipped_picture_whatever_the_cdn_holds_is_purged_too() -> None:
    outcome = await enhance_update(update(enhanced=Skipped(skipped="large enough", source_sha256=SHA)))
    assert isinstance(outcome, Done)
    assert outcome.effects == (PurgeUrl("https://cdn/7.png"), PurgeUrl("https://cdn/7@2x.png"), ENHANCED)
    assert outcome.writes[2] == SetSection(
        "acme", "7", "enhanced", JOB.version, {"skipped": "large enough", "source_sha256": SHA}
    )


async def test_a_stage_is_bound_to_the_ports_it_names_and_no_others() -> None:
    web, store, worker = Web(), Store(), Worker(ANSWER)
    ports = {"fetcher": web, "originals": store, "enhancer": worker, "unused": object()}
    outcome = await bind(STAGES["enhance"], ports)(JOB)
    assert outcome == await enhance(JOB, originals=store, fetcher=web, enhancer=worker)
    assert await bind(STAGES["enhance_update"], {})(update()) == await enhance_update(update())


def test_a_stage_that_names_a_port_nobody_has_is_refused_when_it_is_bound() -> None:
    with pytest.raises(KeyError, match="enhancer"):
        bind(STAGES["enhance"], {"fetcher": Web(), "originals": Store()})


async def test_what_a_port_raises_goes_through_the_stage_unchanged() -> None:
    class Forbidden(Web):
        async def fetch(self, url: str) -> Picture:
            raise JobRefused("forbidden_address", "is private")

    with pytest.raises(JobRefused, match="forbidden_address"):
        await enhance(JOB, originals=Store(), fetcher=Forbidden(), enhancer=Worker(ANSWER))


def test_every_stage_takes_a_job_with_a_schema_of_its_own() -> None:
    assert all(isinstance(stage, Stage) for stage in STAGES.values())
    schemas = [stage.job_type.model_fields["schema_"].default for stage in STAGES.values()]
    assert len(set(schemas)) == len(STAGES)


def test_objects_are_named_by_what_they_are() -> None:
    assert original_key("ab" * 32) == "originals/" + "ab" * 32
    assert enhanced_key("ab" * 32, "r", "jpeg") == f"enhanced/{'ab' * 32}/r.jpg"
    assert rendition_key("ab" * 32, "r", "webp") == f"renditions/{'ab' * 32}/r.webp"
    assert [media_type(name) for name in ("jpeg", "png", "webp")] == ["image/jpeg", "image/png", "image/webp"]
    assert sha256_of(b"") == "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
