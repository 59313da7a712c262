"""How the template model is measured, and that its words keep up with the demo world."""

from typing import Any

import pytest

from tests.kit.sighted_clip import Shown, SightedClip
from workers.clip.model import ClipResult
from workers.clip.preprocessing import PreprocessedImage
from workers.clip.vocabulary import BUILT_IN
from workers.training.vlm.template_quality import best_threshold, calibrated, rows
from workers.training.world.catalogue import businesses, things
from workers.training.world.scene import scene
from workers.training.world.truth import Split, Truth
from workers.vlm.template.words import read_wording
from workers.vlm.template_describer import TemplateDescriber


class Knowing(SightedClip):
    """Sees what is drawn: it is shown the truths in the order in which it will be asked to look."""

    def __init__(self, truths: list[Truth]) -> None:
        super().__init__()
        self.truths = truths

    def embed_and_classify(self, batch: Any) -> list[ClipResult]:
        seen = [self.truths[0] if len(self.truths) == 1 else self.truths.pop(0) for _ in batch]
        return [self.sight(Shown(one.alt_text, one.tags, one.view)) for one in seen]


def test_the_demo_world_can_be_put_into_words() -> None:
    wording = read_wording()
    assert set(wording.kinds) == set(businesses())
    assert [one.noun for one in wording.kinds.values()] == [businesses()[name].noun for name in wording.kinds]
    assert [name for name in things() if wording.phrase(name) is None] == []


def test_a_model_that_sees_scores_well_and_one_that_does_not_scores_badly() -> None:
    truths = [scene(Split.HELD_OUT, index).truth for index in range(8)]
    seeing = _values(
        TemplateDescriber(Knowing([*truths, *truths, *(t for t in truths[:2] for _ in range(20))]), BUILT_IN)
    )
    blind = _values(TemplateDescriber(SightedClip(), BUILT_IN))
    assert seeing["template: valid JSON"] == blind["template: valid JSON"] == 1.0
    assert seeing["template: category as first tag"] > 0.7 > 0.1 >= blind["template: category as first tag"]
    assert seeing["template: tag F1"] > blind["template: tag F1"]


def _values(model: TemplateDescriber) -> dict[str, float]:
    measured = rows(model, 8)
    assert all(row["name"].startswith("template: ") for row in measured)
    return {row["name"]: row["value"] for row in measured}


def test_the_best_threshold_is_the_middle_of_those_that_part_right_from_wrong() -> None:
    assert best_threshold([0.9, 0.8, 0.3, 0.1], [True, True, False, False]) == (pytest.approx(0.55, abs=0.011), 1.0)
    assert best_threshold([0.9, 0.2, 0.3, 0.1], [True, True, False, False])[1] == 0.75


def test_calibration_finds_numbers_that_separate() -> None:
    truths = [scene(Split.VALIDATION, index).truth for index in range(6)]
    found = calibrated(Knowing(truths), 6)
    assert found.accuracy == 1.0 and 0 < found.threshold < 1


def test_a_glimpse_is_the_square_that_the_model_wants() -> None:
    class Strict(SightedClip):
        def embed_and_classify(self, batch: Any) -> list[ClipResult]:
            assert all(
                isinstance(one, PreprocessedImage) and len(one.pixels) == self.framing.side**2 * 3 for one in batch
            )
            return super().embed_and_classify(batch)

    assert calibrated(Strict(), 2).accuracy <= 1.0
