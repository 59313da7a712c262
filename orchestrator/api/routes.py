"""Every route of the API with its scope and its documentation."""

from collections.abc import Awaitable, Callable
from typing import Any

from fastapi import FastAPI, Response

from orchestrator.api import docs, examples, health, images, jobs, relevancy, schemas
from orchestrator.api.auth import RouteScope, scoped
from orchestrator.api.openapi import PICTURE, answer, problems

_KEYED = ("no_key", "wrong_scope", "too_many_requests", "internal_error")


def add_routes(app: FastAPI) -> None:
    """Add all of them to ``app``."""
    _add_relevancy(app)
    _add_jobs(app)
    _add_images(app)
    _add_health(app)
    for path, endpoint in (("/docs", docs.get_page), ("/openapi.json", docs.get_document)):
        app.add_api_route(path, endpoint, include_in_schema=False, openapi_extra=scoped("public"))


def _add_relevancy(app: FastAPI) -> None:
    app.add_api_route(
        "/v1/relevancy/{business_id}",
        relevancy.get_relevancy,
        summary="The pictures of a business for a result page",
        description="Ranked by scores where there are any, by the rule set where there are none. All blocks are empty"
        " when the business is known but none of its pictures may be shown. A picture whose content changed is left out"
        " until it has been enhanced and judged anew. Scope: `read`.",
        operation_id="getRelevancy",
        tags=["Relevancy"],
        response_model=schemas.Relevancy,
        responses={
            200: answer(
                "The pictures. Send the ETag back as If-None-Match to learn whether anything changed.",
                examples.relevancy_example(),
                headers=("ETag", "Cache-Control"),
            ),
            304: answer("Nothing changed since the answer that your If-None-Match names."),
            **problems(*_KEYED, "unknown_business", "invalid", "unavailable"),
        },
        openapi_extra=scoped("read"),
    )


def _add_jobs(app: FastAPI) -> None:
    body = {"schema": schemas.job_request_schema(), "example": examples.job_request_example()}
    app.add_api_route(
        "/v1/jobs",
        jobs.post_job,
        methods=["POST"],
        status_code=202,
        summary="Send a picture to be enhanced, described and scored",
        description="Answers once the broker has confirmed that it holds the job; from then on it is not lost. Give a"
        " `job_id` of your own (a UUID) to be able to repeat the request safely. A W3C `traceparent` header goes on in"
        " the job's messages, logs and calls. Scope: `publish`.",
        operation_id="postJob",
        tags=["Jobs"],
        response_model=schemas.Accepted,
        responses={
            202: answer("The broker has the job.", examples.accepted_example(), headers=("Location",)),
            **problems(*_KEYED, "body_too_large", "not_json", "invalid", "unconfirmed"),
        },
        openapi_extra=scoped("publish", requestBody={"required": True, "content": {"application/json": body}}),
    )
    app.add_api_route(
        "/v1/jobs/{job_id}",
        jobs.get_job,
        summary="Where a job is and what became of it",
        description="Poll it every few seconds after POST /v1/jobs. Scope: `read`.",
        operation_id="getJob",
        tags=["Jobs"],
        response_model=schemas.JobReport,
        responses={
            200: answer("What is recorded.", examples.job_report_example()),
            **problems(*_KEYED, "invalid", "unavailable"),
        },
        openapi_extra=scoped("read"),
    )


def _add_images(app: FastAPI) -> None:
    served: dict[int | str, dict[str, Any]] = {
        200: answer("The picture.", headers=("ETag", "Cache-Control", "Accept-Ranges"), content=PICTURE),
        206: answer("The bytes asked for with Range.", headers=("Content-Range",), content=PICTURE),
        304: answer("You have it already."),
    }
    _add_bytes(
        app,
        "/images/originals/{sha256}",
        images.get_original,
        "read",
        summary="The bytes of an original",
        description="As its publisher sent them, with all metadata: not for pages. `sha256` is that of the content."
        " Ranges and HEAD work as for pictures. Scope: `read`.",
        operation_id="getOriginal",
        responses={**served, **problems(*_KEYED, "not_found", "range_not_satisfiable", "unavailable")},
    )
    _add_bytes(
        app,
        "/images/{key:path}",
        images.get_image,
        "public",
        summary="The bytes of a picture",
        description="Keys begin with `enhanced/` or `renditions/` and come from the `url` of a picture: upright, in"
        " sRGB, without metadata. What a key names never changes, so answers may be kept for ever. One byte range is"
        " served at a time. HEAD works too. Needs no key.",
        operation_id="getImage",
        responses={**served, **problems("not_found", "range_not_satisfiable", "internal_error", "unavailable")},
    )


def _add_bytes(
    app: FastAPI, path: str, endpoint: Callable[..., Awaitable[Response]], scope: RouteScope, **about: Any
) -> None:
    """Add a route that serves the bytes of pictures, for GET and, undocumented, for HEAD."""
    extra = scoped(scope)
    app.add_api_route(
        path, endpoint, tags=["Images"], response_class=images.PictureResponse, openapi_extra=extra, **about
    )
    app.add_api_route(path, endpoint, methods=["HEAD"], include_in_schema=False, openapi_extra=extra)


def _add_health(app: FastAPI) -> None:
    app.add_api_route(
        "/livez",
        health.livez,
        summary="Whether the process lives",
        description="Needs no key.",
        operation_id="getLivez",
        tags=["Operation"],
        responses={200: answer("It does.", {"live": True})},
        openapi_extra=scoped("public"),
    )
    away, well = examples.readiness_example(False), examples.readiness_example(True)
    app.add_api_route(
        "/readyz",
        health.readyz,
        summary="Whether relevancy can be answered now",
        description="`documents` decides; what else is false makes answers poorer. Needs no key.",
        operation_id="getReadyz",
        tags=["Operation"],
        responses={200: answer("It can.", well), 503: answer("It cannot.", away)},
        openapi_extra=scoped("public"),
    )
    app.add_api_route(
        "/metrics",
        health.metrics,
        summary="Metrics for Prometheus",
        description="Scope: `admin`.",
        operation_id="getMetrics",
        tags=["Operation"],
        response_class=health.MetricsResponse,
        responses={200: answer("The text format of Prometheus."), **problems(*_KEYED)},
        openapi_extra=scoped("admin"),
    )
