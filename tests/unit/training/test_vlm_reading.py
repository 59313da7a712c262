"""The lesson in which the decoder reads what a picture shows, and the things that it reads."""

from pathlib import Path
from statistics import fmean

import torch

from tests.kit.vlm_lessons import known, tiny_tower, truths
from workers.training.vlm.reading import (
    BATCH,
    KEPT,
    Reader,
    grids_of,
    kept,
    kinds_of,
    learn_to_read,
    lesson,
    name_vectors,
    new_reader,
    reading_run,
    thing_names,
)
from workers.training.vlm.script import Script
from workers.training.vlm.shape import GRID, PATCHES
from workers.training.vlm.steps import Run
from workers.training.vlm.tokenizer import build_processor, build_tokenizer

SHOWN = known(150)
TOKENIZER = build_tokenizer(truths(45))
SCRIPT = Script(build_processor(TOKENIZER, tiny_tower()))
GRIDS, KINDS = torch.from_numpy(grids_of(SHOWN)), kinds_of(SHOWN)


def drawn(seed: int) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def test_a_grid_tells_the_thing_on_each_patch() -> None:
    first = SHOWN[0].truth.objects
    row = [thing_names()[number] for number in GRIDS[0, :GRID]]
    assert set(row[: GRID // 2]) == set(first) and set(row[GRID // 2 :]) == {""}


def test_kept_patches_stay_in_order_and_those_with_things_come_first() -> None:
    grids = torch.zeros(2, PATCHES, dtype=torch.long)
    grids[0, 10:130:20] = torch.arange(1, 7)
    shown = kept(grids, drawn(1))
    assert shown.shape == (2, KEPT)
    assert shown[0][shown[0] > 0].tolist() == [1, 2, 3, 4, 5, 6]
    many = kept(torch.arange(1, PATCHES + 1).repeat(1, 1), drawn(1))[0]
    assert torch.equal(many, many.sort().values) and len(set(many.tolist())) == KEPT


def test_what_is_unclear_is_unclear_all_over_a_picture() -> None:
    sights = new_reader(0, TOKENIZER).sights
    grids, kinds = GRIDS[:1].repeat(200, 1), KINDS[:1].repeat(200, 1)
    missed = sights.unclear(grids, kinds, drawn(3)) - sights(grids, kinds)
    mine = grids[0] == grids[0, 0]
    shifts = missed[:, mine].mean(dim=1).norm(dim=1)  # noise goes out on average, another thing stays
    clear = [bool(shift < 0.2 * sights.things[grids[0, 0]].norm()) for shift in shifts]
    assert 0.45 < sum(clear) / len(clear) < 0.75


def test_sights_tell_views_and_defects_apart() -> None:
    sights = new_reader(0, TOKENIZER).sights
    kinds = torch.eye(KINDS.shape[1])
    seen = sights(torch.zeros(len(kinds), PATCHES, dtype=torch.long), kinds)[:, 0]
    assert torch.cdist(seen, seen).add(torch.eye(len(kinds))).min() > 0.1 * seen.norm(dim=1).mean()


def test_a_vector_is_near_to_the_words_of_its_thing_and_to_no_others() -> None:
    table = torch.randn(len(TOKENIZER), 1024, generator=drawn(1)) * 0.02
    vectors = name_vectors(TOKENIZER, table)
    assert len(vectors) == len(thing_names()) and vectors[0].norm() == 0
    torch.testing.assert_close(vectors[1:].norm(dim=1), table.norm(dim=1).mean().expand(len(vectors) - 1))
    for name in ("bread", "razor", "paint brush"):
        likeness = torch.nn.functional.cosine_similarity(vectors[thing_names().index(name)], table)
        own = TOKENIZER(f" {name}", add_special_tokens=False).input_ids
        assert min(likeness[own]) > 0.15 > 1.5 * likeness.quantile(0.95)


def test_steps_that_are_drawn_together_ask_about_different_pictures_and_sort_by_length() -> None:
    steps = [lesson(SHOWN, "7", step, BATCH) for step in range(4)]
    chosen = [index for indexes, _ in steps for index in indexes]
    assert len(set(chosen)) == len(chosen) == 4 * BATCH
    assert steps[2] == lesson(SHOWN, "7", 2, BATCH) and steps[2] != lesson(SHOWN, "8", 2, BATCH)
    lengths = sorted(fmean(len(one.answer) for one in asked) for _, asked in steps)
    assert lengths[0] < 0.5 * lengths[-1]


def learnt(run: Run, stop_after: int | None) -> Reader:
    reader = new_reader(3, TOKENIZER)
    learn_to_read(reader, SCRIPT, SHOWN, run, 8, stop_after)
    return reader


def test_a_lesson_that_was_interrupted_teaches_the_same(tmp_path: Path) -> None:
    whole, parts = (reading_run(tmp_path / name, 2, torch.device("cpu")) for name in ("whole", "parts"))
    learnt(parts, 1)
    first, second = learnt(whole, None).state_dict(), learnt(parts, None).state_dict()
    # Sums in another order, as other threads make them, differ in the last digits; another step would in all.
    for name in first:
        torch.testing.assert_close(first[name], second[name], rtol=1e-3, atol=1e-5)
    assert any(not torch.equal(first[name], before) for name, before in new_reader(3, TOKENIZER).state_dict().items())
