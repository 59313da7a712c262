"""The lessons of the projector: to name what the tower sees, then to answer from it."""

from pathlib import Path

import torch
from transformers import LlavaForConditionalGeneration

from tests.kit.vlm_lessons import TOWER_WIDTH, noise_features, tiny_tower, truths
from workers.training.vlm.answering import Answerer, answering_run, learn_to_answer
from workers.training.vlm.command import new_model
from workers.training.vlm.features import Features
from workers.training.vlm.naming import fit_to, give_scaled, learn_to_name, naming_run, patches_right
from workers.training.vlm.reading import grids_of, new_reader, thing_names
from workers.training.vlm.script import Script
from workers.training.vlm.shape import PATCHES
from workers.training.vlm.steps import Run
from workers.training.vlm.tokenizer import build_processor, build_tokenizer

TOKENIZER = build_tokenizer(truths(45))
SCRIPT = Script(build_processor(TOKENIZER, tiny_tower()))
READER = new_reader(1, TOKENIZER)
SEEN = noise_features(150)
CPU = torch.device("cpu")


def fresh() -> LlavaForConditionalGeneration:
    made: LlavaForConditionalGeneration = new_model(2, tiny_tower(), READER.decoder, TOKENIZER)
    return made


def telling(count: int) -> Features:
    """Features that say which thing is where, each in a code of its own."""
    shown = noise_features(count)
    codes = torch.randn(len(thing_names()), TOWER_WIDTH, generator=torch.Generator().manual_seed(1))
    grids = torch.from_numpy(grids_of(shown.known))
    return Features([codes[grids].half().numpy()], shown.known)


def test_a_model_is_made_of_its_parts() -> None:
    model = fresh()
    for name, value in tiny_tower().weights.items():
        assert torch.equal(model.model.vision_tower.state_dict()[name], value)
    assert torch.equal(model.lm_head.weight, READER.decoder.embed_tokens.weight)


def test_a_fitted_projector_begins_as_on_numbers_of_mean_0_and_deviation_1() -> None:
    projector = fresh().model.multi_modal_projector
    fit_to(projector, SEEN.of(range(50)))
    first = projector.linear_1(SEEN.of(range(50, 100)))
    assert first.mean(dim=(0, 1)).abs().max() < 0.1
    assert first.std(dim=(0, 1)).min() > 0.9 and first.std(dim=(0, 1)).max() < 1.1


def test_a_scaled_projector_gives_as_many_times_what_it_gave() -> None:
    projector, seen = fresh().model.multi_modal_projector, SEEN.of([0])
    before = projector(seen)
    give_scaled(projector, 0.25)
    torch.testing.assert_close(projector(seen), before / 4)


def test_a_projector_learns_to_name_what_a_tower_tells_apart(tmp_path: Path) -> None:
    projector, seen = fresh().model.multi_modal_projector, telling(150)
    fit_to(projector, seen.of(range(100)))
    before, count = patches_right(projector, READER.sights, seen, CPU)
    learn_to_name(projector, READER.sights, seen, naming_run(tmp_path, 60, CPU), 5)
    after, _ = patches_right(projector, READER.sights, seen, CPU)
    assert before < 0.1 and after > 0.5
    assert 0 < count < 150 * PATCHES


def named(run: Run, stop_after: int | None) -> dict[str, torch.Tensor]:
    projector = fresh().model.multi_modal_projector
    learn_to_name(projector, READER.sights, SEEN, run, 5, stop_after)
    return dict(projector.state_dict())


def answered(run: Run, stop_after: int | None) -> dict[str, torch.Tensor]:
    parts = fresh().model
    answerer = Answerer(parts.multi_modal_projector, parts.language_model, new_reader(1, TOKENIZER).judge, 0.1)
    learn_to_answer(answerer, SCRIPT, SEEN, run, 5, stop_after)
    return dict(parts.state_dict())


def test_lessons_that_were_interrupted_teach_the_same(tmp_path: Path) -> None:
    for lesson, made_by in ((named, naming_run), (answered, answering_run)):
        whole, parts = (made_by(tmp_path / name, 2, CPU) for name in ("whole", "parts"))
        lesson(parts, 1)
        first, second = lesson(whole, None), lesson(parts, None)
        assert all(torch.equal(first[name], second[name]) for name in first)


def test_answering_changes_projector_and_decoder_but_not_the_tower(tmp_path: Path) -> None:
    before, after = fresh().model.state_dict(), answered(answering_run(tmp_path, 2, CPU), None)
    changed = {name.partition(".")[0] for name, value in after.items() if not torch.equal(value, before[name])}
    assert changed == {"multi_modal_projector", "language_model"}
