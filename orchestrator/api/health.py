"""/livez, /readyz and /metrics of the API. Ready means that relevancy can be answered now."""

import asyncio

from fastapi import Request, Response
from fastapi.responses import JSONResponse
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest

from orchestrator.api.services import Ping, context_of
from orchestrator.domain.errors import Unavailable

PING_TIMEOUT_S = 1.0


class MetricsResponse(Response):
    """The text format of Prometheus."""

    media_type = CONTENT_TYPE_LATEST


async def livez() -> JSONResponse:
    """The process answers."""
    return JSONResponse({"live": True})


async def readyz(request: Request) -> JSONResponse:
    """Each dependency by name, true when it answered within a second; the first one decides, the others degrade."""
    pings = context_of(request).services.pings
    answers = await asyncio.gather(*(_answers(ping) for ping in pings.values()))
    checks = dict(zip(pings, answers, strict=True))
    ready = next(iter(checks.values()), True)
    return JSONResponse({"ready": ready, "checks": checks}, 200 if ready else 503)


async def metrics(request: Request) -> MetricsResponse:
    """The metrics in the text format of Prometheus."""
    body = generate_latest(context_of(request).metrics.registry)
    return MetricsResponse(body)


async def _answers(ping: Ping) -> bool:
    try:
        async with asyncio.timeout(PING_TIMEOUT_S):
            await ping()
    except (Unavailable, TimeoutError):
        return False
    return True
