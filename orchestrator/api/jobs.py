"""POST /v1/jobs: publish, confirmed. GET /v1/jobs/{job_id}: where a job is and what became of it."""

import asyncio
from codecs import BOM_UTF8
from collections.abc import Mapping, Sequence
from typing import Annotated, Any

from fastapi import Path, Request
from fastapi.responses import JSONResponse
from pydantic import ValidationError
from pydantic_core import from_json, to_json

from orchestrator.api.examples import JOB_ID
from orchestrator.api.job_reports import report
from orchestrator.api.limits import read_json_body
from orchestrator.api.problems import RETRY_AFTER_S, Problem, from_validation, invalid
from orchestrator.api.schemas import Accepted, JobRequest
from orchestrator.api.services import ROADS, ApiContext, context_of
from orchestrator.domain.bodies import why_unreadable
from orchestrator.domain.errors import PublishUnconfirmed, Unavailable, Unroutable
from orchestrator.domain.headers import TRACEPARENT
from orchestrator.domain.ids import canonical_job_id
from orchestrator.domain.jobs import Job
from orchestrator.domain.ledger import DeadLetterFilter
from orchestrator.observe import continue_trace
from orchestrator.runtime.engine import now_ms

MAX_LETTERS = 20
AskedJobId = Annotated[str, Path(description="As POST /v1/jobs answered it.", examples=[JOB_ID])]
_OWN_FIELDS = frozenset({"to"})


async def post_job(request: Request) -> JSONResponse:
    """Take one job for one or more roads, all in the caller's trace. Raises Problem: not_json, body_too_large, invalid,
    unconfirmed."""
    context = context_of(request)
    asked = parse_request(await read_json_body(request, context.options.max_body_bytes))
    identified = asked.with_identity(now_ms())
    jobs = {context.services.queues[road]: job_for(identified, road) for road in _roads(asked, context)}
    failed, missing = await _publish(context, jobs, continue_trace(request.headers.get(TRACEPARENT)))
    if missing is not None:
        raise Problem(
            "unavailable", f"The job was not published: {missing}.", headers={"Retry-After": str(RETRY_AFTER_S)}
        )
    queues = {road: context.services.queues[road] for road in asked.to}
    if failed:
        raise Problem(
            "unconfirmed",
            f"The broker did not confirm in time that it has the job, so it may or may not be there. Send the same body"
            f' again with "job_id": "{identified.job_id}"; a job done twice is a job done once.',
            headers={"Retry-After": str(RETRY_AFTER_S)},
            job_id=identified.job_id,
            confirmed=[road for road, queue in queues.items() if queue not in failed],
            unconfirmed=[road for road, queue in queues.items() if queue in failed],
        )
    accepted = Accepted(job_id=str(identified.job_id), submitted_at=identified.submitted_at or 0, queues=queues)
    return JSONResponse(accepted.model_dump(), 202, headers={"Location": f"/v1/jobs/{identified.job_id}"})


async def get_job(request: Request, job_id: AskedJobId) -> JSONResponse:
    """What is known of one job. Raises Problem: invalid, unavailable."""
    context = context_of(request)
    try:
        wanted = canonical_job_id(job_id)
    except ValueError as error:
        raise invalid("job_id", "must be a UUID, as POST /v1/jobs answers it") from error
    documents = context.services.documents
    entries, letters = await asyncio.gather(
        documents.find_jobs(wanted), documents.find_dead_letters(DeadLetterFilter(letter_id=wanted), limit=MAX_LETTERS)
    )
    return JSONResponse(report(wanted, entries, letters, context.services.next_queues).model_dump())


def parse_request(body: bytes) -> JobRequest:
    """The request in ``body``. Raises Problem: invalid, with every mistake by its field."""
    try:
        document = from_json(body.removeprefix(BOM_UTF8), allow_inf_nan=False)
    except ValueError as error:
        raise invalid("body", why_unreadable(body, str(error))) from error
    try:
        asked = JobRequest.model_validate_json(to_json(document))
    except ValidationError as error:
        raise from_validation(error.errors(include_url=False, include_context=False)) from error
    if len(set(asked.to)) < len(asked.to):
        raise invalid("to", "names a road twice; name each once")
    # Over HTTP a path would name a file of the server's machine, and its picture could then be looked at.
    for name, urls in (("image_url", (asked.image_url,)), ("served_urls", asked.served_urls)):
        if any(url.lower().startswith("file:") for url in urls):
            raise invalid(name, "a file of this machine cannot be published over HTTP; use http, https or s3")
    taken = {name for road in asked.to for name in ROADS[road].model_fields} | _OWN_FIELDS
    for name in sorted(asked.model_fields_set - taken):
        raise invalid(name, f"is not a field of a job for {', '.join(asked.to)}; remove it")
    return asked


def job_for(asked: JobRequest, road: str) -> Job:
    """The job of ``asked`` for one road: the fields that it takes."""
    fields: Mapping[str, Any] = asked.model_dump(exclude_none=True)
    return ROADS[road].model_validate({name: fields[name] for name in ROADS[road].model_fields if name in fields})


def _roads(asked: JobRequest, context: ApiContext) -> tuple[str, ...]:
    for road in asked.to:
        if road not in context.services.queues:
            raise invalid("to", f"this deployment has no queue for '{road}'; leave it out")
    return asked.to


async def _publish(context: ApiContext, jobs: Mapping[str, Job], traceparent: str) -> tuple[set[str], str | None]:
    """Publish to all queues at once. The queues that did not confirm, and why when no queue has its job for certain."""

    async def one(queue: str, job: Job) -> Exception | None:
        try:
            async with asyncio.timeout(context.options.publish_timeout_s):
                await context.services.publish(queue, job, traceparent)
        except (Unavailable, TimeoutError) as error:
            return error
        return None

    errors = await asyncio.gather(*(one(queue, job) for queue, job in jobs.items()))
    failed = {queue for queue, error in zip(jobs, errors, strict=True) if error is not None}
    absent = all(isinstance(error, Unavailable) and not isinstance(error, PublishUnconfirmed) for error in errors)
    return failed, _why_absent(errors) if absent else None


def _why_absent(errors: Sequence[Exception | None]) -> str:
    """The reason without the broker's address, which is nobody's business out there."""
    missing = next((error for error in errors if isinstance(error, Unroutable)), None)
    return str(missing) if missing is not None else "the broker is not available, or takes no jobs now"
