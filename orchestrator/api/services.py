"""What the API needs of a system, as values: no driver, no connection of its own."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import Protocol

from fastapi import Request

from orchestrator.api.metrics import ApiMetrics
from orchestrator.api.options import ApiOptions
from orchestrator.api.pages.reference import Page
from orchestrator.domain.catalogue.model import AltText
from orchestrator.domain.jobs import EnhanceJob, Job, RelevanceJob
from orchestrator.operations.publishing import publish_confirmed
from orchestrator.stages import STAGES
from orchestrator.stores.ports import Documents, Objects
from orchestrator.wiring import System

Publish = Callable[[str, Job, str], Awaitable[None]]
"""Takes a queue, a job, and the traceparent that its message carries."""
Ping = Callable[[], Awaitable[None]]

ROADS: Mapping[str, type[Job]] = {"enhance": EnhanceJob, "relevance": RelevanceJob}
"""Where a picture can be sent, and the job that begins there."""


class AltTexts(Protocol):
    """Reads the alt texts of a business."""

    async def alt_texts_of(self, business_id: str) -> Mapping[str, AltText]:
        """The alt text of every image that has one, by image id. Raises Unavailable."""


@dataclass(frozen=True, slots=True)
class ApiServices:
    """The parts behind the endpoints.

    ``publish`` puts a job into a queue and returns once the broker confirmed; it raises Unavailable. ``queues`` names
    the queue where each road begins, ``next_queues`` those that may follow a queue. ``pings`` are what /readyz asks, by
    name; the first decides, the others only show.
    """

    documents: Documents
    objects: Objects
    alt_texts: AltTexts
    publish: Publish
    queues: Mapping[str, str]
    next_queues: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    pings: Mapping[str, Ping] = field(default_factory=dict)


def services_of(system: System) -> ApiServices:
    """The API's view of ``system``."""
    pipeline = system.pipeline
    first_of: dict[type[Job], str] = {}
    for name, spec in pipeline.queues.items():
        first_of.setdefault(STAGES[spec.stage].job_type, name)
    return ApiServices(
        documents=system.documents,
        objects=system.objects,
        alt_texts=system.catalogue,
        publish=partial(publish_confirmed, system.broker),
        queues={road: first_of[job_type] for road, job_type in ROADS.items() if job_type in first_of},
        next_queues={name: tuple(spec.next) for name, spec in pipeline.queues.items()},
        pings={"documents": system.documents.ping, "objects": system.objects.ping, "sql": system.catalogue.ping},
    )


@dataclass(frozen=True, slots=True)
class ApiContext:
    """The parts behind one application. ``page`` is the documentation."""

    services: ApiServices
    options: ApiOptions
    metrics: ApiMetrics
    page: Page


def context_of(request: Request) -> ApiContext:
    """The context of the application that answers ``request``."""
    context: ApiContext = request.app.state.context
    return context
