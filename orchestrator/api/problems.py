"""Errors as RFC 9457 problem documents. Every error of the API is one; none of them shows the inside of the program."""

from collections.abc import Mapping, Sequence
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from starlette.exceptions import HTTPException

from orchestrator.domain.errors import Unavailable

MEDIA_TYPE = "application/problem+json"
RETRY_AFTER_S = 1
MAX_SHOWN_ERRORS = 20
_MAX_SHOWN_TEXT = 300

TITLES: Mapping[str, tuple[int, str]] = {
    "bad_request": (400, "The request cannot be read"),
    "no_key": (401, "An API key is needed"),
    "wrong_scope": (403, "The API key may not do this"),
    "not_found": (404, "There is nothing here"),
    "unknown_business": (404, "The business is not known"),
    "method_not_allowed": (405, "This address does not take the method"),
    "body_too_large": (413, "The body is too large"),
    "not_json": (415, "The body must be JSON"),
    "range_not_satisfiable": (416, "The picture has no such bytes"),
    "invalid": (422, "The request has mistakes"),
    "too_many_requests": (429, "Too many requests"),
    "internal_error": (500, "The server made a mistake"),
    "unavailable": (503, "Something that is needed is away"),
    "unconfirmed": (503, "The broker did not confirm"),
}
"""Every problem by its code: status and title. The ``type`` of a problem is its place on the documentation page."""


class Problem(Exception):
    """An answer other than success. ``extra`` are further members of the document, for programs."""

    def __init__(self, code: str, detail: str, *, headers: Mapping[str, str] | None = None, **extra: Any) -> None:
        super().__init__(f"{code}: {detail}")
        self.code = code
        self.detail = detail
        self.headers = dict(headers or {})
        self.extra = extra

    @property
    def status(self) -> int:
        """The HTTP status."""
        return TITLES[self.code][0]

    def document(self) -> dict[str, Any]:
        """The problem document."""
        status, title = TITLES[self.code]
        known = {"type": f"/docs#{self.code}", "title": title, "status": status, "code": self.code}
        return {**known, "detail": self.detail, **self.extra}

    def response(self) -> JSONResponse:
        """The problem as a response."""
        return JSONResponse(self.document(), self.status, headers=self.headers, media_type=MEDIA_TYPE)


def invalid(field: str, message: str) -> Problem:
    """One field is wrong; ``message`` says what to do about it."""
    return Problem("invalid", f"{field}: {message}", errors=[{"field": field, "message": message}])


def unavailable(dependency: str, retry_after_s: float | None = None) -> Problem:
    """``dependency`` is away; the client may try again."""
    seconds = max(1, round(retry_after_s or RETRY_AFTER_S))
    return Problem(
        "unavailable",
        f"{dependency} is not available at the moment; try again in {seconds} s.",
        headers={"Retry-After": str(seconds)},
        dependency=dependency,
    )


def from_validation(errors: Sequence[Any], *, skip: int = 0) -> Problem:
    """The problem that pydantic's errors are. ``skip`` leaves out the first parts of each place, such as "query"."""
    lines = [
        {"field": ".".join(str(part) for part in error["loc"][skip:])[:_MAX_SHOWN_TEXT], "message": _message(error)}
        for error in errors[:MAX_SHOWN_ERRORS]
    ]
    detail = "; ".join(f"{line['field'] or 'body'}: {line['message']}" for line in lines)
    return Problem("invalid", detail, errors=lines)


def _message(error: Mapping[str, Any]) -> str:
    if error["type"] == "missing":
        return "is missing; add it"
    if error["type"] == "extra_forbidden":
        return "is not known here; remove it or correct its spelling"
    return str(error["msg"]).removeprefix("Value error, ")[:_MAX_SHOWN_TEXT]


def add_problem_handlers(app: FastAPI) -> None:
    """Make every error of ``app`` a problem document. What nobody foresaw is the guard's: see guard.py."""
    app.add_exception_handler(Problem, _problem)
    app.add_exception_handler(HTTPException, _http)
    app.add_exception_handler(RequestValidationError, _validation)
    app.add_exception_handler(Unavailable, _unavailable)


async def _problem(_: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, Problem)  # noqa: S101, registered for this type
    return error.response()


async def _validation(_: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, RequestValidationError)  # noqa: S101
    return from_validation(error.errors(), skip=1).response()


async def _unavailable(_: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, Unavailable)  # noqa: S101
    return unavailable(error.dependency, error.retry_after_s).response()


async def _http(request: Request, error: Exception) -> JSONResponse:
    """What the framework itself refuses: no such path, no such method, a body it cannot read."""
    assert isinstance(error, HTTPException)  # noqa: S101
    codes = {404: "not_found", 405: "method_not_allowed", 413: "body_too_large"}
    detail = {
        404: "No such address; /docs lists what there is.",
        405: f"{request.method[:20]} is not allowed here; the Allow header says what is.",
    }.get(error.status_code, "See /docs for what this address takes.")
    problem = Problem(codes.get(error.status_code, "bad_request"), detail, headers=error.headers)
    return problem.response()
