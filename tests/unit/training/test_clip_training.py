"""Learning: the same from the same seed, stopped or not, from pictures that are drawn once."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import torch

from workers.clip.tokens import Tokens
from workers.training.clip.batches import NOTHING, batch_of, kept_patches, patch_labels
from workers.training.clip.cache import Pictures, draw_cache, read_cache
from workers.training.clip.model import CONTEXT, encode_ids, encode_pixels, new_model
from workers.training.clip.tokenizer import learn_tokenizer, save_tokenizer
from workers.training.clip.trainer import Plan, Trainer, read_plan
from workers.training.clip.vocabulary import class_of, true_tags, vocabulary_captions, world_vocabulary
from workers.training.world.catalogue import things
from workers.training.world.known import Known, Place
from workers.training.world.truth import Split, Truth

TINY = {
    "embed_dim": 16,
    "vision_cfg": {"image_size": 48, "patch_size": 16, "width": 32, "layers": 1, "head_width": 16},
    "text_cfg": {"context_length": CONTEXT, "vocab_size": 400, "width": 32, "heads": 2, "layers": 1},
}
LABELS = {name: number for number, name in enumerate(things(), 1)}
TRUTH = Truth("bakery", "counter", ("bread",), ("bakery", "counter", "bread"), "Bread.", "A bakery.", (), ())


@pytest.fixture(autouse=True)
def _one_thread() -> Iterator[None]:
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture(scope="module")
def work(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("clip")
    draw_cache(folder / "train", Split.TRAIN, 8)
    save_tokenizer(learn_tokenizer(vocabulary_captions(world_vocabulary()), 400), folder)
    return folder


@pytest.fixture
def pictures(work: Path) -> Pictures:
    return read_cache(work / "train", 8)


def trainer(work: Path, pictures: Pictures, seed: int = 1) -> Trainer:
    plan = Plan(steps=4, pictures=8, batch=3, seed=seed, warm_steps=1, sparse=0.5)
    tokens = Tokens(work / "tokenizer.json", CONTEXT)
    return Trainer(plan, pictures, tokens, world_vocabulary(), LABELS, TINY)


def test_a_resumed_training_ends_with_the_weights_of_an_uninterrupted_one(work: Path, pictures: Pictures) -> None:
    whole, stopped = trainer(work, pictures), trainer(work, pictures)
    losses = [whole.advance() for _ in range(4)]
    for _ in range(2):
        stopped.advance()
    stopped.save(work / "part.pt")
    resumed = trainer(work, pictures)
    resumed.load(work / "part.pt")
    assert read_plan(work / "part.pt") == resumed.plan
    assert [resumed.advance() for _ in range(2)] == losses[2:] and resumed.step == 4
    assert all(torch.equal(value, whole.ema[name]) for name, value in resumed.ema.items())
    other = trainer(work, pictures, seed=2)
    assert other.advance() != losses[0]


def test_a_cache_that_was_cut_short_is_completed_with_the_same_pictures(work: Path, tmp_path: Path) -> None:
    draw_cache(tmp_path, Split.TRAIN, 2)
    for name in ("pixels.bin", "truths.jsonl"):
        file = tmp_path / name
        file.write_bytes(file.read_bytes()[:-7])
    with pytest.raises(ValueError, match="1 pictures are drawn, and 2 wanted"):
        read_cache(tmp_path, 2)
    draw_cache(tmp_path, Split.TRAIN, 3)
    redrawn, before = read_cache(tmp_path, 3), read_cache(work / "train", 3)
    assert redrawn.known == before.known and np.array_equal(redrawn.pixels, before.pixels)


def test_a_batch_depends_on_seed_and_step_alone(pictures: Pictures) -> None:
    one, same, next_ = (batch_of(pictures, 3, 5, step, 48, 3, LABELS) for step in (7, 7, 8))
    assert torch.equal(one.pixels, same.pixels) and one.texts == same.texts
    assert not torch.equal(one.pixels, next_.pixels)


def test_a_patch_is_labelled_with_the_thing_that_covers_most_of_it() -> None:
    known = Known(TRUTH, (Place("bread", (0.0, 0.0, 0.5, 0.5)), Place("cat", (0.45, 0.5, 1.0, 0.7))))
    whole = patch_labels(known, (0, 0, 1, 1), 2, LABELS).tolist()
    assert whole == [LABELS["bread"], NOTHING, NOTHING, LABELS["cat"]]
    assert patch_labels(known, (0, 0, 0.5, 0.5), 2, LABELS).tolist() == [LABELS["bread"]] * 4


def test_patches_with_things_are_kept_before_others() -> None:
    things_of = torch.zeros(2, 16, dtype=torch.long)
    things_of[0, [3, 9]] = 5
    kept = kept_patches(things_of, 1, 1)
    assert kept.shape == (2, 8) and {3, 9} <= set(kept[0].tolist())


def test_without_padding_and_with_all_patches_the_towers_are_open_clips() -> None:
    model = new_model(1, TINY).eval()
    ids = torch.tensor([[1, 7, 399, 0], [1, 7, 8, 399]])
    pixels = torch.rand(2, 3, 48, 48)
    with torch.inference_mode():
        padded = torch.nn.functional.pad(ids, (0, CONTEXT - 4))
        assert torch.allclose(encode_ids(model.text, ids), model.encode_text(padded), atol=1e-5)
        assert torch.allclose(encode_pixels(model.visual, pixels, None)[0], model.visual(pixels)[0], atol=1e-5)


def test_the_words_of_a_truth_are_words_of_the_vocabulary(pictures: Pictures) -> None:
    vocabulary = world_vocabulary()
    words = {name for group in vocabulary.all_groups() for name in group.tags}
    assert {"bakery", "bread", "pastry", "counter"} == true_tags(TRUTH) <= words
    assert all(class_of(one.truth) in vocabulary.classes for one in pictures.known)
    assert class_of(TRUTH) == "counter"
