"""Prompting strategies beside each other: the same questions about the same held-out pictures, asked in each way.

Only a model that reads its prompt can be compared so: the template describer does not.
"""

import random
from collections.abc import Callable, Mapping, Sequence
from statistics import fmean
from types import MappingProxyType

from PIL import Image

from workers.clip.model import ClipModel
from workers.clip.preprocessing import preprocess_image
from workers.training.figures import Row, row
from workers.training.vlm.examples import nearest
from workers.training.vlm.quality import Answered, Asked, Model, answers_to, matching
from workers.training.vlm.questions import Question, asked_category, elsewhere, forms, question
from workers.training.world.scene import scene
from workers.training.world.truth import Split, Truth
from workers.vlm.requests import GenerateRequest, GenerateResult

SEED = 42
STRATEGIES: Mapping[str, str] = MappingProxyType(
    {
        "zero-shot": "vision_json_cat/1+category",
        "role": "vision_json_cat_role/1+category",
        "evidence": "vision_json_cat_evidence/1+category",
        "few-shot": "vision_json_cat_few_shot/1+category",
    }
)
"""The form of question by which each strategy asks."""
Tagger = Callable[[Image.Image], Mapping[str, float]]
Shown = tuple[Image.Image, Truth]


def rows(model: Model, count: int) -> list[Row]:
    """The figures over ``count`` held-out pictures, tagged by the built-in CLIP. Raises ValueError when its files are
    not those that were released."""
    from workers.clip.builtin import load_builtin  # onnxruntime

    shown = [(one.picture, one.truth) for one in (scene(Split.HELD_OUT, index) for index in range(count))]
    return compared(model, shown, tagger(load_builtin(threads=None)))


def compared(model: Model, shown: Sequence[Shown], tags_of: Tagger) -> list[Row]:
    """The rows of each strategy. ``tags_of`` says what is known of a picture before it is asked about."""
    named = asked_names(shown)
    tags = [tags_of(picture) for picture, _ in shown]
    found: list[Row] = []
    for strategy, form in STRATEGIES.items():
        asked = [_asked(form, *one, *called, known) for one, called, known in zip(shown, named, tags, strict=True)]
        writer = _Counting(model)
        answered = list(zip(asked, answers_to(writer, asked), strict=True))
        found += figures(f"vlm, {strategy}", answered, writer.lengths)
    return found


def figures(name: str, answered: Sequence[Answered], lengths: Sequence[int]) -> list[Row]:
    """Of one strategy. ``lengths`` are those of the answers in characters, unusable ones included. An answer that is
    none counts as the wrong verdict."""
    n = f"{len(answered)} held-out questions"
    prompts = [asked.prompt for (_, _, asked), _ in answered]
    with_examples = sum("\n<examples>\n" in prompt for prompt in prompts)
    return [
        row(f"{name}: cat_match accuracy, balanced", matching(answered), n),
        row(f"{name}: valid JSON", fmean(it is not None for _, it in answered), n),
        row(f"{name}: prompt length, characters", fmean(map(len, prompts)), f"{n}, {with_examples} with examples"),
        row(f"{name}: answer length, characters", fmean(lengths), n),
    ]


def asked_names(shown: Sequence[Shown]) -> list[tuple[str, bool]]:
    """What each picture is asked about, by its own name, and whether it fits: half of the time it does, and else often
    nearly so."""
    rng = random.Random(SEED)
    found = []
    for _, truth in shown:
        category = asked_category(truth, rng)
        found.append((category or rng.choice(elsewhere()), category == truth.category))
    return found


def tagger(clip: ClipModel) -> Tagger:
    """Tags as the pipeline keeps them of each picture."""

    def tags_of(picture: Image.Image) -> Mapping[str, float]:
        return dict(clip.embed_and_classify([preprocess_image(picture, clip.framing)])[0].judgement.tags)

    return tags_of


class _Counting:
    """``model``, and how many characters it wrote each time; 0 where it failed."""

    def __init__(self, model: Model) -> None:
        self._model = model
        self.lengths: list[int] = []

    def generate(self, batch: Sequence[GenerateRequest]) -> list[GenerateResult | Exception]:
        results = self._model.generate(batch)
        self.lengths += [len(result.text) if isinstance(result, GenerateResult) else 0 for result in results]
        return results


def _asked(form: str, picture: Image.Image, truth: Truth, called: str, fits: bool, tags: Mapping[str, float]) -> Asked:
    asked: Question = question(form, truth, called, fits, examples=nearest(forms()[form], tags, called))
    return picture, truth, asked
