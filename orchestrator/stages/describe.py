"""Describe one picture and say whether it fits its business; one that was never tagged is tagged first."""

from orchestrator.domain.answers import Answer, Problem, read_answer
from orchestrator.domain.catalogue import Category
from orchestrator.domain.describing import ModelAnswer
from orchestrator.domain.errors import Reason
from orchestrator.domain.language import language_of
from orchestrator.domain.outcome import Detour, Done, Next, Outcome, Reject, Retry, SetSection
from orchestrator.domain.prompts import PromptProfile, hot_category, profile_for, repair
from orchestrator.domain.relevance_jobs import RelevanceJob, ScoreJob, SeoJob, TagJob
from orchestrator.stages.originals import Original, following, read_original
from orchestrator.stages.ports import Catalogue, Describer, Fetcher, Metadata, Originals


async def describe(
    job: RelevanceJob,
    *,
    originals: Originals,
    fetcher: Fetcher,
    metadata: Metadata,
    catalogue: Catalogue,
    describer: Describer,
) -> Outcome:
    """A business that has no hot category, or is not known at all, gets a prompt that asks for none.

    Raises JobRefused for a prompt that does not exist, and what the ports raise.
    """
    category = hot_category(await catalogue.categories_of(job.business_id))
    profile = profile_for(job.prompt, category)
    tagged_sha256 = await _tagged_picture(job, metadata)
    if not job.tagged and tagged_sha256 is None:  # tagging fetches the picture and keeps it
        return Detour(Next("tag", following(TagJob, job, job.content_sha256, prompt=job.prompt)))
    original = await read_original(job, originals, fetcher)
    if isinstance(original, Reject):
        return original
    if not job.tagged and tagged_sha256 != original.sha256:
        return Detour(Next("tag", following(TagJob, job, original.sha256, prompt=job.prompt)))
    described = await _described(original.body, profile, category, describer)
    if isinstance(described, Retry):
        return described
    return _done(job, original, _section(*described, profile, category, original.sha256))


async def _tagged_picture(job: RelevanceJob, metadata: Metadata) -> str | None:
    """The hash of the picture that was tagged under this id, which may be another one by now."""
    sections = await metadata.find_metadata(job.business_id, job.image_id) or {}
    found: str | None = (sections.get("clip") or {}).get("source_sha256")
    return found


async def _described(
    body: bytes, profile: PromptProfile, category: Category | None, describer: Describer
) -> tuple[Answer, ModelAnswer] | Retry:
    """A usable answer and who gave it. One that cannot be used is sent back once with what is wrong."""
    ask = profile.ask(category)
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


def _section(
    answer: Answer, said: ModelAnswer, profile: PromptProfile, category: Category | None, sha256: str
) -> dict[str, object]:
    judged = category if profile.needs_category else None
    return {
        **answer.extras,
        "text": answer.description,
        "alt_text": answer.alt_text,
        "tags": list(answer.tags),
        "cat_match": answer.cat_match,
        "category_id": judged.category_id if judged else None,
        "language": language_of(answer.description),
        "model": said.model,
        "weights": said.weights,
        "prompt": profile.name,
        "prompt_version": profile.version,
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
