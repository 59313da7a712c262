"""The vlm worker with the template model, as a real process in front of a clip model that knows squares of a colour."""

import asyncio
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import aiohttp
import jsonschema
import psutil
import pytest
from PIL import Image

from orchestrator.domain.catalogue.model import Category
from orchestrator.domain.prompts.profiles import PROFILES
from tests.integration.vlm_worker.conftest import VlmClient
from tests.kit.hostile_images import hostile_images
from tests.kit.image_files import encoded
from tests.kit.template_worker import RED
from workers.wire import HANDSHAKE_PATH, READY_PATH, GenerateReply, Handshake

ROOT = Path(__file__).parents[3]
CATEGORY = Category("1", "Bakeries", is_hot=True)
PNG = encoded(Image.new("RGB", (64, 48), RED), "PNG")
WITHOUT_TORCH = """
import sys
from tests.kit.sighted_clip import SightedClip, square
from workers.clip.vocabulary import BUILT_IN
from workers.vlm import command, service
from workers.vlm.template_describer import TemplateDescriber
schema = '{"properties": {"description": {"type": "string"}}}'
[answer] = TemplateDescriber(SightedClip(), BUILT_IN).generate([square((9, 9, 9), "Describe.", schema)])
assert answer.finish_reason == "stop", answer
assert not {"torch", "transformers", "onnxruntime", "open_clip"} & sys.modules.keys()
"""


@pytest.fixture(scope="module")
def url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Of the running worker."""
    arguments = ["--model", "template", "--port", "0", "--decoders", "1", "--parent-pid", str(os.getpid())]
    log = tmp_path_factory.mktemp("worker") / "worker.log"
    with (
        log.open("wb") as errors,
        subprocess.Popen(
            [sys.executable, "-m", "tests.kit.template_worker", *arguments],
            stdout=subprocess.PIPE,
            stderr=errors,
            cwd=ROOT,
            env={**os.environ, "OMP_NUM_THREADS": "1"},
        ) as process,
    ):
        assert process.stdout is not None
        line = process.stdout.readline()
        assert line, log.read_text()
        yield json.loads(line)["listening"]
        maps = psutil.Process(process.pid).memory_maps()
        process.kill()
    assert not any("libtorch" in entry.path for entry in maps)


@pytest.fixture
async def composed(url: str, session: aiohttp.ClientSession) -> VlmClient:
    client = VlmClient(session, url)
    await client.until(READY_PATH, 200)
    return client


async def test_every_profile_is_answered_and_the_answer_says_by_whom(composed: VlmClient) -> None:
    handshake = Handshake.model_validate_json((await composed.get(HANDSHAKE_PATH))[1])
    assert handshake.model == "template" and len(handshake.weights) == 64
    asks = [profile.ask(CATEGORY if profile.needs_category else None) for profile in PROFILES]
    answers = await asyncio.gather(*(composed.ask(PNG, ask.schema, ask.prompt) for ask in asks))
    for ask, (status, reply, body) in zip(asks, answers, strict=True):
        wanted = GenerateReply(model="template", weights=handshake.weights, finish_reason="stop")
        assert (status, reply) == (200, wanted)
        answer = json.loads(body)
        jsonschema.validate(answer, ask.schema)
        assert answer["description"].startswith("The picture shows the front of a bakery.")
        assert answer.get("cat_match", 1) == 1
    again = await composed.ask(PNG, asks[0].schema, asks[0].prompt)
    assert again == answers[0]


async def test_a_schema_it_cannot_answer_is_refused_and_its_neighbours_are_served(composed: VlmClient) -> None:
    schemas = [{"properties": {name: {"type": "string"}}} for name in ("description", "price") * 4]
    answers = await asyncio.gather(*(composed.ask(PNG, schema) for schema in schemas))
    assert [status for status, _, _ in answers] == [200, 400] * 4
    assert all(reply.code == "bad_request" for status, reply, _ in answers if status != 200)  # type: ignore[union-attr]


async def test_hostile_files_never_make_it_fail(composed: VlmClient) -> None:
    ask = PROFILES[1].ask(None)
    for file in hostile_images()[::6]:
        status, _, body = await composed.ask(file.body, ask.schema, ask.prompt)
        assert status < 500 or status == 503, file.name
        if status == 200:
            jsonschema.validate(json.loads(body), ask.schema)
    assert (await composed.ask(PNG, ask.schema, ask.prompt))[0] == 200


def test_it_runs_where_torch_was_never_imported() -> None:
    command = [sys.executable, "-c", WITHOUT_TORCH]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=60, check=False)
    assert (done.returncode, done.stderr) == (0, "")
