"""What every endpoint finds on its application."""

from dataclasses import dataclass

from fastapi import Request

from orchestrator.api.metrics import ApiMetrics
from orchestrator.api.options import ApiOptions
from orchestrator.api.pages.reference import Page
from orchestrator.api.services import ApiServices


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
