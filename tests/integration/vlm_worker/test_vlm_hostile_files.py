"""The vlm worker and files that nobody should send, and the worker with weights."""

import asyncio
import json
import subprocess
import sys
from pathlib import Path

import aiohttp
import jsonschema

from tests.integration.vlm_worker.conftest import VlmClient
from tests.kit.hostile_images import DONE, hostile_images
from tests.kit.image_files import encoded, picture
from tests.kit.tiny_vlm import build_tiny_llava
from tests.kit.vlm_schemas import SCHEMAS
from tests.kit.worker import Worker
from tests.kit.worker_client import photo
from workers.wire import HANDSHAKE_PATH, READY_PATH, ErrorReply, GenerateReply, Handshake


async def test_hostile_files_get_their_reason_and_their_neighbours_are_served(
    client: VlmClient, shared_worker: Worker
) -> None:
    wrong = []
    files = hostile_images()
    for start in range(0, len(files), 4):
        group = files[start : start + 4]
        answers = await asyncio.gather(*(client.ask(file.body, SCHEMAS["vision_json"]) for file in group))
        assert (await client.ask(photo(), SCHEMAS["cat"]))[0] == 200
        for file, (status, reply, body) in zip(group, answers, strict=True):
            if isinstance(reply, ErrorReply):
                fits = 400 <= status < 500 and reply.code in file.codes | ({"not_an_image"} if not file.body else set())
            else:
                fits = bool(DONE & file.codes)
                jsonschema.validate(json.loads(body), SCHEMAS["vision_json"])
            if not fits:
                wrong.append((file.name, status, reply))
    assert wrong == []
    assert shared_worker.process.poll() is None and await client.metric("decoder_restarts_total") == 0


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
