"""What is found of jobs of the relevance road when it has come to rest, in every store they write to.

What the design allows: per image one document, one row and one original; per job one vector of each kind, under a key
that ends in the job's version and that the document names. A job published without an identity may have got two of
them, when the process that stamped it died; only then a second vector may be left over, until it is swept. Events are
told at least once, and only of what is done.
"""

import asyncio
import hashlib
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from pymilvus import MilvusClient

from orchestrator.domain.relevance.idf import texts_of
from tests.kit.events import Heard, hear
from tests.kit.evidence import Effect, JobKey
from tests.kit.gathering import HARMLESS, listed, right, rows_of
from tests.kit.load import DESCRIBE, SCORE, SEO, TAG, UPDATE, Naming
from tests.kit.relevance_load import PlannedRelevance
from tests.kit.stub_models import SPACES

if TYPE_CHECKING:
    from tests.kit.deployment import Deployment

KINDS = ("images", "descriptions", "words")
SECTIONS = {"clip": TAG, "content": TAG, "source": TAG, "description": DESCRIBE, "seo": SEO}
TOLD_BY = {"image.scored": SCORE, "image.alt_text": SEO, "image.enhanced": UPDATE}
_MOST_ROWS = 16_384


@dataclass(frozen=True, slots=True)
class Found:
    """What the stores hold. Documents and their versions by image; per kind the vectors' keys, and how many rows the
    store counts; objects with the MD5 of their bytes; per business the names of its categories; per image the ids of
    the jobs that the ledger knows."""

    metadata: Mapping[str, Mapping[str, Any]]
    relevance: Mapping[str, Mapping[str, Any]]
    alt_texts: Sequence[tuple[str, str]]
    vectors: Mapping[str, Sequence[str]]
    counted: Mapping[str, int]
    objects: Mapping[str, str]
    category_names: Mapping[str, Sequence[str]]
    identities: Mapping[str, frozenset[str]] = field(default_factory=dict)


async def gather_relevance(deployment: "Deployment", ledger: Iterable[Mapping[str, Any]]) -> tuple[Effect, ...]:
    """The effects of the road's jobs, whatever else is there, and what was told of both roads."""
    rows, naming = list(ledger), Naming(deployment.jobs)
    found = await asyncio.to_thread(find, deployment, rows)
    ended = {naming.key(row["queue"], row["job_id"], row["image_id"]) for row in rows if row["outcome"] == "done"}
    jobs = [job for job in deployment.jobs if isinstance(job, PlannedRelevance) and job.source is not None]
    return (*effects_of(found, jobs), *events_of(await hear(deployment), ended, naming))


def find(deployment: "Deployment", ledger: Iterable[Mapping[str, Any]]) -> Found:
    """Read every store."""
    identities: dict[str, set[str]] = defaultdict(set)
    for row in ledger:
        identities[row["image_id"]].add(row["job_id"])
    vectors, counted = _vectors(deployment)
    names: dict[str, list[str]] = defaultdict(list)
    for business, name in _sql(deployment, "SELECT business_id, name FROM categories"):
        names[business].append(name)
    alt_texts = _sql(deployment, "SELECT business_id, image_id, version FROM alttags")
    return Found(
        metadata=rows_of(deployment, "metadata"),
        relevance=rows_of(deployment, "imgrel"),
        alt_texts=[(f"{business}/{image}", version) for business, image, version in alt_texts],
        vectors=vectors,
        counted=counted,
        objects=listed(deployment),
        category_names=names,
        identities={image: frozenset(ids) for image, ids in identities.items()},
    )


def _sql(deployment: "Deployment", statement: str) -> Sequence[tuple[Any, ...]]:
    servers = deployment.servers
    assert servers.mariadb is not None
    return servers.mariadb.query(statement, database=servers.sql_database)


def _vectors(deployment: "Deployment") -> tuple[dict[str, list[str]], dict[str, int]]:
    """Every vector's key by kind, as a query lists them, and how many rows there are, as the store counts them."""
    servers = deployment.servers
    assert servers.milvus is not None
    client = MilvusClient(servers.milvus.url, db_name=servers.milvus_database, timeout=30)
    keys: dict[str, list[str]] = {kind: [] for kind in KINDS}
    counted = dict.fromkeys(KINDS, 0)
    try:
        for name in client.list_collections():
            kind, strong = name.rpartition("_")[0], {"consistency_level": "Strong"}
            rows = client.query(name, 'id != ""', ["key"], limit=_MOST_ROWS, **strong)
            keys[kind] += [row["key"] for row in rows]
            counted[kind] += client.query(name, "", ["count(*)"], **strong)[0]["count(*)"]
    finally:
        client.close()
    return keys, counted


