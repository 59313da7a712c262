"""What is found of a deployment's jobs when it has come to rest: ledger, queues, objects, documents, purges."""

import asyncio
import hashlib
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from orchestrator.domain.queue_names import error_queue, retry_queue
from orchestrator.runtime.ports import Delivery
from tests.kit.evidence import Effect, Evidence, JobKey
from tests.kit.load import UPDATE, Naming, Planned
from tests.kit.pictures import RECIPE, enhanced_picture
from tests.kit.relevance_load import PlannedRelevance, detours_of, hops_of

if TYPE_CHECKING:
    from tests.kit.deployment import Deployment

HARMLESS = 10**9
_SECTIONS = ("content", "enhanced", "source")


async def gather(deployment: "Deployment") -> Evidence:
    """Everything the checker wants to know. Messages are read by consuming them, and given back."""
    jobs, naming = deployment.jobs, Naming(deployment.jobs)
    ledger = await asyncio.to_thread(read_ledger, deployment)
    dead, queued = Counter[JobKey](), Counter[JobKey]()
    for queue in deployment.pipeline.queues:
        dead.update(naming.of_body(queue, each.body) for each in await peek(deployment, error_queue(queue)))
        for name in around(deployment, queue):
            queued.update(naming.of_body(queue, each.body) for each in await peek(deployment, name))
    effects = tuple(await asyncio.to_thread(_effects, deployment))
    described = [job for job in jobs if isinstance(job, PlannedRelevance)]
    if deployment.model_ports:
        from tests.kit.relevance_gathering import gather_relevance  # its drivers take seconds to import

        effects += await gather_relevance(deployment, ledger)
    return Evidence(
        confirmed=frozenset(deployment.confirmed),
        unknown=frozenset(deployment.unknown - deployment.confirmed),
        done=frozenset(
            naming.key(row["queue"], row["job_id"], row["image_id"]) for row in ledger if row["outcome"] == "done"
        ),
        dead=dict(dead),
        queued=dict(queued),
        expected_next={job.key: (update_key(job),) for job in enhancing(jobs)} | hops_of(described),
        detours=detours_of(described),
        routed=frozenset(
            naming.key(row["queue"], row["job_id"], row["image_id"]) for row in ledger if row["outcome"] == "routed"
        ),
        effects=effects,
        totals=await _totals(deployment),
    )


def enhancing(jobs: Sequence[Planned]) -> list[Planned]:
    """Those of the enhancement road that anything can be made of."""
    return [job for job in jobs if job.source is not None and not isinstance(job, PlannedRelevance)]


def update_key(job: Planned) -> JobKey:
    """The job that follows from ``job``."""
    return JobKey(job.key.job_id, UPDATE)


def around(deployment: "Deployment", queue: str) -> list[str]:
    """The queue and its retry tiers: wherever a job that has not ended may be."""
    return [queue, *(retry_queue(queue, delay) for delay in deployment.pipeline.queues[queue].retry_delays_s)]


def read_ledger(deployment: "Deployment") -> list[dict[str, Any]]:
    """Every entry of the ledger."""
    with deployment.servers.mongod.client() as client:
        return list(client[deployment.servers.database]["jobs"].find())


async def peek(deployment: "Deployment", queue: str, quiet_s: float = 1.0) -> list[Delivery]:
    """Every message that is ready in ``queue``, taken and given back. Each costs one of its deliveries."""
    expected = (await deployment.broker.depth(queue)).ready
    if expected == 0:
        return []
    subscription = await deployment.broker.subscribe(queue, prefetch=min(expected + 10, 65_000))
    found: list[Delivery] = []
    try:
        while (delivery := await subscription.next(quiet_s if len(found) < expected else 0.05)) is not None:
            found.append(delivery)
    finally:
        await subscription.close()
    return found


