"""Which category a judged description finds, by the built-in sentence model."""

import pytest

from workers.text.builtin import load_builtin
from workers.training.figures import Row
from workers.training.score.quality import read_judged, rows


@pytest.fixture(scope="module")
def figures() -> dict[str, Row]:
    return {one["name"]: one for one in rows(load_builtin(threads=1), read_judged())}


def test_the_whole_phrase_ranks_better_than_words_or_their_average(figures: dict[str, Row]) -> None:
    by_phrase, *others = (
        [figures[f"score: {what}, kinds of business, by {way}"]["value"] for what in ("right category first", "MRR")]
        for way in ("phrase", "word mean", "their average")
    )
    assert all(ours > theirs for other in others for ours, theirs in zip(by_phrase, other, strict=True))
    assert by_phrase[1] > 0.8 and all(one["holds"] for one in figures.values())


def test_parts_tell_what_fits_from_what_fits_nothing(figures: dict[str, Row]) -> None:
    fitting, quarter, other, most = (
        figures[f"score: description part of {which}"]["value"]
        for which in (
            "fitting pairs, median",
            "fitting pairs, first quarter",
            "other pairs, median",
            "other pairs, 95th percentile",
        )
    )
    assert other < 0.2 and most < 0.5 < fitting < 0.75 and quarter > 0.45