def effects_of(found: Found, jobs: Sequence[PlannedRelevance]) -> Iterator[Effect]:
    """What each job owes, and what nobody has written."""
    vectors = {kind: Counter(keys) for kind, keys in found.vectors.items()}
    alt_texts = Counter(image for image, _ in found.alt_texts)
    version_of_text = dict(found.alt_texts)
    for job in jobs:
        image, sections = job.image, found.metadata.get(job.image, {})
        relevance, clip = found.relevance.get(image, {}), sections.get("clip", {})
        assert job.source is not None
        kept = right(found.objects.get(job.original), job.source.body)
        yield Effect(f"object {job.original}", kept, 1, job.at(TAG))
        for name, queue in SECTIONS.items():
            yield Effect(f"section {image} {name}", _in_version(found, job, sections.get(name, {})), 1, job.at(queue))
        yield Effect(f"vector of {image}", vectors["images"][_key_named(clip)], 1, job.at(TAG))
        yield Effect(f"relevance of {image}", _in_version(found, job, relevance), 1, job.at(SCORE))
        described = vectors["descriptions"][_key_named(relevance)]
        yield Effect(f"vector of {image}'s description", described, 1, job.at(SCORE))
        stale = alt_texts[image] and not _ours(found, job, version_of_text[image])
        yield Effect(f"alt text of {image}", 0 if stale else alt_texts[image], 1, job.at(SEO))
    yield from _words(found, jobs)
    yield from _strangers(found, jobs)


def _key_named(document: Mapping[str, Any]) -> str:
    """The key that a document names as current, if it ends in the document's own version."""
    key, version = document.get("vector_key", ""), document.get("version", "")
    return key if key.endswith(f"|{version}") else ""


def _in_version(found: Found, job: PlannedRelevance, stored: Mapping[str, Any]) -> int:
    return int("version" in stored and _ours(found, job, stored["version"]))


def _ours(found: Found, job: PlannedRelevance, version: str) -> bool:
    """Whether the version is the job's. One that was published without an identity has those that the ledger knows."""
    if job.version is not None:
        return version == job.version
    return version.partition("-")[2] in found.identities.get(job.image_id, ())


def _words(found: Found, jobs: Sequence[PlannedRelevance]) -> Iterator[Effect]:
    """One vector for each name in a business that has a scored image, and no other.

    Any job that ends well may have written it: the last of them owes it.
    """
    stored = Counter(found.vectors["words"])
    owed: dict[str, JobKey] = {}
    for job in sorted(jobs, key=lambda job: job.ends_well):
        for word in {text for name in found.category_names.get(job.business_id, ()) for text in texts_of(name)}:
            digest = hashlib.sha256(word.encode()).hexdigest()[:32]
            owed[f"{SPACES['text']}|{digest}"] = job.at(SCORE)
    yield from (Effect(f"word {key}", stored[key], 1, job) for key, job in owed.items())
    yield from (Effect(f"word {key}", times, 0) for key, times in stored.items() if key not in owed)


def _strangers(found: Found, jobs: Sequence[PlannedRelevance]) -> Iterator[Effect]:
    """What belongs to no job, and rows that a query does not show."""
    by_image = {job.image: job for job in jobs}
    for kind in ("images", "descriptions"):
        for key in found.vectors[kind]:
            image, version = key.partition("|")[0], key.rpartition("|")[2]
            if image not in by_image or not _ours(found, by_image[image], version):
                yield Effect(f"vector {key}", 1, 0)
    for kind in KINDS:
        hidden = abs(found.counted[kind] - len(found.vectors[kind]))
        yield Effect(f"rows of {kind} that are counted and not found", hidden, 0)
    for image in (*found.relevance, *(image for image, _ in found.alt_texts)):
        if image not in by_image:
            yield Effect(f"relevance or alt text of {image}", 1, 0)


def events_of(heard: Heard, done: Iterable[JobKey], naming: Naming) -> Iterator[Effect]:
    """One event or more for each end of a road, and none for anything else."""
    told: Counter[tuple[str, JobKey]] = Counter()
    for event, times in heard.items():
        told[event.event, naming.key(TOLD_BY[event.event], event.job_id, event.image_id)] += times
    ends, event_of = set(done), {queue: event for event, queue in TOLD_BY.items()}
    for key in ends:
        if key.queue in event_of:
            yield Effect(f"{event_of[key.queue]} {key}", told.pop((event_of[key.queue], key), 0), HARMLESS, key)
    for (event, key), times in told.items():
        yield Effect(f"{event} {key}", times, 0)
