"""What the engine keeps changes no answer: each is compared with transformers' own, read from the first token on."""

import json
import random
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from tests.kit.image_files import picture
from tests.kit.plain_vlm import plain_answers
from tests.kit.tiny_vlm import build_tiny_llava, build_tiny_mllama
from workers.vlm.engine import GenerateRequest, GenerateResult, VlmEngine
from workers.vlm.picture import rgb_image

BUILDERS = {"llava": build_tiny_llava, "mllama": build_tiny_mllama}
TEXT = {"text": {"type": "string", "maxLength": 20}}
SCHEMA = json.dumps({"type": "object", "properties": TEXT, "required": ["text"]})
LINES = "Look at the picture.\nAnswer with one JSON object.\nSay only what can be seen.\n"
PROMPTS = (
    LINES + "What is it?",
    LINES + "What is the name of the shop that is shown, and what does it sell?",
    LINES + "What is it?\nAn earlier answer could not be used. Answer again.",
    "Another question altogether.",
    "?",
)
SIZES = ((64, 48), (30, 90), (90, 30))


@pytest.fixture(scope="module", autouse=True)
def _one_thread() -> Iterator[None]:
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture(scope="module", params=sorted(BUILDERS))
def folder(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return BUILDERS[request.param](tmp_path_factory.mktemp("weights") / request.param)


@pytest.fixture
def engine(folder: Path) -> VlmEngine:
    return VlmEngine.load(folder, device="cpu", max_batch=4)


def asked(prompt: str, number: int = 0, max_tokens: int = 24) -> GenerateRequest:
    """A question about picture ``number``."""
    size = SIZES[number % len(SIZES)]
    image = bytes((value + 40 * number) % 256 for value in picture(size=size).tobytes())
    return GenerateRequest(image, *size, prompt, SCHEMA, max_tokens)


def counts(engine: VlmEngine, cache: str) -> tuple[int, int]:
    return engine.caches[cache].hits, engine.caches[cache].misses


def test_several_questions_about_one_picture_encode_it_once_and_read_it_once(engine: VlmEngine) -> None:
    for number, prompt in enumerate(PROMPTS):
        assert engine.generate([asked(prompt)]) == plain_answers(engine, [asked(prompt)])
        assert counts(engine, "picture") == counts(engine, "prefix") == (number, 1)


def test_equal_pictures_of_a_batch_are_encoded_once(engine: VlmEngine, monkeypatch: pytest.MonkeyPatch) -> None:
    seen = []
    see = engine._reader._family.see
    monkeypatch.setattr(engine._reader._family, "see", lambda images: seen.append(len(images)) or see(images))
    batch = [asked(PROMPTS[0]), asked(PROMPTS[1], 3), asked(PROMPTS[3]), asked(PROMPTS[2], 3)]
    assert engine.generate(batch) == plain_answers(engine, batch)
    assert seen == [2] and counts(engine, "picture") == counts(engine, "prefix") == (2, 2)


def test_the_same_bytes_in_another_shape_are_another_picture(engine: VlmEngine) -> None:
    wide = asked(PROMPTS[0])
    batch = [wide, replace(wide, width=wide.height, height=wide.width)]
    assert engine.generate(batch) == plain_answers(engine, batch)
    assert counts(engine, "picture") == counts(engine, "prefix") == (0, 2)


def test_a_question_is_read_from_where_it_parts_from_an_earlier_one(engine: VlmEngine) -> None:
    read: list[int] = []
    forward = engine._model.forward

    def counted(*args: object, **kwargs: object) -> object:
        read.append(int(kwargs["input_ids"].shape[1]))  # type: ignore[attr-defined]
        return forward(*args, **kwargs)

    engine._model.forward = counted
    lengths = [len(engine._conversation.token_ids(prompt)) for prompt in PROMPTS]
    engine.generate([asked(PROMPTS[0], max_tokens=2)])
    first = list(read)
    engine.generate([asked(PROMPTS[2], max_tokens=2)])
    repaired = read[len(first) :]
    assert first[0] >= lengths[0] - 1 and first[1:] == [1, 1]
    assert repaired[0] <= lengths[2] - lengths[0] + len(" ASSISTANT:") + 8 and repaired[1:] == [1]


def test_answers_do_not_depend_on_what_is_kept_or_asked_beside_them(folder: Path) -> None:
    chance = random.Random(1)
    items = [asked(prompt, number) for prompt in PROMPTS for number in range(5)]
    engine = VlmEngine.load(folder, device="cpu", max_batch=4)
    [alone] = engine.generate([items[0]])
    assert isinstance(alone, GenerateResult)
    plain = {item: answer for item in items for answer in plain_answers(engine, [item])}
    # LengthBounds for about two pictures, so that in the rounds everything is forgotten and made again.
    engine = VlmEngine.load(folder, device="cpu", max_batch=4, cache_bytes=2 * held(engine))
    for _ in range(3):
        order = chance.sample(items, len(items))
        while order:
            batch = [order.pop() for _ in range(min(len(order), chance.randint(1, 6)))]
            assert engine.generate(batch) == [plain[item] for item in batch]
    assert len(set(plain.values())) > 5
    hits, misses = counts(engine, "prefix")
    assert hits > 10 and misses > 10


def test_with_no_room_nothing_is_kept_and_the_answers_are_the_same(folder: Path) -> None:
    engine = VlmEngine.load(folder, device="cpu", max_batch=4, cache_bytes=0)
    for _ in range(2):
        batch = [asked(PROMPTS[0]), asked(PROMPTS[1]), asked(PROMPTS[0], 1)]
        assert engine.generate(batch) == plain_answers(engine, batch)
    assert held(engine) == 0 and counts(engine, "prefix") == (2, 4)


def test_the_memory_that_is_held_is_what_its_tensors_take_and_stays_in_its_bounds(folder: Path) -> None:
    limit = 400_000
    engine = VlmEngine.load(folder, device="cpu", max_batch=4, cache_bytes=limit)
    full = 0
    for number in range(40):
        engine.generate([asked(PROMPTS[0], each, 2) for each in (number, number + 40)])
        for cache in engine.caches.values():
            kept = list(cache._kept.values())
            assert cache.held_bytes == sum(value.size_bytes for value in kept)
        for prefix in engine.caches["prefix"]._kept.values():
            storages = [tensor.untyped_storage().nbytes() for pair in prefix.layers for tensor in pair]
            assert sum(storages) == prefix.size_bytes, "a view that keeps more than itself alive"
        for features in engine.caches["picture"]._kept.values():
            assert features.states.untyped_storage().nbytes() == features.size_bytes
        assert held(engine) <= limit
        full = max(full, held(engine))
    assert full > limit / 2
    engine.forget()
    assert held(engine) == 0


def test_a_full_device_is_given_back_what_was_kept_and_asked_once_more(engine: VlmEngine) -> None:
    wanted = plain_answers(engine, [asked(PROMPTS[0], 1)])
    engine.generate([asked(PROMPTS[0])])
    generate, tries = engine._model.generate, []

    def fails_while_anything_is_kept(**kwargs: object) -> object:
        tries.append(held(engine))
        if len(tries) == 1:
            raise torch.OutOfMemoryError("full")
        return generate(**kwargs)

    engine._model.generate = fails_while_anything_is_kept
    assert engine.generate([asked(PROMPTS[0], 1)]) == wanted
    assert len(tries) == 2 and tries[1] < tries[0]


def test_a_device_that_stays_full_is_a_memory_error(engine: VlmEngine) -> None:
    def always_full(**_: object) -> object:
        raise torch.OutOfMemoryError("full")

    engine._model.generate = always_full
    with pytest.raises(MemoryError):
        engine.generate([asked(PROMPTS[0])])


def test_warming_up_leaves_nothing_behind(engine: VlmEngine) -> None:
    engine.warm_up()
    assert held(engine) == 0


def held(engine: VlmEngine) -> int:
    return sum(cache.held_bytes for cache in engine.caches.values())


def test_what_a_token_may_look_at_is_what_the_processor_of_the_model_says(tmp_path: Path) -> None:
    engine = VlmEngine.load(BUILDERS["mllama"](tmp_path / "mllama"), device="cpu")
    processor, family = engine._processor, engine._reader._family
    image = rgb_image(asked("?").image, *SIZES[0])
    read = processor(images=[image], text=f"Before {processor.image_token} and after it", return_tensors="pt")
    mine = family.later(read["input_ids"], family.see([image]))["cross_attention_mask"]
    assert torch.equal(mine[0, :, 0], read["cross_attention_mask"][0, :, 0])
    assert not mine[0, 0].any() and mine[0, -1].any()
