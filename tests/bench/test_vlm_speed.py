"""How long the first token of a second question about a picture takes, beside the same question asked first."""

import json
import random
from collections.abc import Iterator
from statistics import median

import pytest
import torch

from orchestrator.domain.catalogue.model import Category
from orchestrator.domain.prompts.profiles import CAT, PROFILES, VISION_JSON_CAT, repair
from orchestrator.domain.prompts.request import Ask
from tests.bench.llava_shape import build_llava_shape
from tests.bench.rounds import Faster, Figure, Times, interleaved, note
from tests.kit.plain_vlm import plain_answers
from workers.vlm.engine import GenerateRequest, VlmEngine

pytestmark = [pytest.mark.bench, pytest.mark.timeout(900)]

ROUNDS = 5
SIDE = 336
BAKERIES, FLORISTS = Category("1", "Bakeries", is_hot=True), Category("2", "Flower shops", is_hot=True)
FIRST = VISION_JSON_CAT.ask(BAKERIES)
SECONDS = {
    "category": ("the same profile for another category", VISION_JSON_CAT.ask(FLORISTS)),
    "profile": ("another profile", CAT.ask(BAKERIES)),
    "repair": ("the question repaired", repair(FIRST, "tags: fewer than 2 different ones")),
}


@pytest.fixture(scope="module")
def engine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[VlmEngine]:
    threads = torch.get_num_threads()
    torch.set_num_threads(1)  # several would wait for each other wherever the machine has other work
    prompts = [profile.ask(BAKERIES if profile.needs_category else None).prompt for profile in PROFILES]
    folder = build_llava_shape(tmp_path_factory.mktemp("weights") / "llava-shape", prompts)
    engine = VlmEngine.load(folder, device="cpu")
    for ask in (FIRST, *(ask for _, ask in SECONDS.values())):
        engine.generate([_asked(ask, 1000)])  # grammars compiled
    yield engine
    torch.set_num_threads(threads)


@pytest.mark.parametrize("kind", SECONDS)
def test_a_second_question_about_a_picture_beside_the_same_one_asked_first(engine: VlmEngine, kind: str) -> None:
    said, ask = SECONDS[kind]
    engine.forget()
    new = iter([_asked(ask, number) for number in range(ROUNDS)])
    known = iter([_asked(ask, 100 + number) for number in range(ROUNDS)])
    for number in range(ROUNDS):
        engine.generate([_asked(FIRST, 100 + number)])
    sides = {"first": lambda: engine.generate([next(new)]), "second": lambda: engine.generate([next(known)])}
    times = interleaved(sides, ROUNDS)
    what = f"first token of a second question about a picture ({said}), times as fast as of a first"
    peer = f"{_ms(times['first'])} as the first; {_shape(engine, ask)}"
    note(Figure(f"VLM-second-{kind}", what, 5.0), Faster(times["second"], times["first"]), peer)


def test_a_first_question_beside_transformers_alone(engine: VlmEngine) -> None:
    engine.forget()
    ours, theirs = (iter([_asked(FIRST, number) for number in range(ROUNDS)]) for _ in range(2))
    sides = {"ours": lambda: engine.generate([next(ours)]), "theirs": lambda: plain_answers(engine, [next(theirs)])}
    times = interleaved(sides, ROUNDS)
    what = "first token of a first question about a picture, times as fast as by transformers alone"
    peer = f"{_ms(times['theirs'])} by transformers; {_shape(engine, FIRST)}"
    note(Figure("VLM-first", what, 0.9), Faster(times["ours"], times["theirs"]), peer)


def _asked(ask: Ask, number: int) -> GenerateRequest:
    """For one token, about a picture of its own for every ``number``."""
    image = random.Random(number).randbytes(3 * SIDE * SIDE)
    return GenerateRequest(image, SIDE, SIDE, ask.prompt, json.dumps(ask.schema), max_tokens=1)


def _ms(times: Times) -> str:
    return f"{median(times.cpu_s) * 1000:.0f} ms"


def _shape(engine: VlmEngine, ask: Ask) -> str:
    tokens = len(engine._conversation.token_ids(ask.prompt)) - 1
    size = sum(parameter.numel() for parameter in engine._model.parameters()) / 1e6
    return f"LLaVA of {size:.0f} M random weights, float32, one thread, 576 + {tokens} tokens"
