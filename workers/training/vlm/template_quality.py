"""What the template describer is worth on held-out pictures, and how its two numbers are found on others:
python -m workers.training.vlm.template_quality prints what is best for the built-in CLIP, for contrast.MATCH_SCALE
and template_describer.MATCH_CERTAIN."""

import random
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from rich.progress import track

from workers.clip.model import ClipModel
from workers.clip.preprocessing import preprocess_image
from workers.server.text_embedding import Embeddings
from workers.training.figures import Row
from workers.training.vlm import quality as vlm_quality
from workers.training.vlm.metrics import balanced_accuracy
from workers.training.vlm.quality import Model
from workers.training.vlm.questions import names
from workers.training.world.catalogue import NONE
from workers.training.world.scene import scene
from workers.training.world.truth import Split, Truth
from workers.vlm.template.contrast import SCALE, Contrasts
from workers.vlm.template.words import read_wording

SEED = 41
SCALES = (5.0, 10.0, 15.0, 20.0, 30.0, 40.0, 60.0, 80.0, 100.0)
_THRESHOLDS = tuple(step / 100 for step in range(1, 100))


@dataclass(frozen=True, slots=True)
class Calibration:
    """The ``scale`` of the contrasts and the probability from which on cat_match is 1; the balanced accuracy there."""

    scale: float
    threshold: float
    accuracy: float


@dataclass(frozen=True, slots=True)
class Asked:
    """A picture's vector, a category's name, and whether that is what it shows."""

    vector: Embeddings
    name: str
    matches: bool


def rows(model: Model, count: int) -> list[Row]:
    """The same figures as the vision-language model's, over the same ``count`` held-out pictures and questions."""
    return [{**one, "name": one["name"].replace("vlm:", "template:", 1)} for one in vlm_quality.rows(model, count)]


def calibrated(clip: ClipModel, count: int) -> Calibration:
    """The best of SCALES, with its best threshold, over the first ``count`` pictures of the validation set."""
    asked = list(questions(clip, count))
    truths = [one.matches for one in asked]
    found = []
    for scale in SCALES:
        contrasts = Contrasts(clip, SCALE, scale, read_wording())
        threshold, accuracy = best_threshold([contrasts.match(one.vector, one.name) for one in asked], truths)
        found.append(Calibration(scale, threshold, accuracy))
    return max(found, key=lambda one: one.accuracy)


def best_threshold(probabilities: Sequence[float], truths: Sequence[bool]) -> tuple[float, float]:
    """The threshold, in hundredths, with the best balanced accuracy: of several the middle one, which is furthest from
    doing worse."""
    scored = [(balanced_accuracy([one >= at for one in probabilities], truths), at) for at in _THRESHOLDS]
    best = max(accuracy for accuracy, _ in scored)
    equal = [at for accuracy, at in scored if accuracy == best]
    return equal[len(equal) // 2], best


def questions(clip: ClipModel, count: int) -> Iterable[Asked]:
    """Each picture of a business twice: with a name of its category and of another. One of none: with the latter."""
    rng = random.Random(SEED)
    for index in track(range(count), description="looking"):
        shown = scene(Split.VALIDATION, index)
        vector = clip.embed_and_classify([preprocess_image(shown.picture, clip.framing)])[0].vector
        for category, matches in _categories(shown.truth, rng):
            yield Asked(vector, rng.choice(names()[category][:-1]), matches)


def _categories(truth: Truth, rng: random.Random) -> list[tuple[str, bool]]:
    other = rng.choice([category for category in names() if category != truth.category])
    return [(other, False)] if truth.category == NONE else [(truth.category, True), (other, False)]


if __name__ == "__main__":
    from workers.clip.builtin import load_builtin

    print(calibrated(load_builtin(threads=1), 600))
