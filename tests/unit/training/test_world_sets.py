"""The sets of the demo world share neither layouts nor variants, and the same number is the same picture."""

from itertools import combinations, product

import pytest

from tests.conftest import require
from workers.training.world.catalogue import businesses, categories, things
from workers.training.world.glyphs import missing, sprite
from workers.training.world.layouts import elsewhere
from workers.training.world.scene import VIEWS, jpeg, scene
from workers.training.world.splits import LOOKS, Axes, layouts, variants
from workers.training.world.truth import Split

AXES: dict[str, Axes] = {name: view.AXES for name, view in VIEWS.items()} | {
    subject: axes for subject, (axes, _) in elsewhere.SUBJECTS.items()
}


@pytest.mark.parametrize("axes", AXES.values(), ids=AXES.keys())
def test_every_layout_belongs_to_exactly_one_set(axes: Axes) -> None:
    found = {split: {tuple(layout.items()) for layout in layouts(axes, split)} for split in Split}
    for one, other in combinations(Split, 2):
        assert found[one] and found[other]
        assert found[one].isdisjoint(found[other])
    assert sum(map(len, found.values())) == len(list(product(*axes.values())))


@pytest.mark.parametrize("axes", AXES.values(), ids=AXES.keys())
def test_every_single_choice_of_a_layout_is_seen_in_training(axes: Axes) -> None:
    seen = layouts(axes, Split.TRAIN)
    assert all(any(layout[name] == choice for layout in seen) for name, choices in axes.items() for choice in choices)


def test_no_thing_has_a_variant_in_two_sets() -> None:
    for thing in things().values():
        for one, other in combinations(Split, 2):
            assert set(variants(thing, one)).isdisjoint(variants(thing, other)), thing.name


def test_the_last_of_three_or_more_glyphs_is_not_in_training() -> None:
    rich = [thing for thing in things().values() if len(thing.glyphs) > 2]
    assert len(rich) > 10
    for thing in rich:
        assert thing.glyphs[-1] not in {variant.glyph for variant in variants(thing, Split.TRAIN)}
        assert thing.glyphs[-1] in {variant.glyph for variant in variants(thing, Split.HELD_OUT)}


def test_looks_of_different_sets_give_different_pixels() -> None:
    require(missing())
    looks = [look for split in Split for look in LOOKS[split]]
    assert len({sprite("🚗", look, 64).tobytes() for look in looks}) == len(looks)


def test_what_is_drawn_comes_from_the_set_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every layout and every variant that a scene uses goes through ``layouts`` and ``variants`` with its own set."""
    require(missing())
    asked: list[Split] = []
    for module, name in (("scene", "layouts"), ("canvas", "variants")):
        place = f"workers.training.world.{module}.{name}"
        real = {"layouts": layouts, "variants": variants}[name]

        def spy(what: object, split: Split, real: object = real) -> object:
            asked.append(split)
            return real(what, split)  # type: ignore[operator]

        monkeypatch.setattr(place, spy)
    for index in range(12):
        scene(Split.HELD_OUT, index, size=240)
    assert len(asked) > 24
    assert set(asked) == {Split.HELD_OUT}


def test_the_same_number_gives_the_same_bytes_and_another_number_others() -> None:
    require(missing())
    once = [scene(Split.TRAIN, index, size=240) for index in range(8)]
    sprite.cache_clear()
    again = [scene(Split.TRAIN, index, size=240) for index in range(8)]
    assert [shown.truth for shown in once] == [shown.truth for shown in again]
    assert [jpeg(shown) for shown in once] == [jpeg(shown) for shown in again]
    assert len({jpeg(shown) for shown in once}) == 8
    assert jpeg(scene(Split.VALIDATION, 0, size=240)) != jpeg(once[0])


def test_no_thing_of_a_signature_tells_two_kinds_of_business() -> None:
    """The groups together tell a kind apart: none of them is all that another kind needs."""
    needs = {
        business.category: [frozenset(thing.name for thing in group) for group in business.signature]
        for business in businesses().values()
    }
    for one, other in combinations(needs, 2):
        mine = {frozenset(choice) for choice in product(*needs[one])}
        theirs = {frozenset(choice) for choice in product(*needs[other])}
        assert mine.isdisjoint(theirs), (one, other)


def test_there_are_forty_kinds_of_business_or_more() -> None:
    assert len(categories()) >= 40
    assert "none" not in categories()
