"""Where everything is: queues, ends, dead letters, workers."""

from dataclasses import asdict
from typing import Any

from orchestrator.domain.errors import Unavailable
from orchestrator.domain.ids import normalise_id
from orchestrator.domain.queue_names import error_queue, retry_queue
from orchestrator.wiring import System


async def status(system: System) -> dict[str, Any]:
    """Depth of every queue with its retry and error queues, ends by queue, dead letters by reason, worker states.

    Worker states are known only to a process that calls workers; elsewhere the list is empty.
    """
    ends = await system.documents.job_counts()
    letters = await system.documents.dead_letter_counts()
    return {
        "mode": system.settings.mode,
        "queues": [await _queue(system, queue, ends) for queue in system.pipeline.queues],
        "dead_letters": [
            {"queue": queue, "reason": reason, "count": count} for (queue, reason), count in sorted(letters.items())
        ],
        "workers": [
            {"pool": name, **asdict(endpoint)} for name, pool in system.pools.items() for endpoint in pool.state()
        ],
    }


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


async def image(system: System, business_id: str, image_id: str) -> dict[str, Any] | None:
    """What is known of one image: its metadata document, or null."""
    return await system.documents.find_metadata(normalise_id(business_id), normalise_id(image_id))
