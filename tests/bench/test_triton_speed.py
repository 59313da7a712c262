"""A real tritonserver under load: how throughput and latency go with clients and batches, and what shared memory gains.

Writes build/triton.json. The vision-language model has tiny random weights: its curve is of the server, not of LLaVA.
"""

import itertools
import os
import time
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import numpy as np
import pytest
from tritonclient.grpc.aio import InferenceServerClient

from orchestrator.clients.triton import shared_memory as shared_images
from orchestrator.clients.triton.vlm import TritonDescriber
from orchestrator.domain.prompts import request as describing
from tests.conftest import require
from tests.kit.tiny_vlm import build_tiny_llava
from tests.kit.triton import ENCODERS, MODELS, ROOT, Triton
from tests.kit.triton_load import Point, different_pictures, measured
from tests.kit.triton_report import Sharing, load_table, sharing_table, write
from tests.kit.triton_together import LLAVA, asked
from workers.training.text.corpus import short_sentences

pytestmark = [pytest.mark.bench, pytest.mark.timeout(900)]

FILE = ROOT / "build/triton.json"
CLIENTS, ROWS = (1, 2, 4, 8), (1, 2, 4, 8)
SECONDS = 1.2
PICTURES = 4200
"""More than CLIP remembers, so that each is looked at."""
SCHEMA = {"type": "object", "properties": {"alt_text": {"type": "string", "maxLength": 60}}, "required": ["alt_text"]}
SIZES = {50_000: 250, 1_000_000: 150, 10_000_000: 30}
"""Bytes of a picture, and rounds with it."""
TAKER = "taker"
_DELAY = "max_queue_delay_microseconds: 20000"
_TAKER = '''
import numpy as np
import triton_python_backend_utils as pb_utils


class TritonPythonModel:
    """Takes the picture in, and says how large it was."""

    def execute(self, requests):
        return [self.answer(request) for request in requests]

    def answer(self, request):
        size = len(pb_utils.get_input_tensor_by_name(request, "IMAGE").as_numpy()[0, 0])
        said = {"ANSWER": str(size), "FINISH_REASON": "stop", "MODEL": "taker", "WEIGHTS": "none"}
        tensors = [pb_utils.Tensor(name, np.array([[text.encode()]], np.object_)) for name, text in said.items()]
        return pb_utils.InferenceResponse(output_tensors=tensors)
'''


@pytest.fixture
def models(tmp_path: Path) -> Iterator[Triton]:
    """CLIP, texts and a vision-language model."""
    require(Triton.missing())
    build_tiny_llava(tmp_path / "weights" / LLAVA)
    triton = Triton(
        tmp_path / "server",
        ENCODERS,
        {"JUSTLENS_WEIGHTS": str(tmp_path / "weights")},
        load=(LLAVA, "clip", "text"),
        more=(
            f"--model-repository={MODELS}",
            "--rate-limit=execution_count",
            f"--rate-limit-resource=cores:{os.cpu_count()}",
        ),
    )
    yield from _running(triton)


@pytest.fixture
def taker(tmp_path: Path) -> Iterator[Triton]:
    """A model with the tensors of a vision-language model that does next to nothing, at once."""
    require(Triton.missing())
    (tmp_path / "models" / TAKER / "1").mkdir(parents=True)
    (tmp_path / "models" / TAKER / "1/model.py").write_text(_TAKER)
    config = (MODELS / LLAVA / "config.pbtxt").read_text()
    assert _DELAY in config
    (tmp_path / "models" / TAKER / "config.pbtxt").write_text(config.replace(_DELAY, ""))
    yield from _running(Triton(tmp_path / "server", tmp_path / "models"))


def _running(triton: Triton) -> Iterator[Triton]:
    triton.start_timeout_s = 400.0
    try:
        triton.start()
        yield triton
    finally:
        triton.close()


async def test_throughput_and_latency_by_clients_and_batch(models: Triton) -> None:
    sentences = [text.encode() for text in short_sentences(1, 64)]
    pictures = different_pictures(PICTURES)
    asks = {
        "text": lambda client, rows: asked(client, "text", TEXT=sentences[:rows]),
        "clip": lambda client, rows: asked(client, "clip", IMAGE=list(itertools.islice(pictures, rows))),
    }
    points: list[Point] = []
    async with InferenceServerClient(models.url) as client:
        for model, rows, clients in itertools.product(asks, ROWS, CLIENTS):
            ask = partial(asks[model], client, rows)
            points.append(await measured(client, model, ask, rows=rows, clients=clients, seconds=SECONDS))
        describer = TritonDescriber(models.url, timeout_s=60)
        try:
            question = describing.Ask((LLAVA,), "Describe this for a blind person.", SCHEMA, 64)

            async def described() -> object:
                return await describer.describe(next(pictures), question)

            for clients in CLIENTS:
                points.append(await measured(client, LLAVA, described, rows=1, clients=clients, seconds=3 * SECONDS))
        finally:
            await describer.close()
    write(FILE, load=points)
    print("\n" + load_table(points))

    best = {model: max(p["batch"] for p in points if p["model"] == model) for model in ("text", "clip", LLAVA)}
    assert best["text"] > 8 and best["clip"] > 8 and best[LLAVA] > 1, "requests did not share batches"


async def test_a_picture_in_shared_memory_beside_one_in_the_message(
    taker: Triton, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(shared_images, "MIN_IMAGE_BYTES", 0)
    sides = {
        "message": TritonDescriber(taker.url, timeout_s=30),
        "shared": TritonDescriber(taker.url, timeout_s=30, shared_bytes=64 * 2**20),
    }
    found: list[Sharing] = []
    try:
        for size, rounds in SIZES.items():
            found.append(await _sharing(sides, os.urandom(size), rounds))
    finally:
        for describer in sides.values():
            await describer.close()
    write(FILE, sharing=found)
    print("\n" + sharing_table(found))

    assert found[-1]["shared_ms"] < 0.8 * found[-1]["message_ms"], (
        "the largest picture gained nothing: was it in shared memory at all?"
    )


async def _sharing(sides: dict[str, TritonDescriber], body: bytes, rounds: int) -> Sharing:
    question = describing.Ask((TAKER,), "p", {"type": "object"}, 1)
    wall: dict[str, list[float]] = {name: [] for name in sides}
    cpu: dict[str, list[float]] = {name: [] for name in sides}
    for number in range(-3, rounds):
        # A-B, B-A, A-B: no side always has the warmer machine.
        for name in sides if number % 2 == 0 else reversed(sides):
            began, worked = time.perf_counter(), time.process_time()
            answer = await sides[name].describe(body, question)
            if number >= 0:
                wall[name].append((time.perf_counter() - began) * 1000)
                cpu[name].append((time.process_time() - worked) * 1000)
            assert answer.text == str(len(body))
    return Sharing(
        image_bytes=len(body),
        rounds=rounds,
        message_ms=_at(50, wall["message"]),
        shared_ms=_at(50, wall["shared"]),
        message_quick_ms=_at(10, wall["message"]),
        shared_quick_ms=_at(10, wall["shared"]),
        message_cpu_ms=_at(50, cpu["message"]),
        shared_cpu_ms=_at(50, cpu["shared"]),
    )


def _at(percent: int, milliseconds: list[float]) -> float:
    return round(float(np.percentile(milliseconds, percent)), 2)
