"""What a picture shows as far as CLIP can tell, in the words that sentences are made of."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import numpy as np

from workers.clip.model import ClipResult, Judgement
from workers.clip.preprocessing import PreprocessedImage
from workers.clip.statistics import pixel_tags
from workers.vlm.template.contrast import Contrasts
from workers.vlm.template.words import Wording

KIND_CERTAIN = 0.8
"""From this probability on a sentence names the kind of business outright; from KIND_LIKELY on it says "may be"."""
KIND_LIKELY = 0.5
MOSTLY = 0.5
"""From this share of the pixels on a picture is said to be mostly of a colour."""
_FORMATS = ("landscape", "portrait", "square")
_NAMELESS = ("other", "unknown")
_FLAGGED = frozenset({"blur", "watermark", "screenshot"})
"""Classes or tags of a vocabulary that say the same as the flag of that name."""


@dataclass(frozen=True, slots=True)
class Look:
    """What the pixels alone say: "landscape", "portrait" or "square", and words such as "dark" and "mostly blue"."""

    format: str
    words: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Seen:
    """``scene`` is a noun phrase, empty when nothing is known; with ``by_things`` it only stands in for want of things.
    ``kind`` is a kind of business, with its article, that may be said of the scene, ``guess`` one that may only be
    guessed. ``things`` and ``people`` are phrases, the surest first; ``items`` are the plain names of both, ``topics``
    tags that are no thing. ``person_count`` is a lower bound. ``faults`` are adjectives, ``flags`` names of flags that
    are raised."""

    scene: str
    by_things: bool
    kind: str | None
    guess: str | None
    things: tuple[str, ...]
    people: tuple[str, ...]
    items: tuple[str, ...]
    topics: tuple[str, ...]
    person_count: int
    tags: tuple[str, ...]
    faults: tuple[str, ...]
    flags: frozenset[str]
    look: Look


def seen(image: PreprocessedImage, features: ClipResult, contrasts: Contrasts, wording: Wording) -> Seen:
    """Everything an answer may say of a picture. The same features gives the same words."""
    judgement = features.judgement
    names = [name for name, _score in judgement.tags]
    kind, guess = _kind(contrasts.kinds(features.vector), wording)
    people = [name for name in names if name in wording.people.one | wording.people.several]
    named = [name for name in names if wording.phrase(name) and name not in (*people, *wording.places)]
    things = [name for name in named if name not in wording.general] or named
    raised = {*judgement.flags, *{judgement.image_class, *names} & _FLAGGED}
    known = {*people, *named, *wording.places, *wording.kinds, *wording.faults, *_FLAGGED}
    view = wording.views.get(judgement.image_class)
    said = kind if view is None or view.of else None
    return Seen(
        scene=_scene(judgement, names, kind, wording),
        by_things=view is not None and view.by_things,
        kind=said,
        guess=guess or (kind if said is None else None),
        things=_phrases(things, wording),
        people=_phrases(people, wording),
        items=tuple(things + people),
        topics=tuple(name for name in names if name not in known),
        person_count=_count(people, wording),
        tags=_tags(judgement, kind, wording),
        faults=_distinct(wording.faults[name] for name in (*judgement.flags, *names) if name in wording.faults),
        flags=frozenset(raised),
        look=_look(image),
    )


def _kind(shares: Mapping[str, float], wording: Wording) -> tuple[str | None, str | None]:
    """The certain kind and the likely one; never both."""
    best = max(shares, key=lambda name: shares[name])
    noun, share = wording.kinds[best].noun, shares[best]
    return (noun if share >= KIND_CERTAIN else None), (noun if KIND_LIKELY <= share < KIND_CERTAIN else None)


def _scene(judgement: Judgement, names: Iterable[str], kind: str | None, wording: Wording) -> str:
    view = wording.views.get(judgement.image_class)
    if view is not None and kind is not None and view.of is not None:
        return view.of.replace("{kind}", kind)
    place = next((wording.places[name] for name in names if name in wording.places), None)
    if view is None:
        return f"a view of {kind}" if kind is not None else place or ""
    return view.alone if view.by_things or place is None else place


def _tags(judgement: Judgement, kind: str | None, wording: Wording) -> tuple[str, ...]:
    """A certain kind first, then the tags as CLIP gave them, then the class."""
    own = [name for name, it in wording.kinds.items() if it.noun == kind]
    known = [] if judgement.image_class in _NAMELESS else [judgement.image_class]
    return _distinct([*own, *(name for name, _score in judgement.tags), *known])


def _phrases(names: Iterable[str], wording: Wording) -> tuple[str, ...]:
    return _distinct(phrase for name in names if (phrase := wording.phrase(name)))


def _count(people: Iterable[str], wording: Wording) -> int:
    """The least number of people: different words may mean the same person."""
    return max((2 if name in wording.people.several else 1 for name in people), default=0)


def _look(image: PreprocessedImage) -> Look:
    pixels = np.frombuffer(image.pixels, np.uint8).astype(np.float32)
    side = round((len(pixels) / 3) ** 0.5)
    tags = dict(pixel_tags(pixels.reshape(side, side, 3), image.content.width, image.content.height))
    lightness = [name for name in ("dark", "bright") if tags.pop(name, 0.0)]
    colour = [f"mostly {name}" for name, share in tags.items() if share >= MOSTLY and name not in _FORMATS]
    plain = [word for word in colour if word != "mostly colourful"]
    return Look(next(name for name in _FORMATS if name in tags), tuple(lightness + plain))


def _distinct(words: Iterable[str]) -> tuple[str, ...]:
    first: dict[str, str] = {}
    for word in words:
        first.setdefault(word.casefold(), word)
    return tuple(first.values())
