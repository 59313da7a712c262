"""From bytes to a job, or to a reason that tells the publisher which field to mend."""

from codecs import BOM_UTF8
from contextlib import suppress
from typing import Any, TypeVar

from pydantic import ValidationError

from orchestrator.domain.bodies import read_what_can_be_read, why_no_object, why_unreadable
from orchestrator.domain.errors import JobRefused
from orchestrator.domain.headers import encodable
from orchestrator.domain.ids import canonical_job_id, normalise_id
from orchestrator.domain.jobs import Job
from orchestrator.domain.value import REMEDIES

MAX_BODY_BYTES = 256 * 1024
_MAX_PROBLEMS = 8
_MAX_FIELD_NAME = 100

J = TypeVar("J", bound=Job)


def decode_job(job_type: type[J], body: bytes) -> J:
    """The job in ``body``. Raises JobRefused: body_too_large, not_json, unknown_schema or invalid_job."""
    if len(body) > MAX_BODY_BYTES:
        raise JobRefused("body_too_large", f"the body has {len(body)} bytes, at most {MAX_BODY_BYTES} are allowed")
    try:
        return job_type.model_validate_json(body.removeprefix(BOM_UTF8))
    except ValidationError as error:
        raise _refusal(job_type, body, error) from error


def _refusal(job_type: type[Job], body: bytes, error: ValidationError) -> JobRefused:
    problems = error.errors(include_url=False, include_context=False)
    first = problems[0]
    if first["type"] == "json_invalid":
        return JobRefused("not_json", f"the body {why_unreadable(body, first['msg'])}")
    if not first["loc"]:
        wanted = f"the body must be a JSON object with the fields of {job_type.__name__}"
        return JobRefused("not_json", f"{wanted}; {why_no_object(first.get('input'))}")
    for problem in problems:
        if problem["loc"] == ("schema",):
            wanted = job_type.model_fields["schema_"].default
            return JobRefused("unknown_schema", f"schema: this queue takes '{wanted}'; correct it or leave it out")
    lines = [_explain(problem) for problem in problems[:_MAX_PROBLEMS]]
    more = len(problems) - len(lines)
    return JobRefused("invalid_job", "; ".join(lines) + (f"; and {more} more" if more else ""))


def _explain(problem: Any) -> str:
    field = ".".join(str(part) for part in problem["loc"])[:_MAX_FIELD_NAME]
    if problem["type"] in REMEDIES:
        return f"{field}: {REMEDIES[problem['type']]}"
    if problem["type"] == "extra_forbidden":
        return f"{field}: is not a field of this job; remove it or correct its spelling"
    return f"{field}: {problem['msg'].removeprefix('Value error, ')}"


def identify(body: bytes) -> dict[str, str]:
    """What can be read of job_id, business_id and image_id from a body that may be anything.

    In their normal form, as in the job. A job_id that is no UUID names nothing; other ids are shown as they came.
    """
    document = None if len(body) > MAX_BODY_BYTES else read_what_can_be_read(body)
    if not isinstance(document, dict):
        return {}
    found = {name: shown_id(document[name]) for name in ("business_id", "image_id") if name in document}
    with suppress(ValueError):
        found["job_id"] = canonical_job_id(str(document.get("job_id", "")))
    return {name: value for name, value in found.items() if value}


def shown_id(value: Any) -> str:
    """The normal form of an id, or for a text that cannot be one the text itself: so dead letters name it."""
    try:
        return encodable(normalise_id(value))
    except ValueError:
        return encodable(value)[:128] if isinstance(value, str) else ""
