"""An engine that does what its prompt says, for a real tritonserver: all around it is the product's own."""

import json
import os
import sys
import time
from collections.abc import Sequence
from pathlib import Path

from tests.kit.decoder_jobs import hold_the_lock
from tests.kit.triton import MODELS
from workers.vlm.requests import GenerateRequest, GenerateResult

QUEUE_SIZE = 6
_MODEL = """
from tests.kit.scripted_vlm import ScriptedEngine
from workers.vlm.triton_backend import TritonVlm


class TritonPythonModel(TritonVlm):
    def load_model(self, options):
        return ScriptedEngine(options.weights.name)
"""


class ScriptedEngine:
    """Prompts: ``sleep SECONDS``, ``raise``, ``memory``, ``die``; ``sick SECONDS`` fails, and everything after it for
    so long; ``hold`` computes for ever without letting go of Python's lock; every other one is answered at once.

    The answer says what came in: the prompt, the size of the picture, and how many were asked together.
    """

    def __init__(self, name: str) -> None:
        self.name = name
        self.weights = "scripted"
        self._sick_until = 0.0

    def generate(self, batch: Sequence[GenerateRequest]) -> list[GenerateResult | Exception]:
        for item in batch:
            print("asked", item.prompt, file=sys.stderr, flush=True)
        verbs = {item.prompt.split()[0] for item in batch}
        if "hold" in verbs:
            hold_the_lock(b"")
        if "die" in verbs:
            os._exit(9)
        if "sick" in verbs:
            self._sick_until = time.monotonic() + float(batch[0].prompt.split()[1])
        if "raise" in verbs or time.monotonic() < self._sick_until:
            raise RuntimeError("the prompt says so")
        if "memory" in verbs:
            raise MemoryError
        time.sleep(max(float(item.prompt.split()[1]) if item.prompt.startswith("sleep ") else 0 for item in batch))
        return [
            GenerateResult(json.dumps([item.prompt, item.width, item.height, len(batch), item.max_tokens]), "stop")
            for item in batch
        ]


def scripted_repository(folder: Path) -> Path:
    """The product's models with their own configuration, but a shorter queue, over scripted engines."""
    for model in MODELS.iterdir():
        (folder / model.name / "1").mkdir(parents=True)
        config = (model / "config.pbtxt").read_text()
        assert "max_queue_size: 64" in config
        shorter = config.replace("max_queue_size: 64", f"max_queue_size: {QUEUE_SIZE}")
        (folder / model.name / "config.pbtxt").write_text(shorter)
        (folder / model.name / "1/model.py").write_text(_MODEL)
    return folder
