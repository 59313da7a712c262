"""The model that comes with JustLens on a real tritonserver, in the directory that is made for LLaVA 1.5."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from orchestrator.domain.catalogue.model import Category
from orchestrator.domain.prompts.parsing import Answer, read_answer
from orchestrator.domain.prompts.profiles import VISION_JSON_CAT
from orchestrator.domain.prompts.request import Ask
from tests.conftest import require
from tests.integration.triton.conftest import LLAVA, OpenDescriber
from tests.kit.image_files import encoded
from tests.kit.triton import MODELS, Triton
from workers.training.world.scene import scene
from workers.training.world.truth import Split
from workers.vlm.builtin import builtin_folder
from workers.vlm.engine import VlmEngine
from workers.vlm.requests import GenerateRequest, GenerateResult


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Triton]:
    """One with that model alone."""
    require(Triton.missing())
    repository, weights = tmp_path / "models", tmp_path / "weights"
    for folder, target in ((repository, MODELS / LLAVA), (weights, builtin_folder())):
        folder.mkdir()
        (folder / LLAVA).symlink_to(target)
    server = Triton(tmp_path / "triton", repository, {"JUSTLENS_WEIGHTS": str(weights)})
    try:
        server.start()
        yield server
    finally:
        server.close()


async def test_the_server_answers_as_the_engine_does(server: Triton, describer_of: OpenDescriber) -> None:
    picture = scene(Split.HELD_OUT, 3, size=320).picture
    wanted = VISION_JSON_CAT.ask(Category("1", "bakery"))
    ask = Ask((LLAVA,), wanted.prompt, wanted.schema, wanted.max_tokens)

    answer = await describer_of(server.url, timeout_s=60).describe(encoded(picture, "PNG"), ask)

    assert isinstance(read_answer(answer, VISION_JSON_CAT), Answer), answer.text
    engine = VlmEngine.load(builtin_folder(), device="cpu")
    schema = json.dumps(wanted.schema)
    (own,) = engine.generate([GenerateRequest(picture.tobytes(), *picture.size, ask.prompt, schema, ask.max_tokens)])
    assert isinstance(own, GenerateResult)
    assert (answer.text, answer.weights) == (own.text, engine.weights)
