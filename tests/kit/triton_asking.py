"""Questions for a scripted model on tritonserver, and waiting for what becomes of them."""

import asyncio

import pytest

from orchestrator.clients.triton.vlm import TritonDescriber
from orchestrator.domain.errors import JobError
from orchestrator.domain.prompts.request import Ask
from tests.integration.triton.conftest import LLAVA
from tests.kit.process import wait_until
from tests.kit.triton import Triton

SCHEMA = {"type": "object"}
SLACK_S = 5.0
"""What a busy machine may add to a wait."""


def ask(prompt: str, *models: str, max_tokens: int = 64) -> Ask:
    return Ask(models or (LLAVA,), prompt, SCHEMA, max_tokens)


async def code_of(describer: TritonDescriber, body: bytes, question: Ask) -> str:
    with pytest.raises(JobError) as caught:
        await describer.describe(body, question)
    return f"{type(caught.value).__name__} {caught.value.reason.code}"


async def begun(server: Triton, prompt: str) -> None:
    """Wait until a model has been asked ``prompt``."""
    await asyncio.to_thread(wait_until, lambda: f"asked {prompt}\n" in server.log(), 20, f"'{prompt}' to begin")
