"""The application: routes, the gate in front of them, and the guard around everything."""

from functools import partial
from typing import Any

from fastapi import Depends, FastAPI
from starlette.middleware import Middleware
from starlette.middleware.cors import CORSMiddleware

from orchestrator.api.auth import Gate, authorise, refuse_undeclared
from orchestrator.api.guard import Guard
from orchestrator.api.metrics import ApiMetrics
from orchestrator.api.openapi import build_document
from orchestrator.api.options import ApiOptions
from orchestrator.api.pages.reference import reference_page
from orchestrator.api.problems import add_problem_handlers
from orchestrator.api.routes import add_routes
from orchestrator.api.services import ApiContext, ApiServices

_REQUEST_HEADERS = ("Authorization", "X-API-Key", "If-None-Match", "Range", "If-Range", "traceparent")
_ANSWER_HEADERS = (
    "ETag",
    "Location",
    "Retry-After",
    "RateLimit",
    "RateLimit-Policy",
    "X-Request-Id",
    "Content-Range",
    "Accept-Ranges",
)


def create_app(services: ApiServices, options: ApiOptions) -> FastAPI:
    """The API on ``services``. Nothing is opened or started here. Raises ValueError for a route without a scope."""
    metrics = ApiMetrics()
    middleware = [Middleware(Guard, metrics=metrics)]
    if options.cors_origins:
        middleware.append(
            Middleware(
                CORSMiddleware,
                allow_origins=options.cors_origins,
                allow_methods=("GET", "HEAD", "POST"),
                allow_headers=_REQUEST_HEADERS,
                expose_headers=_ANSWER_HEADERS,
            )
        )
    app = _routed(middleware)
    add_problem_handlers(app)
    app.state.gate = Gate(options)
    app.state.context = ApiContext(services, options, metrics, reference_page(app.openapi()))
    return app


def openapi_document() -> dict[str, Any]:
    """The OpenAPI document; it needs no system."""
    document: dict[str, Any] = _routed([]).openapi()
    return document


def _routed(middleware: list[Middleware]) -> FastAPI:
    app = FastAPI(
        openapi_url=None, docs_url=None, redoc_url=None, dependencies=[Depends(authorise)], middleware=middleware
    )
    add_routes(app)
    refuse_undeclared(app)
    document = build_document(app)
    app.openapi = partial(dict, document)  # type: ignore[method-assign]
    return app
