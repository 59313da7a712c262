"""Vocabularies with groups, templates, priorities and flags."""

from typing import Any

import numpy as np
import pytest
from pydantic import ValidationError

from workers.clip.vocabulary import Vocabulary
from workers.clip.zero_shot import ZeroShotClassifier
from workers.server.text_embedding import Embeddings, unit_rows

WORDS = ("bakery", "bar", "bread", "beer", "loaf", "photo", "scan", "good", "bad", "sharp", "blurred")
SOURCE: dict[str, Any] = {
    "most_tags": 3,
    "groups": {
        "kind": {"threshold": 0.5, "priority": 2, "tags": {"bakery": ["bakery"], "bar": ["bar"]}},
        "thing": {
            "threshold": 0.1,
            "priority": 1,
            "templates": ["{}", "photo {}"],
            "tags": {"bread": ["bread", "loaf"], "beer": ["beer"]},
        },
    },
    "classes": {"photo": {"showable": True, "prompts": ["photo"]}, "scan": {"showable": False, "prompts": ["scan"]}},
    "quality": [{"good": "good", "bad": "bad"}],
    "flags": {"blur": {"present": "blurred", "absent": "sharp", "threshold": 0.6}},
}


def encode(captions: list[str]) -> Embeddings:
    rows = np.full((len(captions), len(WORDS)), 1e-3, np.float32)
    for row, caption in zip(rows, captions, strict=True):
        row[[WORDS.index(word) for word in caption.split()]] = 1
    return unit_rows(rows)


def judge(caption: str, **changes: Any) -> Any:
    vocabulary = Vocabulary.model_validate({**SOURCE, **changes})
    return ZeroShotClassifier(vocabulary, encode, scale=10.0).judge(encode([caption])[0])


def test_tags_compete_within_their_group_only() -> None:
    assert dict(judge("bakery bread").tags).keys() == {"bakery", "bread"}
    assert dict(judge("bakery bread beer").tags).keys() == {"bakery", "bread", "beer"}
    assert "bakery" not in dict(judge("bakery bar bar bread beer", groups=_kind_threshold(0.6)).tags)


def test_a_synonym_stands_for_its_tag() -> None:
    assert dict(judge("bakery loaf").tags).keys() == {"bakery", "bread"}


def test_of_too_many_tags_those_of_lower_priority_go_and_the_rest_come_by_falling_score() -> None:
    tags = judge("bakery bread beer", most_tags=2).tags
    assert tags[0][0] == "bakery" and len(tags) == 2
    scores = [score for _, score in judge("bakery bar bread").tags]
    assert scores == sorted(scores, reverse=True)


def test_a_flag_is_raised_from_its_threshold_on() -> None:
    assert judge("bakery blurred").flags == ("blur",)
    assert judge("bakery sharp").flags == ()
    assert judge("bakery").flags == ()


def test_a_class_that_says_the_same_as_a_flag_needs_that_flag() -> None:
    classes = {**SOURCE["classes"], "blur": {"showable": False, "prompts": ["beer bread"]}}
    alone, flagged = (judge(caption, classes=classes) for caption in ("beer bread photo", "beer bread photo blurred"))
    assert (alone.image_class, alone.class_valid, alone.otherwise) == ("photo", True, None)
    assert (flagged.image_class, flagged.class_valid, flagged.otherwise) == ("blur", False, ("photo", True))


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"groups": {}}, "there are no tags"),
        ({"tags": {"bread": ["bread"], "loaf": ["loaf"]}}, "in two groups: bread"),
        ({"flags": {"blur": {"present": "blurred"}}}, "absent"),
    ],
)
def test_a_vocabulary_that_contradicts_itself_is_refused(changes: dict[str, Any], said: str) -> None:
    with pytest.raises(ValidationError, match=said):
        Vocabulary.model_validate({**SOURCE, **changes})


def _kind_threshold(threshold: float) -> dict[str, Any]:
    groups = dict(SOURCE["groups"])
    return {**groups, "kind": {**groups["kind"], "threshold": threshold}}
