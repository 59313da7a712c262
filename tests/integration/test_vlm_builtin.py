"""The vision-language model that comes with JustLens answers every question of every profile about its demo world."""

import json
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch
from jsonschema import Draft202012Validator

from orchestrator.domain.catalogue.model import Category
from orchestrator.domain.prompts.parsing import Answer, read_answer
from orchestrator.domain.prompts.profiles import PROFILES, PromptProfile
from orchestrator.domain.prompts.request import ModelAnswer
from workers import builtin as builtin_weights
from workers.training.world.scene import scene
from workers.training.world.truth import Split
from workers.vlm import builtin
from workers.vlm.builtin import NAME, builtin_folder
from workers.vlm.model import MODELS, ModelOptions, VlmModel
from workers.vlm.requests import GenerateRequest, GenerateResult

EVERY_FORM = [*PROFILES, *(profile.without_category for profile in PROFILES if profile.without_category)]
MAX_BYTES = 6_400_000


@pytest.fixture(scope="module")
def model() -> Iterator[VlmModel]:
    before = torch.get_num_threads()
    yield MODELS["builtin"](ModelOptions(device="cpu", threads=1, max_batch=4))
    torch.set_num_threads(before)


def asked(profile: PromptProfile, category: str, index: int) -> GenerateRequest:
    picture = scene(Split.HELD_OUT, index, size=320).picture
    ask = profile.ask(Category("1", category) if profile.needs_category else None)
    return GenerateRequest(picture.tobytes(), *picture.size, ask.prompt, json.dumps(ask.schema), ask.max_tokens)


def test_it_names_itself_and_its_weights(model: VlmModel) -> None:
    assert model.name == NAME
    assert len(model.weights) == 16 and int(model.weights, 16) >= 0


def test_every_profile_is_answered_in_its_form(model: VlmModel) -> None:
    results = model.generate([asked(profile, "bakery", index) for index, profile in enumerate(EVERY_FORM)])
    for profile, result in zip(EVERY_FORM, results, strict=True):
        assert isinstance(result, GenerateResult) and result.finish_reason == "stop", (profile.name, result)
        schema = profile.ask(Category("1", "bakery") if profile.needs_category else None).schema
        Draft202012Validator(schema).validate(json.loads(result.text))
        read = read_answer(ModelAnswer(result.text, result.finish_reason, model.name, model.weights), profile)
        assert isinstance(read, Answer), (profile.name, read, result.text)


def test_what_it_says_depends_on_what_it_sees(model: VlmModel) -> None:
    profile = next(profile for profile in PROFILES if profile.name == "vision_json")
    answers = model.generate([asked(profile, "", index) for index in range(8)])
    tags = {tuple(json.loads(answer.text)["tags"]) for answer in answers if isinstance(answer, GenerateResult)}
    assert len(tags) > 4


def test_its_files_are_small_enough_to_come_along() -> None:
    assert sum(path.stat().st_size for path in builtin_folder().iterdir()) <= MAX_BYTES


@pytest.mark.parametrize("name", ["model.safetensors", "tokenizer.json", "chat_template.jinja"])
def test_a_file_that_is_not_the_released_one_is_refused(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    copy = tmp_path / "vlm"
    shutil.copytree(builtin_folder(), copy)
    monkeypatch.setattr(builtin_weights, "FOLDER", tmp_path)
    monkeypatch.setattr(builtin, "_FOLDER", copy)
    assert builtin_folder() == copy
    changed = bytearray((copy / name).read_bytes())
    changed[-1] ^= 1
    (copy / name).write_bytes(changed)
    with pytest.raises(ValueError, match=name):
        builtin_folder()


def test_a_file_that_nobody_released_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    copy = tmp_path / "vlm"
    shutil.copytree(builtin_folder(), copy)
    monkeypatch.setattr(builtin, "_FOLDER", copy)
    (copy / "another.safetensors").write_bytes(b"")
    with pytest.raises(ValueError, match=r"another\.safetensors"):
        builtin_folder()
