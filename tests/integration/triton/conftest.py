"""A tritonserver whose models do what they are told to."""

from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Protocol

import pytest

from orchestrator.clients.triton.vlm import TritonDescriber
from tests.conftest import require
from tests.kit.image_files import encoded, picture
from tests.kit.scripted_vlm import scripted_repository
from tests.kit.triton import Triton

LLAVA = "llava-1.5-7b-hf"
LLAMA = "Llama-3.2-11B-Vision-Instruct"


class OpenDescriber(Protocol):
    def __call__(self, url: str, **options: float) -> TritonDescriber: ...


@pytest.fixture(scope="session")
def scripted_triton(server_folder: Path) -> Iterator[Triton]:
    """One server for the run; what a test did to it is mended by ``scripted``."""
    require(Triton.missing())
    server = Triton(server_folder / "triton-scripted", scripted_repository(server_folder / "scripted-models"))
    try:
        server.start()
        yield server
    finally:
        server.close()


@pytest.fixture
def scripted(scripted_triton: Triton) -> Triton:
    """The scripted server, up."""
    scripted_triton.ensure_running()
    return scripted_triton


@pytest.fixture
async def describer_of() -> AsyncIterator[OpenDescriber]:
    """Makes describers that are closed after the test."""
    async with AsyncExitStack() as stack:

        def make(url: str, **options: float) -> TritonDescriber:
            describer = TritonDescriber(url, **{"timeout_s": 20.0, **options})  # type: ignore[arg-type]
            stack.push_async_callback(describer.close)
            return describer

        yield make


@pytest.fixture(scope="session")
def jpeg() -> bytes:
    """A small picture as a file, 64 x 48."""
    return encoded(picture(), "JPEG")
