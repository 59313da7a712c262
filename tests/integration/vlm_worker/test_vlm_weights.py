"""The vlm worker with weights, and without those it needs."""

import asyncio
import json
import subprocess
import sys
from pathlib import Path

import aiohttp
import jsonschema

from tests.integration.vlm_worker.conftest import VlmClient
from tests.kit.image_files import encoded, picture
from tests.kit.tiny_vlm import build_tiny_llava
from tests.kit.vlm_schemas import SCHEMAS
from tests.kit.worker import Worker
from workers.wire import HANDSHAKE_PATH, READY_PATH, GenerateReply, Handshake


async def test_real_weights_answer_over_http(tmp_path: Path, session: aiohttp.ClientSession) -> None:
    weights = build_tiny_llava(tmp_path / "tiny-llava")
    options = ("--model", "transformers", "--weights", str(weights), "--device", "cpu", "--threads", "1")
    with Worker(tmp_path, "--decoders", "1", *options, family="vlm") as worker:
        client = VlmClient(session, worker.url)
        await client.until(READY_PATH, 200)
        handshake = Handshake.model_validate_json((await client.get(HANDSHAKE_PATH))[1])
        assert handshake.model == "tiny-llava" and len(handshake.weights) == 16
        png = encoded(picture(), "PNG")
        answers = await asyncio.gather(*(client.ask(png, schema) for schema in SCHEMAS.values()))
        for schema, (status, reply, body) in zip(SCHEMAS.values(), answers, strict=True):
            wanted = GenerateReply(model="tiny-llava", weights=handshake.weights, finish_reason="stop")
            assert (status, reply) == (200, wanted)
            jsonschema.validate(json.loads(body), schema)
        status, reply, _ = await client.ask(png, {"type": "nonsense"})
        assert (status, reply.code) == (400, "bad_request")  # type: ignore[union-attr]


def test_without_weights_there_is_no_model() -> None:
    command = [sys.executable, "-m", "workers.vlm", "--model", "transformers"]
    ended = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert ended.returncode == 2 and "--weights" in ended.stderr
