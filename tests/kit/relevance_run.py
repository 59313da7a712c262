"""A run of the relevance road that kept every promise, as the checker's own tests need one."""

from collections.abc import Mapping
from dataclasses import dataclass
from hashlib import md5, sha256
from typing import Any

from orchestrator.domain.relevance.idf import texts_of
from tests.kit.events import Heard, Told
from tests.kit.evidence import Evidence, JobKey
from tests.kit.load import DESCRIBE, TAG, Naming
from tests.kit.outside import Outside
from tests.kit.relevance_catalogue import CATEGORIES
from tests.kit.relevance_gathering import KINDS, SECTIONS, TOLD_BY, Found, effects_of, events_of
from tests.kit.relevance_load import DIES_AT, ROAD, PlannedRelevance, RelevanceKind, detours_of, hops_of, relevance_job
from tests.kit.stub_models import SPACES

PLANNED: tuple[RelevanceKind, ...] = ("healthy", "unstamped", "healthy", "failing_vlm", "not_a_picture", "healthy")


@dataclass(frozen=True, slots=True)
class Run:
    """What was published, and what is found of it."""

    jobs: tuple[PlannedRelevance, ...]
    found: Found
    heard: Heard
    done: frozenset[JobKey]
    dead: Mapping[JobKey, int]
    routed: frozenset[JobKey]

    def evidence(self) -> Evidence:
        """As the checker takes it."""
        events = events_of(self.heard, self.done, Naming(self.jobs))
        return Evidence(
            confirmed=frozenset(job.key for job in self.jobs),
            done=self.done,
            dead=self.dead,
            expected_next=hops_of(self.jobs),
            detours=detours_of(self.jobs),
            routed=self.routed,
            effects=(*effects_of(self.found, self.jobs), *events),
        )


def clean_relevance_run() -> Run:
    """Most jobs done in every queue, one dead after tagging, one while it was being tagged."""
    outside = Outside()
    jobs = tuple(relevance_job(number, kind, outside) for number, kind in enumerate(PLANNED, start=1))
    good = [job for job in jobs if job.ends_well]
    tagged = [job for job in jobs if DIES_AT.get(job.kind) != TAG]
    words = {text for category in CATEGORIES["hot"] for text in texts_of(category.name)}
    vectors = {
        "images": [_key(job, "clip") for job in tagged],
        "descriptions": [_key(job, "text") for job in good],
        "words": [f"{SPACES['text']}|{sha256(word.encode()).hexdigest()[:32]}" for word in sorted(words)],
    }
    found = Found(
        metadata={job.image: _sections(job) for job in tagged},
        relevance={job.image: {"version": version_of(job), "vector_key": _key(job, "text")} for job in good},
        alt_texts=[(job.image, version_of(job)) for job in good],
        vectors=vectors,
        counted={kind: len(vectors[kind]) for kind in KINDS},
        objects={job.original: md5(job.source.body).hexdigest() for job in tagged if job.source},
        category_names={"hot": [category.name for category in CATEGORIES["hot"]]},
        identities={job.image_id: frozenset({id_of(job)}) for job in tagged},
    )
    done = frozenset(job.at(queue) for job in good for queue in ROAD) | {job.at(TAG) for job in tagged}
    told = [(event, job) for job in good for event, queue in TOLD_BY.items() if queue in ROAD]
    heard = Heard(Told(event, id_of(job), job.image_id, version_of(job)) for event, job in told)
    routed = frozenset(job.at(DESCRIBE) for job in jobs if DIES_AT.get(job.kind) == TAG)
    dead = {job.at(DIES_AT[job.kind]): 1 for job in jobs if not job.ends_well}
    return Run(jobs, found, heard, done, dead, routed)


def id_of(job: PlannedRelevance) -> str:
    return job.job_id or f"stamped-later-{job.image_id}"


def version_of(job: PlannedRelevance) -> str:
    return job.version or f"1800000000000-{id_of(job)}"


def _key(job: PlannedRelevance, space: str) -> str:
    return f"{job.image}|{SPACES[space]}|{version_of(job)}"


def _sections(job: PlannedRelevance) -> dict[str, dict[str, Any]]:
    names = [name for name, queue in SECTIONS.items() if job.ends_well or queue == TAG]
    sections: dict[str, dict[str, Any]] = {name: {"version": version_of(job)} for name in names}
    sections["clip"]["vector_key"] = _key(job, "clip")
    return sections
