"""GET /v1/relevancy/{business_id}: the pictures for a result page.

The four reads run at once, each under its own deadline. Relevance, alt texts and metadata can be missing: then the
answer says so in ``degraded`` and rests on what is left. The catalogue cannot: it alone knows which pictures must not
be shown.
"""

import asyncio
import hashlib
from collections.abc import Awaitable, Mapping
from typing import Annotated, Any, get_args

from fastapi import Path, Query, Request, Response

from orchestrator.api.conditional import is_current
from orchestrator.api.presenting import Known, relevancy
from orchestrator.api.problems import Problem, invalid, unavailable
from orchestrator.api.schemas import Part, RelevancyQuery
from orchestrator.api.services import ApiContext, context_of
from orchestrator.domain.errors import Unavailable
from orchestrator.domain.ids import normalise_id

CACHE_CONTROL = "private, max-age=15"

Found = Mapping[str, Any] | None


BusinessId = Annotated[
    str, Path(description="As the catalogue has it; upper and lower case are one.", examples=["shop-17"])
]


async def get_relevancy(
    request: Request, business_id: BusinessId, query: Annotated[RelevancyQuery, Query()]
) -> Response:
    """See the module. Raises Problem: invalid, unknown_business, unavailable."""
    context = context_of(request)
    try:
        business = normalise_id(business_id)
    except ValueError as error:
        raise invalid("business_id", str(error)) from error
    known, degraded = await _read(context, business)
    if known.nothing:
        if degraded:
            raise unavailable("what is known of this business")
        raise Problem(
            "unknown_business",
            f"Nothing is known of the business '{business}': no catalogue entry, and no picture that was ever"
            " processed. Check the id, load the catalogue, or publish its pictures with POST /v1/jobs.",
        )
    for part in degraded:
        context.metrics.degraded(part)
    answer = relevancy(business, known, category_id=query.category_id, limit=query.limit, degraded=degraded)
    return _respond(request, answer.model_dump_json().encode(), cacheable=not degraded)


async def _read(context: ApiContext, business_id: str) -> tuple[Known, tuple[Part, ...]]:
    """What is known, and which parts are missing. Raises Problem when the catalogue is away."""
    documents, timeout_s = context.services.documents, context.options.read_timeout_s
    catalogue, *found = await asyncio.gather(
        _in_time(documents.find_catalogue(business_id), timeout_s),
        _in_time(documents.find_business(business_id), timeout_s),
        _in_time(documents.find_relevance(business_id), timeout_s),
        _in_time(context.services.alt_texts.alt_texts_of(business_id), timeout_s),
    )
    if catalogue is None:
        raise unavailable("the catalogue")
    parts: tuple[Part, ...] = get_args(Part)
    degraded = tuple(part for part, value in zip(parts, found, strict=True) if value is None)
    metadata, relevance, alt_texts = (value or {} for value in found)
    return Known(catalogue, metadata, relevance, alt_texts), degraded


async def _in_time(reading: Awaitable[Mapping[str, Any]], timeout_s: float) -> Found:
    """What was read, or None when the store is away or too slow."""
    try:
        async with asyncio.timeout(timeout_s):
            return await reading
    except (Unavailable, TimeoutError):
        return None


def _respond(request: Request, body: bytes, *, cacheable: bool) -> Response:
    etag = f'"{hashlib.sha256(body).hexdigest()[:32]}"'
    headers = {"ETag": etag, "Cache-Control": CACHE_CONTROL if cacheable else "no-store"}
    if is_current(request.headers.get("if-none-match"), etag):
        return Response(status_code=304, headers=headers)
    return Response(body, media_type="application/json", headers=headers)
