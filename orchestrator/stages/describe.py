"""Describe one picture and say whether it fits its business; one that was never tagged is tagged first."""

from collections.abc import Mapping
from typing import Any

from orchestrator.domain.errors import Reason
from orchestrator.domain.ids import document_id
from orchestrator.domain.jobs import RelevanceJob, ScoreJob, SeoJob, TagJob
from orchestrator.domain.outcome import Done, Next, Outcome, Retry, RouteVia, SetSection
from orchestrator.domain.prompts.parsing import Answer, Problem, read_answer
from orchestrator.domain.prompts.profiles import hot_category, profile_for, repair
from orchestrator.domain.prompts.request import ModelAnswer
from orchestrator.domain.prompts.selection import Prompting, Question, known_of, question
from orchestrator.domain.relevance.language import language_of
from orchestrator.stages.originals import Original, allow_for_upload, following, read_original
from orchestrator.stages.ports import Catalogue, Describer, Fetcher, Metadata, Originals


async def describe(
    job: RelevanceJob,
    *,
    originals: Originals,
    fetcher: Fetcher,
    metadata: Metadata,
    catalogue: Catalogue,
    describer: Describer,
    prompting: Prompting = Prompting(),  # noqa: B008 - frozen
) -> Outcome:
    """A business that has no hot category, or is not known at all, gets a prompt that asks for none.

    Raises JobRefused for a prompt that does not exist, and what the ports raise.
    """
    category = hot_category(await catalogue.categories_of(job.business_id))
    profile = profile_for(job.prompt or prompting.prompt, category)
    clip = await _clip(job, metadata)
    tagged_sha256 = clip.get("source_sha256")  # of another picture, if the image has changed since
    if not job.tagged and tagged_sha256 is None:  # tagging fetches the picture and keeps it
        return RouteVia(Next("tag", following(TagJob, job, job.content_sha256, prompt=job.prompt)))
    original = await read_original(job, originals, fetcher)
    if not job.tagged and tagged_sha256 != original.sha256:
        # Without the hash of what nobody has decoded yet: its upload may still be under way.
        return RouteVia(Next("tag", following(TagJob, job, job.content_sha256, prompt=job.prompt)))
    known = known_of(document_id(job.business_id, job.image_id), clip, original.sha256)
    asked = question(profile, category, known, prompting)
    with allow_for_upload(original):
        described = await _described(original.body, asked, describer)
    if isinstance(described, Retry):
        return described
    return _done(job, original, _section(*described, asked, original.sha256))


async def _clip(job: RelevanceJob, metadata: Metadata) -> Mapping[str, Any]:
    """What tagging wrote, if it did."""
    sections = await metadata.find_metadata(job.business_id, job.image_id) or {}
    return sections.get("clip") or {}


async def _described(body: bytes, asked: Question, describer: Describer) -> tuple[Answer, ModelAnswer] | Retry:
    """A usable answer and who gave it. One that cannot be used is sent back once with what is wrong."""
    ask, profile = asked.ask(), asked.profile
    said = await describer.describe(body, ask)
    answer = read_answer(said, profile)
    if isinstance(answer, Answer):
        return answer, said
    said = await describer.describe(body, repair(ask, answer.message))
    repaired = read_answer(said, profile)
    if isinstance(repaired, Problem):
        message = f"{said.model}, prompt {profile.name}: {answer.message}; asked again: {repaired.message}"
        return Retry(Reason("bad_model_answer", message))
    return repaired, said


def _section(answer: Answer, said: ModelAnswer, asked: Question, sha256: str) -> dict[str, object]:
    return {
        **answer.extras,
        "text": answer.description,
        "alt_text": answer.alt_text,
        "tags": list(answer.tags),
        "cat_match": answer.cat_match,
        "language": language_of(answer.description),
        "model": said.model,
        "weights": said.weights,
        **asked.record(),
        "source_sha256": sha256,
    }


def _done(job: RelevanceJob, original: Original, description: dict[str, object]) -> Done:
    source = {"image_url": job.image_url, "served_urls": list(job.served_urls)}
    return Done(
        writes=(
            original.stored(),
            SetSection(job.business_id, job.image_id, "source", job.version, source),
            SetSection(job.business_id, job.image_id, "description", job.version, description),
        ),
        publish=(
            Next("score", following(ScoreJob, job, original.sha256)),
            Next("seo", following(SeoJob, job, original.sha256)),
        ),
    )
