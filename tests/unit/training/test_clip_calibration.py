"""Thresholds that are chosen for a vocabulary."""

from dataclasses import dataclass

import numpy as np
import pytest

from workers.clip.preprocessing import Framing
from workers.clip.vocabulary import Vocabulary, read_vocabulary
from workers.server.text_embedding import Embeddings, unit_rows
from workers.training.clip.calibration import calibrated
from workers.training.clip.quality import Seen
from workers.training.clip.vocabulary import true_tags, world_vocabulary, write_vocabulary
from workers.training.world.scene import scene
from workers.training.world.truth import Split

WORDS = (
    *("a bakery", "a bar", "a blurred photo", "a sharp photo", "the inside of a room", "goods on a counter"),
    *("a photo with a watermark over it", "a photo without a watermark", "other"),
)
NO_PHOTOGRAPHS = np.zeros((0, len(WORDS)), np.float32)


@dataclass
class Words:
    """Text towers in which each of WORDS is a direction of its own, and everything else one more."""

    name: str = "words"
    weights: str = "none"
    space: str = "clip/words"
    dimension: int = len(WORDS)
    scale: float = 10.0

    @property
    def framing(self) -> Framing:
        return Framing(1, "squash")

    def encode_images(self, pictures: object) -> Embeddings:
        raise AssertionError("no picture is to be looked at again")

    def encode_texts(self, texts: list[str]) -> Embeddings:
        return np.eye(len(WORDS), dtype=np.float32)[[WORDS.index(text) if text in WORDS else -1 for text in texts]]


@pytest.fixture(scope="module")
def seen() -> Seen:
    """Pictures whose vectors say bakery and blur where it is so, and faintly bar in every one."""
    truths = tuple(scene(Split.VALIDATION, index, size=96).truth for index in range(150))
    kinds = ([5 * ("bakery" in true_tags(one)), 0.5] for one in truths)
    flags = ([5 * ("blur" in one.defects), 1, 1, 1, 4 * ("watermark" in one.defects), 1, 2] for one in truths)
    rows = [[*kind, *flag] for kind, flag in zip(kinds, flags, strict=True)]
    return Seen(unit_rows(np.array(rows, np.float32)), truths, ({},) * len(truths))


def test_thresholds_divide_what_is_true_from_what_is_not(seen: Seen, tmp_path) -> None:
    found = calibrated(Words(), world_vocabulary(), seen, NO_PHOTOGRAPHS)
    assert found.points["flag blur"].precision == found.points["flag blur"].recall == 1.0
    assert found.vocabulary.flags["blur"].threshold == pytest.approx(found.points["flag blur"].threshold, abs=1e-4)
    assert found.vocabulary.flags["noise"].threshold == 1.0
    write_vocabulary(found.vocabulary, tmp_path / "vocabulary.yaml", ["Chosen for a test."])
    read: Vocabulary = read_vocabulary(tmp_path / "vocabulary.yaml")
    assert read == found.vocabulary
    assert (tmp_path / "vocabulary.yaml").read_text().startswith("# Chosen for a test.\n")


def test_a_flag_that_no_pixel_measures_stays_down_on_photographs(seen: Seen) -> None:
    marked = unit_rows(np.array([[0, 0, 5, 1, 1, 1, 8, 1, 2]] * 20, np.float32))
    before, after = (calibrated(Words(), world_vocabulary(), seen, rows) for rows in (NO_PHOTOGRAPHS, marked))
    thresholds = {
        name: (flag.threshold, after.vocabulary.flags[name].threshold) for name, flag in before.vocabulary.flags.items()
    }
    assert thresholds["watermark"][0] < thresholds["watermark"][1]
    assert after.points["flag watermark"].recall < before.points["flag watermark"].recall == 1.0
    assert thresholds["blur"][0] == thresholds["blur"][1]
