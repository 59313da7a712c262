"""What a model under tritonserver keeps of earlier questions is on the server's page of metrics."""

import re
import urllib.request

import pytest

from orchestrator.domain.prompts.request import Ask
from tests.integration.triton.conftest import LLAMA, LLAVA, OpenDescriber
from tests.kit.image_files import encoded, picture
from tests.kit.triton import Triton

COUNT = re.compile(r"^justlens_vlm_cache_(\w+)\{(\S+)\} (\S+)$", re.MULTILINE)
SCHEMA = {"type": "object", "properties": {"text": {"type": "string", "maxLength": 9}}, "required": ["text"]}


@pytest.mark.parametrize("model", [LLAVA, LLAMA])
async def test_questions_about_a_picture_that_was_seen_are_hits(
    triton: Triton, describer_of: OpenDescriber, model: str
) -> None:
    triton.ensure_running()
    describer = describer_of(triton.url, timeout_s=60)
    file = encoded(picture(size=(83, 59)), "PNG")
    await describer.describe(file, Ask((model,), "One?", SCHEMA, 32))
    before = counts(triton, model)

    for prompt in ("Two?", "Three?"):
        await describer.describe(file, Ask((model,), prompt, SCHEMA, 32))

    after = counts(triton, model)
    for cache in ("picture", "prefix"):
        assert after["hits", cache] - before["hits", cache] == 2
        assert after["misses", cache] == before["misses", cache] > 0
        assert after["bytes", cache] == before["bytes", cache] > 0


def counts(server: Triton, model: str) -> dict[tuple[str, str], float]:
    """By kind and cache. The server's counters are pulled from the model's process with every answer."""
    with urllib.request.urlopen(f"http://127.0.0.1:{server.metrics_port}/metrics", timeout=5) as reply:
        page = reply.read().decode()
    found = {}
    for kind, listed, value in COUNT.findall(page):
        labels = dict(re.findall(r'(\w+)="([^"]*)"', listed))
        if labels["model"] == model:
            found[kind, labels["cache"]] = float(value)
    return found
