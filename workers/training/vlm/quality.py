"""What the vision-language model is worth: its answers about held-out pictures against what they show."""

import json
import random
from collections.abc import Callable, Iterator, Mapping, Sequence
from statistics import fmean
from types import MappingProxyType
from typing import Any, Protocol

import jsonschema  # type: ignore[import-untyped]
from PIL import Image
from rich.progress import track

from workers.training.figures import Row, row
from workers.training.vlm.metrics import balanced_accuracy, f1, rouge_l
from workers.training.vlm.questions import Question, elsewhere, forms, names, question, related, unrelated
from workers.training.world.catalogue import NONE
from workers.training.world.scene import scene
from workers.training.world.truth import Split, Truth
from workers.vlm.requests import GenerateRequest, GenerateResult

SEED = 40
VALID_AT_LEAST, MATCH_AT_LEAST = 0.99, 0.95
_FORM = "vision_json_cat/1+category"
_TOGETHER = 8


class Model(Protocol):
    """What answers; see workers.vlm.model."""

    def generate(self, batch: Sequence[GenerateRequest]) -> list[GenerateResult | Exception]:
        """One result per item, in order."""


Asked = tuple[Image.Image, Truth, Question]
Answered = tuple[Asked, Mapping[str, Any] | None]
"""A question and its answer; None where that is not valid, which counts as wrong."""

OWN = "own name of the category"
NAMES: Mapping[str, Callable[[Sequence[str]], Sequence[str]]] = MappingProxyType(
    {
        OWN: lambda known: known[:1],
        "other names used in training": lambda known: known[1:-1],
        "names not used in training": lambda known: known[-1:],
    }
)
"""By what a category may be called in a question."""


def rows(model: Model, count: int) -> list[Row]:
    """The figures over ``count`` held-out pictures. Each is asked about a category by its own name; half of them about
    one by each other kind of name, too; and a quarter of them every other question of the profiles."""
    shown = [(one.picture, one.truth) for one in (scene(Split.HELD_OUT, index) for index in range(count))]
    asked = {kind: _about_categories(shown if kind == OWN else shown[: count // 2], kind) for kind in NAMES}
    asked[""] = list(_other_questions(shown[: count // 4]))
    answers = iter(answers_to(model, [one for group in asked.values() for one in group]))
    return figures({kind: [(one, next(answers)) for one in group] for kind, group in asked.items()})


def figures(answered: Mapping[str, Sequence[Answered]]) -> list[Row]:
    """The rows. ``answered`` by kind of name; "" are questions that count for their validity only."""
    valid = [answer is not None for group in answered.values() for _, answer in group]
    main = [(truth, answer) for (_, truth, _), answer in answered[OWN]]
    tags = [f1(answer["tags"] if answer else (), truth.tags) for truth, answer in main]
    told = [rouge_l(answer["description"] if answer else "", truth.caption) for truth, answer in main]
    first = [
        answer is not None and answer["tags"][0].casefold() == truth.category
        for truth, answer in main
        if truth.category != NONE
    ]
    pictures = f"{len(main)} held-out pictures"
    return [
        row("vlm: valid JSON", fmean(valid), f"{len(valid)} answers, every profile", VALID_AT_LEAST),
        *(
            row(
                f"vlm: cat_match accuracy, balanced, {kind}",
                matching(answered[kind]),
                f"{len(answered[kind])} held-out pictures",
                MATCH_AT_LEAST if kind == OWN else None,
            )
            for kind in NAMES
        ),
        row("vlm: category as first tag", fmean(first), f"{len(first)} held-out pictures of a business"),
        row("vlm: tag F1", fmean(tags), pictures),
        row("vlm: description ROUGE-L", fmean(told), pictures),
    ]


def answers_to(model: Model, asked: Sequence[Asked]) -> list[Mapping[str, Any] | None]:
    """The answers that are valid; None for each that is not."""
    starts = range(0, len(asked), _TOGETHER)
    written = [
        result
        for start in track(starts, description="asking")
        for result in model.generate([_prompted(*one) for one in asked[start : start + _TOGETHER]])
    ]
    return [valid_answer(result, one[2]) for result, one in zip(written, asked, strict=True)]


def valid_answer(result: GenerateResult | Exception, asked: Question) -> Mapping[str, Any] | None:
    """The answer as a value, if it came to its end, is JSON and fits the schema that was asked for."""
    if not isinstance(result, GenerateResult) or result.finish_reason != "stop":
        return None
    try:
        value: Mapping[str, Any] = json.loads(result.text)
        jsonschema.validate(value, forms()[asked.form]["schema"])
    except (ValueError, jsonschema.ValidationError):
        return None
    return value


def _about_categories(shown: Sequence[tuple[Image.Image, Truth]], kind: str) -> list[Asked]:
    """Every picture once: about its own category, one that sells some of the same things, its own, any other one (now
    and then one that no picture shows); a picture of no business never about the right one."""
    rng = random.Random(f"{SEED} {kind}")
    found = []
    for number, (picture, truth) in enumerate(shown):
        right = number % 2 == 0 and truth.category != NONE
        others = related(truth) if number % 4 == 1 else unrelated(truth)
        category = truth.category if right else rng.choice(others or unrelated(truth))
        called = rng.choice(NAMES[kind](names()[category]))
        if number % 20 == 3:
            called = rng.choice(elsewhere())
        found.append((picture, truth, question(_FORM, truth, called, right)))
    return found


def _other_questions(shown: Sequence[tuple[Image.Image, Truth]]) -> Iterator[Asked]:
    for picture, truth in shown:
        for form in forms():
            if form != _FORM:
                category = truth.category if truth.category != NONE else "bakery"
                about = category if form.endswith("+category") else None
                yield picture, truth, question(form, truth, about, None if about is None else about == truth.category)


def matching(answered: Sequence[Answered]) -> float:
    """How many verdicts are right, balanced. An answer that is none counts as the wrong one."""
    right = [bool(asked.matches) for (_, _, asked), _ in answered]
    said = [
        bool(answer["cat_match"]) if answer else not truth for (_, answer), truth in zip(answered, right, strict=True)
    ]
    return balanced_accuracy(said, right)


def _prompted(picture: Image.Image, _truth: Truth, asked: Question) -> GenerateRequest:
    form = forms()[asked.form]
    width, height = picture.size
    schema = json.dumps(form["schema"])
    return GenerateRequest(picture.tobytes(), width, height, asked.prompt, schema, form["max_tokens"])
