"""Write down what enhancing found, then make the CDN forget every URL the picture is served under."""

from orchestrator.domain.jobs import EnhanceUpdateJob
from orchestrator.domain.outcome import Announce, Done, Outcome, PurgeUrl, SetSection


async def enhance_update(job: EnhanceUpdateJob) -> Outcome:
    """One section each for where the picture is served, what the original is, and what was made of it.

    A skipped picture is purged, too: the CDN may hold its original, with all that the publisher sent, or what was made
    of an earlier content.
    """

    def section(name: str, value: dict[str, object]) -> SetSection:
        return SetSection(job.business_id, job.image_id, name, job.version, value)

    writes = (
        section("source", {"image_url": job.image_url, "served_urls": list(job.served_urls)}),
        section("content", job.content.model_dump()),
        section("enhanced", job.enhanced.model_dump(exclude_none=True)),
    )
    purges = tuple(PurgeUrl(url) for url in dict.fromkeys(job.served_urls))
    told = Announce("image.enhanced", job.business_id, job.image_id, str(job.job_id), job.version)
    return Done(writes=writes, effects=(*purges, told))
