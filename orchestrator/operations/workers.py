"""How the workers are: as the process that calls them knows, or as they say when they are asked."""

import asyncio
from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from aiohttp import ClientSession

from orchestrator.clients.http import open_session
from orchestrator.clients.workers.endpoint import Endpoint
from orchestrator.config import Pipeline, Settings
from orchestrator.domain.errors import Unavailable
from orchestrator.domain.prompts.profiles import MODELS
from orchestrator.domain.urls import without_secrets
from orchestrator.wiring import System

VLM = "vlm"
LOOKS = 3
"""One look is short, and a worker under load answers late."""


def endpoint_urls(settings: Settings, pipeline: Pipeline) -> Mapping[str, list[str]]:
    """The endpoints that are configured, by pool. Embedded workers are children and have none."""
    pools = [pool for pool in pipeline.pools_in_use() if pool != VLM or settings.triton_url is None]
    return {
        pool: settings.endpoints.get(pool, list(pipeline.workers[pool].endpoints) if settings.mode == "servers" else [])
        for pool in pools
    }


async def worker_states(system: System) -> list[dict[str, Any]]:
    """One row per endpoint, and one per model of Triton. ``in_flight`` is None where nobody here counts it."""
    rows = [{"pool": name, **asdict(endpoint)} for name, pool in system.pools.items() for endpoint in pool.state()]
    if not system.pools:
        urls = endpoint_urls(system.settings, system.pipeline)
        async with open_session() as session:
            asked = (_ask(session, pool, url) for pool, found in urls.items() for url in found)
            rows = list(await asyncio.gather(*asked))
    if system.settings.triton_url is not None:
        rows += await _ask_triton(system.settings.triton_url)
    return rows


async def look_at(session: ClientSession, pool: str, url: str) -> Endpoint:
    """The endpoint at ``url``, looked at until it has answered."""
    endpoint = Endpoint(url.rstrip("/"))
    for _ in range(LOOKS):
        await endpoint.look(session, pool)
        if endpoint.ready or endpoint.mismatch:
            break
    return endpoint


async def _ask(session: ClientSession, pool: str, url: str) -> dict[str, Any]:
    state = asdict((await look_at(session, pool, url)).state())
    return {"pool": pool, **state, "url": without_secrets(state["url"]), "in_flight": None}


async def _ask_triton(url: str) -> list[dict[str, Any]]:
    # The driver belongs to the extra "servers".
    from orchestrator.clients.triton.vlm import READY_TIMEOUT_S, TritonDescriber

    row = {"pool": VLM, "url": url, "in_flight": None, "failures": 0, "release": None, "problem": None}
    describer = TritonDescriber(url, timeout_s=READY_TIMEOUT_S)
    try:
        ready = await describer.ready()
    except Unavailable as away:
        return [{**row, "state": "unready", "model": None, "problem": str(away)}]
    finally:
        await describer.close()
    return [{**row, "state": "ready" if model in ready else "unready", "model": model} for model in MODELS]
