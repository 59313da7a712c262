"""Whether descriptions find the category that fits them, by the vectors that the score compares and by two others.

The one module of the workers that reads the orchestrator: what is measured is the score itself and not a copy of it.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import yaml
from numpy.typing import NDArray

from orchestrator.domain.relevance.idf import idf_snapshot_of, phrase_of, words_of
from orchestrator.domain.relevance.scoring import DESCRIPTION, category_vector
from orchestrator.domain.relevance.vectors import Vector, cosine, weighted_mean
from workers.server.text_embedding import TextModel
from workers.training.figures import Row, row

JUDGED = Path(__file__).with_name("judged.yaml")
MOST_NOTHING = 0.95
"""The share of comparisons with nothing in particular that must stay below the median of fitting pairs."""
_SETS = {"kinds": "kinds of business", "near_synonyms": "near-synonyms of one trade"}

Numbers = NDArray[np.float64]
Texts = Mapping[str, Vector]
Names = Mapping[str, Vector]


@dataclass(frozen=True, slots=True)
class Judged:
    """Descriptions by the name of the category that fits, per set; and some that fit none."""

    sets: Mapping[str, Mapping[str, Sequence[str]]]
    nothing: Sequence[str]


def read_judged(path: Path = JUDGED) -> Judged:
    """The descriptions that come with JustLens."""
    known = yaml.safe_load(path.read_text(encoding="utf-8"))
    return Judged({name: known[name] for name in _SETS}, known["nothing_in_particular"])


def rows(model: TextModel, judged: Judged) -> list[Row]:
    """Every way of comparing on every set, then where the parts of a score lie."""
    made = []
    vectors = _encoded(model, judged)
    for name, judged_of in judged.sets.items():
        ways = _names(list(judged_of), vectors)
        found = {way: ranks(judged_of, names, vectors) for way, names in ways.items()}
        n = f"{len(found['phrase'])} descriptions, {len(judged_of)} {_SETS[name]}"
        for way, places in found.items():
            floor = _reciprocal(found["word mean"]) if (way, name) == ("phrase", "kinds") else None
            made.append(row(f"score: right category first, {_SETS[name]}, by {way}", float((places == 1).mean()), n))
            made.append(row(f"score: MRR, {_SETS[name]}, by {way}", _reciprocal(places), n, floor))
    return [*made, *_parts(judged, _names(list(judged.sets["kinds"]), vectors)["phrase"], vectors)]


def ranks(judged: Mapping[str, Sequence[str]], names: Names, vectors: Texts) -> NDArray[np.int64]:
    """For each description the rank, from 1, of the name that fits; an equal one comes before it."""
    found = []
    for right, described in judged.items():
        for text in described:
            near = {name: cosine(vectors[text], vector) for name, vector in names.items()}
            found.append(sum(other >= near[right] for other in near.values()))
    return np.array(found)


def _reciprocal(places: NDArray[np.int64]) -> float:
    return float((1 / places).mean())


def _names(names: Sequence[str], vectors: Texts) -> dict[str, Names]:
    """The vectors of the names, by the way that they are made: as the score does, of words alone, half and half."""
    snapshot = idf_snapshot_of(names)
    words = {word: vectors[word] for name in names for word in words_of(name)}
    phrases = {phrase_of(name): vectors[phrase_of(name)] for name in names}

    def made(known: Texts) -> Names:
        return {name: vector for name in names if (vector := category_vector(name, known, snapshot)) is not None}

    whole, parts = made({**words, **phrases}), made(words)
    both = {name: weighted_mean([whole[name], parts[name]], [1, 1]) for name in names}
    return {"phrase": whole, "word mean": parts, "their average": both}


def _parts(judged: Judged, names: Names, vectors: Texts) -> list[Row]:
    """The description parts of what fits, of what does not, and of what fits nothing."""
    pairs = [(text, right) for right, described in judged.sets["kinds"].items() for text in described]
    fitting = _mapped(cosine(vectors[text], names[right]) for text, right in pairs)
    others = _mapped(cosine(vectors[text], names[name]) for text, right in pairs for name in names if name != right)
    nothing = _mapped(cosine(vectors[text], vector) for text in judged.nothing for vector in names.values())
    below = float((nothing < np.median(fitting)).mean())
    kinds = f"{len(pairs)} descriptions, {len(names)} kinds of business"
    none = f"{len(judged.nothing)} descriptions of nothing in particular, {len(names)} kinds of business"
    return [
        row("score: description part of fitting pairs, median", _share(fitting, 0.5), kinds),
        row("score: description part of fitting pairs, first quarter", _share(fitting, 0.25), kinds),
        row("score: description part of other pairs, median", _share(others, 0.5), kinds),
        row("score: description part of other pairs, 95th percentile", _share(others, 0.95), kinds),
        row("score: of nothing in particular below the median of fitting pairs", below, none, MOST_NOTHING),
    ]


def _share(values: Numbers, share: float) -> float:
    return float(np.quantile(values, share))


def _mapped(cosines: Iterable[float]) -> Numbers:
    return np.array([DESCRIPTION.part(value) for value in cosines], np.float64)


def _encoded(model: TextModel, judged: Judged) -> dict[str, Vector]:
    """Every description, phrase and word."""
    names = [name for judged_of in judged.sets.values() for name in judged_of]
    described = [text for judged_of in judged.sets.values() for some in judged_of.values() for text in some]
    texts = {*described, *judged.nothing, *map(phrase_of, names), *(word for name in names for word in words_of(name))}
    order = tuple(sorted(texts))
    (made,) = model.encode([order])
    return {text: Vector.unit(model.space, numbers) for text, numbers in zip(order, made, strict=True)}
