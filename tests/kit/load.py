"""Jobs for fault tests: a seeded mix of healthy ones and of every kind that goes wrong, with the end each must have."""

import hashlib
import json
import random
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from orchestrator.domain.ids import new_job_id
from tests.kit.evidence import JobKey
from tests.kit.outside import Outside, Source
from tests.kit.pictures import picture

Kind = Literal[
    "healthy",  # done at the first attempt
    "unstamped",  # healthy, published without job_id and submitted_at
    "hashed",  # healthy, and names the hash of its picture
    "flaky_source",  # the source answers 500 twice, then the picture
    "flaky_worker",  # each worker answers 500 once, then the picture
    "not_a_picture",  # 422 of the worker
    "failing_source",  # 500 for ever: exhausts its retries
    "failing_worker",
    "undecodable",  # the body is no JSON
]
PROCESS, BULK, UPDATE = "image_enhance_process", "image_enhance_bulk", "image_enhance_update"
DESCRIBE, TAG = "image_relevance_process", "image_tag_process"
SCORE, SEO = "image_relevance_score", "image_relevance_seo_process"
FOR_EVER = 10**9
ENDS_WELL: frozenset[Kind] = frozenset({"healthy", "unstamped", "hashed", "flaky_source", "flaky_worker"})

MIX: Mapping[Kind, float] = {
    "healthy": 0.65,
    "unstamped": 0.05,
    "hashed": 0.03,
    "flaky_source": 0.05,
    "flaky_worker": 0.05,
    "not_a_picture": 0.06,
    "failing_source": 0.03,
    "failing_worker": 0.03,
    "undecodable": 0.05,
}


@dataclass(frozen=True, slots=True)
class Planned:
    """One message to publish. ``key`` names it for the checker; ``source`` is None when nothing is ever fetched."""

    number: int
    kind: Kind
    queue: str
    body: bytes
    key: JobKey
    job_id: str | None = None
    version: str | None = None
    image_id: str = ""
    served_url: str = ""
    path: str = ""
    source: Source | None = None

    @property
    def ends_well(self) -> bool:
        """Whether the job must be done in the end; otherwise it must be a dead letter."""
        return self.kind in ENDS_WELL

    @property
    def sha256(self) -> str:
        """The hash of its picture."""
        return hashlib.sha256(self.source.body).hexdigest() if self.source else ""


def raw_id(body: bytes) -> str:
    """The identity of a body that names no job: the one dead letters of it have."""
    return f"raw-{hashlib.sha256(body).hexdigest()[:16]}"


def mixed(
    seed: int, count: int, outside: Outside, mix: Mapping[Kind, float] = MIX, bulk: float = 0.1
) -> tuple[Planned, ...]:
    """``count`` jobs in a random order of kinds; a share of ``bulk`` goes to the bulk queue."""
    chance = random.Random(seed)
    kinds = chance.choices(list(mix), weights=list(mix.values()), k=count)
    return tuple(
        planned(number, kind, outside, queue=BULK if chance.random() < bulk else PROCESS)
        for number, kind in enumerate(kinds, start=seed % 1000 * 10_000 + 1)
    )


def healthy(count: int, outside: Outside, *, start: int = 1, queue: str = PROCESS) -> tuple[Planned, ...]:
    """``count`` healthy jobs, numbered from ``start``."""
    return tuple(planned(number, "healthy", outside, queue=queue) for number in range(start, start + count))


def planned(number: int, kind: Kind, outside: Outside, *, queue: str = PROCESS, **changes: Any) -> Planned:
    """Job ``number`` of one kind, with its picture at the source. ``changes`` replace or add fields of the body."""
    if kind == "undecodable":
        body = b'{"business_id": %d, not JSON' % number
        return Planned(number, kind, queue, body, JobKey(raw_id(body), queue))
    image_id, path = f"i{number}", f"{number}.png"
    source = _source(number, kind)
    outside.sources[path] = source
    now_ms = time.time_ns() // 1_000_000
    fields: dict[str, Any] = {
        "schema": "justlens.enhance/1",
        "business_id": "b1",
        "image_id": image_id,
        "image_url": outside.url_of(path),
        "served_urls": [f"https://cdn.test/{image_id}.jpg"],
    }
    job_id = None if kind == "unstamped" else new_job_id(now_ms)
    if kind == "hashed":
        fields["content_sha256"] = hashlib.sha256(source.body).hexdigest()
    if job_id is not None:
        fields |= {"job_id": job_id, "submitted_at": now_ms}
    return Planned(
        number=number,
        kind=kind,
        queue=queue,
        body=json.dumps(fields | changes).encode(),
        key=JobKey(job_id or f"unstamped-{image_id}", queue),
        job_id=job_id,
        version=f"{now_ms:013d}-{job_id}" if job_id else None,
        image_id=image_id,
        served_url=fields["served_urls"][0],
        path=path,
        source=source,
    )


def _source(number: int, kind: Kind) -> Source:
    match kind:
        case "flaky_source":
            return Source(picture(number), failures=2)
        case "failing_source":
            return Source(picture(number), failures=FOR_EVER)
        case "flaky_worker":
            return Source(picture(number, "fail", 1))
        case "failing_worker":
            return Source(picture(number, "fail", FOR_EVER))
        case "not_a_picture":
            return Source(b"no picture, number %d" % number)
        case _:
            return Source(picture(number))


class Naming:
    """Which job a ledger entry or a message belongs to. An unstamped one goes by its image: its id comes later."""

    def __init__(self, jobs: Sequence[Planned]) -> None:
        self._unstamped = {job.image_id: job for job in jobs if job.kind == "unstamped"}

    def key(self, queue: str, job_id: str | None, image_id: str | None, body: bytes = b"") -> JobKey:
        """The key of what was found in ``queue``."""
        if image_id in self._unstamped:
            return JobKey(self._unstamped[image_id].key.job_id, queue)
        return JobKey(job_id or raw_id(body), queue)

    def of_body(self, queue: str, body: bytes) -> JobKey:
        """The key of a message."""
        try:
            document = json.loads(body)
        except (ValueError, RecursionError):
            document = None
        fields = document if isinstance(document, dict) else {}
        named = {name: value for name, value in fields.items() if isinstance(value, str)}
        return self.key(queue, named.get("job_id"), named.get("image_id"), body)