async def _totals(deployment: "Deployment") -> dict[str, int]:
    counted = await deployment.totals()
    return {
        queue: sum(counted.get(name, 0) for name in (error_queue(queue), *around(deployment, queue)))
        for queue in deployment.pipeline.queues
    }


def _effects(deployment: "Deployment") -> Iterator[Effect]:
    """Those of the enhancement road. What lies there of the other one is for that one to judge."""
    jobs = enhancing(deployment.jobs)
    others = [job for job in deployment.jobs if isinstance(job, PlannedRelevance)]
    listing = {key: etag for key, etag in listed(deployment).items() if key not in {job.original for job in others}}
    yield from _objects(listing, jobs, known_answer=not deployment.options.worker_urls)
    documents = rows_of(deployment, "metadata")
    yield from _documents({key: documents[key] for key in documents.keys() - {job.image for job in others}}, jobs)
    for job in jobs:
        yield Effect(f"purge {job.served_url}", deployment.outside.purges[job.served_url], HARMLESS, update_key(job))
    for url in deployment.outside.purges.keys() - {job.served_url for job in jobs}:
        yield Effect(f"purge {url}", deployment.outside.purges[url], 0)


def listed(deployment: "Deployment") -> dict[str, str]:
    """Every object's key with its ETag, which is the MD5 of its bytes."""
    client = deployment.servers.s3.client()
    try:
        pages = client.get_paginator("list_objects_v2").paginate(Bucket=deployment.servers.bucket)
        return {found["Key"]: found["ETag"].strip('"') for page in pages for found in page.get("Contents", ())}
    finally:
        client.close()


def _objects(listing: Mapping[str, str], jobs: Sequence[Planned], *, known_answer: bool) -> Iterator[Effect]:
    """One original and one enhanced picture per source, with the right bytes; nothing else."""
    left = dict(listing)
    for job in {job.sha256: job for job in jobs}.values():
        assert job.source is not None
        original = f"originals/{job.sha256}"
        yield Effect(f"object {original}", right(left.pop(original, None), job.source.body), job=job.key)
        folder = f"enhanced/{job.sha256}/"
        if known_answer:
            key = f"{folder}{RECIPE}.png"
            yield Effect(f"object {key}", right(left.pop(key, None), enhanced_picture(job.source.body)), job=job.key)
        else:
            found = [key for key in left if key.startswith(folder)]
            yield Effect(f"objects {folder}", len([left.pop(key) for key in found]), job=job.key)
    for key in left:
        yield Effect(f"object {key}", 1, 0)


def right(etag: str | None, body: bytes) -> int:
    """1 for an object with these bytes. One with others has not taken effect, whatever it is."""
    return int(etag == hashlib.md5(body).hexdigest())


def rows_of(deployment: "Deployment", collection: str) -> dict[str, dict[str, Any]]:
    """Every document of a collection, by its key."""
    with deployment.servers.mongod.client() as client:
        return {row["_id"]: row for row in client[deployment.servers.database][collection].find()}


def _documents(found: Mapping[str, dict[str, Any]], jobs: Sequence[Planned]) -> Iterator[Effect]:
    """Each section of each image, in the version of its job."""
    for job in jobs:
        sections = found.get(f"b1/{job.image_id}", {})
        for name in _SECTIONS:
            version = sections.get(name, {}).get("version")
            right = version is not None and job.version in (None, version)
            yield Effect(f"section b1/{job.image_id} {name}", int(right), job=update_key(job))
    for key in found.keys() - {f"b1/{job.image_id}" for job in jobs}:
        yield Effect(f"document {key}", 1, 0)


def wrong_ends(evidence: Evidence, jobs: Sequence[Planned]) -> list[str]:
    """Jobs that did not end as their kind has to: the good ones done, the others dead letters."""
    return [
        f"{job.kind} {job.key}"
        for job in jobs
        if (update_key(job) in evidence.done) != job.ends_well or (job.key in evidence.dead) == job.ends_well
    ]
