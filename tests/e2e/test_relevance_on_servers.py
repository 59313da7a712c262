"""One picture through all six queues on real servers, as a publisher and a front end see it: over the API."""

import asyncio
import re
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx

from tests.kit.deployment import Deployment, Options, Servers
from tests.kit.events import hear
from tests.kit.load import healthy
from tests.kit.orchestrators import ROOT, plain_environment
from tests.kit.process import Child, wait_until
from tests.kit.relevance_catalogue import seed_catalogue

KEYS = '{"shop": {"key": "reads-and-publishes", "scopes": ["read", "publish"]}}'
QUEUES = {
    "image_enhance_bulk",  # a road begins at its first queue in the file, and this file is sorted by name
    "image_enhance_update",
    "image_relevance_process",
    "image_tag_process",
    "image_relevance_score",
    "image_relevance_seo_process",
}


@contextmanager
def api_of(deployment: Deployment) -> Iterator[httpx.Client]:
    """`justlens api` on the deployment's servers, and a client with its key."""
    log = deployment.folder / "api.log"
    environment = plain_environment({"HOME": str(deployment.folder), **deployment.environment()})
    command = [sys.executable, "-m", "orchestrator", "api", "--port", "0"]
    process = Child(command, environment | {"JUSTLENS_API_KEYS": KEYS}, log, ROOT)
    try:
        wait_until(lambda: "api_listening" in log.read_text() or not process.alive(), 60, "the API to listen")
        found = re.search(r'"url": "(http://127\.0\.0\.1:\d+)", "docs"', log.read_text())
        assert found, log.read_text()
        with httpx.Client(base_url=found[1], headers={"X-API-Key": "reads-and-publishes"}, timeout=20) as client:
            yield client
    finally:
        process.kill()


async def test_a_picture_published_over_the_api_is_enhanced_described_scored_and_served(
    all_servers: Servers, tmp_path: Path
) -> None:
    await seed_catalogue(all_servers)
    async with Deployment(all_servers, tmp_path, Options(roads=("enhance", "relevance"))) as deployment:
        await deployment.workers_ready()
        await deployment.start()
        (picture,) = healthy(1, deployment.outside)
        with api_of(deployment) as api:
            body = {"business_id": "hot", "image_id": "i1", "image_url": deployment.outside.url_of(picture.path)}
            job_id = await asyncio.to_thread(_publish, api, body)
            ends = await asyncio.to_thread(_ended, api, job_id)
            assert ends == dict.fromkeys(QUEUES, "done")

            answer = (await asyncio.to_thread(api.get, "/v1/relevancy/hot?category_id=c1")).raise_for_status()
            served = answer.json()
            best = served["static"]
            assert (served["basis"], best["image_id"], best["alt_text"]) == (
                "scores",
                "i1",
                "A small table beside the window",
            )
            assert 0 <= best["score"] <= 1 and best["url"].startswith("/images/enhanced/")
            bytes_served = (await asyncio.to_thread(api.get, best["url"])).raise_for_status()
            assert bytes_served.headers["content-type"] == "image/png" and bytes_served.content.startswith(b"\x89PNG")
            again = await asyncio.to_thread(
                api.get, "/v1/relevancy/hot?category_id=c1", headers={"If-None-Match": answer.headers["etag"]}
            )
            assert again.status_code == 304
            assert (await asyncio.to_thread(api.get, "/v1/relevancy/nobody")).status_code == 404
        heard = {told.event for told in await hear(deployment)}
        assert heard == {"image.enhanced", "image.scored", "image.alt_text"}


def _publish(api: httpx.Client, body: dict[str, Any]) -> str:
    answer = api.post("/v1/jobs", json={"to": ["enhance", "relevance"], **body})
    assert answer.status_code == 202, answer.text
    return str(answer.json()["job_id"])


def _ended(api: httpx.Client, job_id: str) -> dict[str, str]:
    """How the job ended in each queue, once nothing is left of it to do."""
    report: dict[str, Any] = {}

    def over() -> bool:
        report.update(api.get(f"/v1/jobs/{job_id}").raise_for_status().json())
        return report["state"] not in ("in_progress", "nothing_recorded")

    wait_until(over, 60, "the job to come to its end everywhere")
    return {end["queue"]: end["outcome"] for end in report["ends"]}
