"""The vocabulary of the demo world, and which of its words are true of a picture."""

from collections.abc import Iterable, Mapping
from pathlib import Path

import yaml

from workers.clip.vocabulary import Flag, Group, ImageClass, QualityPair, Vocabulary
from workers.training.world.catalogue import NONE, businesses, things
from workers.training.world.truth import Truth
from workers.training.world.wording import VIEW_TAGS

_NO_BUSINESS: Mapping[str, list[str]] = {
    "landscape": ["a landscape", "mountains, meadows or the sea"],
    "animal": ["an animal outdoors", "a wild animal"],
    "pattern": ["an abstract pattern", "a pattern and nothing else"],
}
_VIEWS: Mapping[str, list[str]] = {
    "street front": ["the outside of a shop", "a shop front seen from the street"],
    "interior": ["the inside of a room", "the inside of a shop"],
    "counter": ["the counter of a shop", "goods on a counter"],
    "product": ["a product picture", "goods before a plain background"],
    "outdoors": ["nature, outdoors", "the countryside, without any business"],
    "abstract": ["an abstract picture", "nothing but shapes and colours"],
}
_CLASSES: Mapping[str, tuple[bool, list[str]]] = {
    "exterior": (True, ["a photo of the outside of a shop", "a photo of a shop seen from the street"]),
    "interior": (True, ["a photo of the inside of a shop", "a photo of the inside of a room"]),
    "counter": (True, ["a photo of the counter of a shop", "a photo of goods on a counter"]),
    "product": (True, ["a product photo", "a photo of goods for sale"]),
    "nature": (False, ["a photo of a landscape", "a photo of an animal in nature"]),
    "pattern": (False, ["an abstract pattern", "a pattern without any meaning"]),
    "screenshot": (False, ["a screenshot of a phone", "a screenshot of a telephone's screen"]),
}
_FLAGS: Mapping[str, tuple[str, str]] = {
    "blur": ("a blurred photo", "a sharp photo"),
    "noise": ("a grainy, noisy photo", "a photo without noise"),
    "dark": ("a dark photo", "a well lit photo"),
    "jpeg": ("a badly compressed photo", "a photo without compression artifacts"),
    "watermark": ("a photo with a watermark over it", "a photo without a watermark"),
    "screenshot": ("a screenshot of a phone", "a photo that fills the frame"),
}
QUALITY_DEFECTS: tuple[tuple[QualityPair, frozenset[str]], ...] = (
    (QualityPair(good="a sharp, well lit photo", bad="a blurry, dark photo"), frozenset({"blur", "dark"})),
    (
        QualityPair(good="a high resolution photo", bad="a low resolution photo with compression artifacts"),
        frozenset({"blur", "noise", "jpeg"}),
    ),
    (
        QualityPair(good="a clean photo", bad="a photo with a watermark and text over it"),
        frozenset({"watermark", "screenshot"}),
    ),
)
"""Pairs of captions, and the defects of which any makes the second one true."""
MOST_TAGS = 10


def world_vocabulary() -> Vocabulary:
    """Every word of the world. Thresholds are those of an even chance until they are calibrated."""
    kinds = {name: [business.noun] for name, business in businesses().items()} | dict(_NO_BUSINESS)
    keywords = {tag: [tag] for business in businesses().values() for tag in business.tags} | {"nature": ["nature"]}
    objects = {name: [thing.one, thing.many] for name, thing in things().items()}
    named = {*kinds, *_VIEWS}
    keywords = {name: [*objects.get(name, []), *words] for name, words in keywords.items() if name not in named}
    objects = {name: words for name, words in objects.items() if name not in {*named, *keywords}}
    return Vocabulary(
        most_tags=MOST_TAGS,
        groups={
            "business": Group(threshold=0.5, priority=4, templates=["{}", "a photo of {}"], tags=kinds),
            "view": Group(threshold=0.5, priority=3, templates=["{}", "a photo of {}"], tags=dict(_VIEWS)),
            "object": Group(threshold=0.1, priority=2, templates=["{}", "a photo of {}"], tags=objects),
            "keyword": Group(threshold=0.1, priority=1, templates=["{}"], tags=keywords),
        },
        classes={name: ImageClass(showable=good, prompts=words) for name, (good, words) in _CLASSES.items()},
        quality=[pair for pair, _ in QUALITY_DEFECTS],
        flags={name: Flag(present=present, absent=absent) for name, (present, absent) in _FLAGS.items()},
    )


def vocabulary_captions(vocabulary: Vocabulary) -> list[str]:
    """Every caption in it."""
    return [
        *(caption for group in vocabulary.all_groups() for captions in group.captions() for caption in captions),
        *(prompt for one in vocabulary.classes.values() for prompt in one.prompts),
        *(caption for pair in vocabulary.quality for caption in (pair.good, pair.bad)),
        *(caption for flag in vocabulary.flags.values() for caption in (flag.present, flag.absent)),
    ]


def true_tags(truth: Truth) -> frozenset[str]:
    """Every word of the vocabulary that is true of a picture, whether or not its truth had room for it."""
    view = VIEW_TAGS[truth.view] if truth.category != NONE else "abstract" if "pattern" in truth.tags else "outdoors"
    keywords = businesses()[truth.category].tags if truth.category != NONE else ()
    return frozenset({*truth.tags, *truth.objects, *keywords, view})


def class_of(truth: Truth) -> str:
    """The class of the vocabulary that a picture belongs to."""
    if "screenshot" in truth.defects:
        return "screenshot"
    if truth.category != NONE:
        return truth.view
    return "pattern" if "pattern" in truth.tags else "nature"


def write_vocabulary(vocabulary: Vocabulary, path: Path, comments: Iterable[str]) -> None:
    """As YAML that a person can edit."""
    text = yaml.safe_dump(
        vocabulary.model_dump(exclude_unset=True),
        sort_keys=False,
        allow_unicode=True,
        width=120,
        default_flow_style=None,
    )
    path.write_text("".join(f"# {line}\n" for line in comments) + text, encoding="utf-8")
