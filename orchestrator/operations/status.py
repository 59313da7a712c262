"""Where everything is: queues, ends, dead letters, workers; and all that is known of one image."""

from collections.abc import Awaitable, Iterable, Mapping
from dataclasses import asdict
from typing import Any, TypeVar

from orchestrator import __version__
from orchestrator.domain.errors import Unavailable
from orchestrator.domain.ids import normalise_id
from orchestrator.domain.queue_names import error_queue, retry_queue
from orchestrator.operations import dead_letters
from orchestrator.operations.workers import worker_states
from orchestrator.wiring import System

T = TypeVar("T")


async def status(system: System) -> dict[str, Any]:
    """Depth of every queue with its retry and error queues, ends by queue, dead letters by reason, worker states.

    A process that calls workers itself knows their states, and where its health is served; elsewhere each endpoint is
    asked, and ``health`` is null.
    """
    ends = await system.documents.job_counts()
    letters = await system.documents.dead_letter_counts()
    return {
        "mode": system.settings.mode,
        "health": system.health_url,
        "release": __version__,
        "queues": [await _queue(system, queue, ends) for queue in system.pipeline.queues],
        "dead_letters": [
            {"queue": queue, "reason": reason, "count": count} for (queue, reason), count in sorted(letters.items())
        ],
        "workers": await worker_states(system),
    }


async def health(system: System) -> dict[str, str | None]:
    """Where this process serves /livez, /readyz and /metrics; null when it works on no queues."""
    return {"url": system.health_url}


async def consumers(system: System, queues: list[str]) -> dict[str, int | None]:
    """How many consumers each queue has; null when the broker does not say."""

    async def one(queue: str) -> int | None:
        try:
            return (await system.broker.depth(queue)).consumers
        except Unavailable:
            return None

    return {queue: await one(queue) for queue in queues}


async def _queue(system: System, queue: str, ends: Any) -> dict[str, Any]:
    spec = system.pipeline.queues[queue]
    try:
        depth = await system.broker.depth(queue)
        retrying = [(await system.broker.depth(retry_queue(queue, delay))).total for delay in spec.retry_delays_s]
        dead = (await system.broker.depth(error_queue(queue))).total
    except Unavailable as away:
        return {"queue": queue, "error": str(away)}
    return {
        "queue": queue,
        **asdict(depth),
        "retrying": sum(retrying),
        "dead": dead,
        "done": ends.get((queue, "done"), 0),
    }


async def jobs(system: System, job_id: str) -> list[dict[str, Any]]:
    """Every recorded end of one job, by queue."""
    return [asdict(entry) for entry in await system.documents.find_jobs(job_id)]


async def image(system: System, business_id: str, image_id: str) -> dict[str, Any]:
    """Everything known of one image: ``metadata`` by section, ``relevance``, ``catalogue``, ``alt_text`` in force,
    ``jobs`` (the ends of those that wrote any of it, or died), ``dead_letters``.

    What is not known is null or empty; ``missing`` names the parts that could not be read, with the reason.
    """
    business, name = normalise_id(business_id), normalise_id(image_id)
    missing: list[dict[str, str]] = []

    async def part(what: str, reading: Awaitable[T], otherwise: T) -> T:
        try:
            return await reading
        except Unavailable as away:
            missing.append({"part": what, "reason": str(away)})
            return otherwise

    metadata = await system.documents.find_metadata(business, name)
    relevance = (await system.documents.find_relevance(business)).get(name)
    catalogue = (await system.documents.find_catalogue(business)).get(name)
    alt_text = await part("alt_text", _alt_text(system, business, name), None)
    letters = await part("dead_letters", dead_letters.list_letters(system, limit=None, business_id=business), [])
    letters = [letter for letter in letters if letter["image_id"] == name]
    job_ids = _job_ids((*(metadata or {}).values(), relevance or {}, alt_text or {}, *letters))
    ends = [end for job_id in job_ids for end in await jobs(system, job_id)]
    return {
        "business_id": business,
        "image_id": name,
        "metadata": metadata,
        "relevance": relevance,
        "catalogue": asdict(catalogue) if catalogue else None,
        "alt_text": alt_text,
        "jobs": sorted(ends, key=lambda end: (end["received_at"], end["queue"])),
        "dead_letters": letters,
        "missing": missing,
    }


async def _alt_text(system: System, business_id: str, image_id: str) -> dict[str, Any] | None:
    if system.settings.mode == "embedded":
        await system.catalogue.ensure_schema()  # nothing may have made the tables yet
    found = (await system.catalogue.alt_texts_of(business_id)).get(image_id)
    return asdict(found) if found else None


def _job_ids(parts: Iterable[Mapping[str, Any]]) -> list[str]:
    """The jobs that the parts name, each once: a version ends in the id of the job that wrote it."""
    named = [part.get("job_id") or str(part.get("version", "")).partition("-")[2] for part in parts]
    return list(dict.fromkeys(job_id for job_id in named if job_id))
