"""The OpenAPI document: what FastAPI finds in the routes, and what it cannot know."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import Any

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi
from fastapi.routing import APIRoute

from orchestrator import __version__
from orchestrator.api.examples import problem_example
from orchestrator.api.problems import MEDIA_TYPE, TITLES
from orchestrator.api.schemas import ProblemDocument

PICTURE: Mapping[str, Any] = {"image/*": {"schema": {"type": "string", "format": "binary"}}}

_DESCRIPTION = """\
The pictures of a business: which to show, in which order, where they are, and how to have new ones processed.

Start with `GET /v1/relevancy/{business_id}`. It answers three blocks: `static` is the one picture that stands for the
business, `dynamic` are the best for the category you name, `carousel` is a varied row. Put `url` into `src` (one that
begins with `/` is on this API), `alt_text` into `alt`, `width` and `height` beside them so that nothing jumps.
"""


def answer(
    description: str, example: Any = None, *, headers: Sequence[str] = (), content: Mapping[str, Any] | None = None
) -> dict[str, Any]:
    """One response of an operation."""
    made: dict[str, Any] = {"description": description}
    if example is not None:
        made["content"] = {"application/json": {"example": example}}
    if content is not None:
        made["content"] = dict(content)
    if headers:
        made["headers"] = {name: {"schema": {"type": "string"}} for name in headers}
    return made


def problems(*codes: str) -> dict[int | str, dict[str, Any]]:
    """The problem responses of an operation, by status; several codes can share one."""
    by_status: dict[int, list[str]] = defaultdict(list)
    for code in codes:
        by_status[TITLES[code][0]].append(code)
    return {status: _problem_response(found) for status, found in sorted(by_status.items())}


def _problem_response(codes: Sequence[str]) -> dict[str, Any]:
    shown = {code: {"summary": TITLES[code][1], "value": problem_example(code)} for code in codes}
    schema = {"$ref": "#/components/schemas/ProblemDocument"}
    made = answer("; ".join(f"{TITLES[code][1]} (`{code}`)" for code in codes))
    made["content"] = {MEDIA_TYPE: {"schema": schema, "examples": shown}}
    if any(TITLES[code][0] in (429, 503) for code in codes):
        made["headers"] = {"Retry-After": {"description": "Seconds to wait.", "schema": {"type": "integer"}}}
    return made


def build_document(app: FastAPI) -> dict[str, Any]:
    """The document of ``app``."""
    document = get_openapi(
        title="JustLens API",
        version=__version__,
        openapi_version="3.1.0",
        summary="Which pictures of a business to show, and how to have new ones processed",
        description=_DESCRIPTION,
        license_info={"name": "Apache 2.0", "identifier": "Apache-2.0"},
        routes=app.routes,
        tags=[
            {"name": "Relevancy", "description": "Which pictures to show."},
            {"name": "Jobs", "description": "Have pictures processed."},
            {"name": "Images", "description": "The pictures themselves."},
            {"name": "Operation", "description": "For those who run it."},
        ],
    )
    components = document.setdefault("components", {})
    components.setdefault("schemas", {})["ProblemDocument"] = _problem_schema(components["schemas"])
    for unused in ("HTTPValidationError", "ValidationError"):
        components["schemas"].pop(unused, None)
    components["securitySchemes"] = {
        "bearer": {"type": "http", "scheme": "bearer", "description": "The API key as a bearer token."},
        "apiKey": {"type": "apiKey", "in": "header", "name": "X-API-Key", "description": "The API key by itself."},
    }
    for route in app.routes:
        if isinstance(route, APIRoute) and route.include_in_schema:
            for method in route.methods or ():
                _mend(document["paths"][route.path_format][method.lower()], route)
    return document


def _problem_schema(schemas: dict[str, Any]) -> dict[str, Any]:
    schema = ProblemDocument.model_json_schema(ref_template="#/components/schemas/{model}")
    schemas.update(schema.pop("$defs", {}))
    return schema


def _mend(operation: dict[str, Any], route: APIRoute) -> None:
    """What FastAPI writes beside what the route says: a 422 in a form of its own, and examples without their nulls."""
    said = {str(status): response for status, response in route.responses.items()}
    operation["responses"] = {status: it for status, it in operation["responses"].items() if status in said}
    for status, response in operation["responses"].items():
        for media_type, content in said[status].get("content", {}).items():
            if "example" in content:
                response["content"][media_type]["example"] = content["example"]
