"""Jobs of the relevance road for fault tests: healthy ones and every kind that goes wrong, and where each must end."""

import json
import random
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from orchestrator.domain.ids import new_job_id
from tests.kit.evidence import Evidence, JobKey
from tests.kit.load import DESCRIBE, FOR_EVER, SCORE, SEO, TAG, Planned, raw_id
from tests.kit.outside import Outside, Source
from tests.kit.pictures import picture
from tests.kit.relevance_catalogue import CATEGORIES

RelevanceKind = Literal[
    "healthy",  # done in every queue at the first attempt
    "unstamped",  # healthy, published without job_id and submitted_at
    "flaky_source",  # the source answers 500 twice, then the picture
    "flaky_clip",  # the clip worker answers 500 twice, then tags
    "flaky_vlm",  # the vlm worker does so, then describes
    "not_a_picture",  # 422 of the clip worker
    "failing_source",  # 500 for ever: exhausts its retries
    "failing_clip",
    "failing_vlm",
    "undecodable",  # the body is no JSON
]
ROAD = (DESCRIBE, TAG, SCORE, SEO)
SCHEMAS = {DESCRIBE: "justlens.relevance/1", TAG: "justlens.tag/1"}
DIES_AT: Mapping[RelevanceKind, str] = {
    "not_a_picture": TAG,
    "failing_source": TAG,
    "failing_clip": TAG,
    "failing_vlm": DESCRIBE,
    "undecodable": DESCRIBE,
}
FLAKY_AT: Mapping[RelevanceKind, str] = {"flaky_source": TAG, "flaky_clip": TAG, "flaky_vlm": DESCRIBE}
FAILURES = 2

RELEVANCE_MIX: Mapping[RelevanceKind, float] = {
    "healthy": 0.7,
    "unstamped": 0.05,
    "flaky_source": 0.03,
    "flaky_clip": 0.04,
    "flaky_vlm": 0.04,
    "not_a_picture": 0.04,
    "failing_source": 0.02,
    "failing_clip": 0.02,
    "failing_vlm": 0.02,
    "undecodable": 0.04,
}

_PICTURES_FROM = 8_000_000  # so that no picture is one of the enhancement road's


@dataclass(frozen=True, slots=True)
class PlannedRelevance(Planned):
    """One message for the relevance road."""

    kind: RelevanceKind
    business_id: str = ""

    @property
    def ends_well(self) -> bool:
        """Whether the job must be done in every queue in the end; otherwise it must be a dead letter."""
        return self.kind not in DIES_AT

    def at(self, queue: str) -> JobKey:
        """The same job in another queue."""
        return JobKey(self.key.job_id, queue)

    @property
    def image(self) -> str:
        """What its documents are called."""
        return f"{self.business_id}/{self.image_id}"

    @property
    def original(self) -> str:
        """The key of its original in the object store."""
        return f"originals/{self.sha256}"

    def attempts_at(self, queue: str, retries: int) -> int:
        """How many attempts the queue's ledger line must show, with that many retry tiers."""
        if FLAKY_AT.get(self.kind) == queue:
            return FAILURES + 1
        exhausted = self.kind.startswith("failing_") and DIES_AT.get(self.kind) == queue
        return retries + 1 if exhausted else 1


def relevance_jobs(
    seed: int, count: int, outside: Outside, mix: Mapping[RelevanceKind, float] = RELEVANCE_MIX
) -> tuple[PlannedRelevance, ...]:
    """``count`` jobs in a random order of kinds, over the businesses of CATEGORIES."""
    chance = random.Random(seed)
    kinds = chance.choices(list(mix), weights=list(mix.values()), k=count)
    return tuple(
        relevance_job(number, kind, outside, business_id=chance.choice(list(CATEGORIES)))
        for number, kind in enumerate(kinds, start=seed % 1000 * 10_000 + 1)
    )


def relevance_job(
    number: int,
    kind: RelevanceKind,
    outside: Outside,
    *,
    business_id: str = "hot",
    queue: str = DESCRIBE,
    **changes: Any,
) -> PlannedRelevance:
    """Job ``number`` of one kind, with its picture at the source. ``changes`` replace or add fields of the body.

    With TAG as its ``queue`` it is a job that somebody wants tagged in any case.
    """
    if kind == "undecodable":
        body = b'{"image_id": %d, not JSON' % number
        return PlannedRelevance(number, kind, DESCRIBE, body, JobKey(raw_id(body), DESCRIBE))
    image_id, path = f"r{number}", f"r{number}.png"
    source = outside.sources[path] = _source(_PICTURES_FROM + number, kind)
    now_ms = time.time_ns() // 1_000_000
    fields: dict[str, Any] = {
        "schema": SCHEMAS[queue],
        "business_id": business_id,
        "image_id": image_id,
        "image_url": outside.url_of(path),
    }
    if kind != "unstamped":
        fields |= {"job_id": new_job_id(now_ms), "submitted_at": now_ms}
    fields |= changes
    job_id, submitted_at = fields.get("job_id"), fields.get("submitted_at")
    return PlannedRelevance(
        number=number,
        kind=kind,
        queue=queue,
        body=json.dumps(fields).encode(),
        key=JobKey(job_id or f"unstamped-{image_id}", queue),
        job_id=job_id,
        version=f"{submitted_at:013d}-{job_id}" if job_id else None,
        image_id=fields["image_id"],
        path=path,
        source=source,
        business_id=business_id,
    )


def _source(number: int, kind: RelevanceKind) -> Source:
    match kind:
        case "flaky_source":
            return Source(picture(number), failures=FAILURES)
        case "failing_source":
            return Source(picture(number), failures=FOR_EVER)
        case "flaky_clip" | "flaky_vlm" | "failing_clip" | "failing_vlm":
            how, _, service = kind.partition("_")
            return Source(picture(number, f"fail_{service}", FAILURES if how == "flaky" else FOR_EVER))
        case "not_a_picture":
            return Source(b"no picture, number %d" % number)
        case _:
            return Source(picture(number))


def hops_of(jobs: Sequence[PlannedRelevance]) -> dict[JobKey, tuple[JobKey, ...]]:
    """What follows from each being done, queue by queue."""
    good = [job for job in jobs if job.source is not None]
    described = {job.at(DESCRIBE): (job.at(SCORE), job.at(SEO)) for job in good}
    return described | {job.at(TAG): (job.at(DESCRIBE),) for job in good}


def detours_of(jobs: Sequence[PlannedRelevance]) -> dict[JobKey, JobKey]:
    """Where each may have to go before it is described."""
    return {job.at(DESCRIBE): job.at(TAG) for job in jobs if job.source is not None}


def wrong_ends_of(evidence: Evidence, jobs: Sequence[PlannedRelevance]) -> list[str]:
    """Jobs that did not end as their kind has to: the good ones done in every queue, the others dead in one."""
    wrong = []
    for job in jobs:
        if job.ends_well:
            right = all(job.at(queue) in evidence.done for queue in ROAD)
        else:
            right = job.at(DIES_AT[job.kind]) in evidence.dead
        if not right:
            wrong.append(f"{job.kind} {job.key}")
    return wrong
