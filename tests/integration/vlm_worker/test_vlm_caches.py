"""The vlm worker with real loading code: what it kept of earlier questions is on its page of metrics."""

import re
from pathlib import Path

import aiohttp

from tests.integration.vlm_worker.conftest import VlmClient
from tests.kit.image_files import encoded, picture
from tests.kit.tiny_vlm import build_tiny_llava
from tests.kit.worker import Worker
from workers.wire import METRICS_PATH, READY_PATH

SCHEMA = {"type": "object", "properties": {"text": {"type": "string", "maxLength": 9}}, "required": ["text"]}
COUNT = re.compile(r'^justlens_worker_cache_(hits_total|misses_total|bytes)\{cache="(\w+)"\} (\S+)$', re.MULTILINE)


async def counts(client: VlmClient) -> dict[tuple[str, str], float]:
    status, page = await client.get(METRICS_PATH)
    assert status == 200
    return {(cache, kind): float(value) for kind, cache, value in COUNT.findall(page.decode())}


async def test_questions_about_a_picture_that_was_seen_are_counted_as_hits(
    tmp_path: Path, session: aiohttp.ClientSession
) -> None:
    weights = build_tiny_llava(tmp_path / "tiny")
    with Worker(
        tmp_path, "--model", "transformers", "--weights", str(weights), "--decoders", "1", family="vlm"
    ) as worker:
        client = VlmClient(session, worker.url)
        await client.until(READY_PATH, 200)
        before = await counts(client)
        for prompt in ("One?", "Two?", "Three?"):
            assert (await client.ask(encoded(picture(), "PNG"), SCHEMA, prompt))[0] == 200
        assert (await client.ask(encoded(picture(size=(70, 30)), "PNG"), SCHEMA))[0] == 200
        after = await counts(client)
    gained = {key: after[key] - before[key] for key in after}
    bytes_held = {cache: gained.pop((cache, "bytes")) for cache in ("picture", "prefix")}
    assert gained == {(c, k): 2 for c in ("picture", "prefix") for k in ("hits_total", "misses_total")}
    assert 0 < bytes_held["picture"] < bytes_held["prefix"]


async def test_a_model_that_keeps_nothing_shows_no_cache(client: VlmClient) -> None:
    assert await counts(client) == {}
