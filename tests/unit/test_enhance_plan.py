"""How much larger a picture has to become."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from workers.enhance.plan import AT_TARGET, Enlarge, Skip, cheapest_factor, plan_enhancement, target_box

SIDES = st.integers(1, 5000)


@pytest.mark.parametrize(
    ("size", "expected"),
    [
        ((640, 360), Enlarge(1280, 720, 2.0)),
        ((360, 640), Enlarge(720, 1280, 2.0)),
        ((512, 512), Enlarge(720, 720, 1.40625)),
        ((640, 427), Enlarge(1079, 720, 1.686183)),
        ((1000, 250), Enlarge(1280, 320, 1.28)),
        ((250, 1000), Enlarge(320, 1280, 1.28)),
        ((100, 100), Enlarge(400, 400, 4.0)),
        ((1, 1), Enlarge(4, 4, 4.0)),
        ((320, 180), Enlarge(1280, 720, 4.0)),
        ((319, 180), Enlarge(1276, 720, 4.0)),
        ((1279, 719), Enlarge(1280, 720, 1.000782)),
        ((1280, 720), Skip(AT_TARGET)),
        ((720, 1280), Skip(AT_TARGET)),
        ((720, 720), Skip(AT_TARGET)),
        ((1280, 300), Skip(AT_TARGET)),
        ((300, 1280), Skip(AT_TARGET)),
        ((800, 720), Skip(AT_TARGET)),
        ((50_000, 1), Skip(AT_TARGET)),
        ((4000, 3000), Skip(AT_TARGET)),
    ],
)
def test_a_picture_grows_to_the_box_or_is_left_alone(size: tuple[int, int], expected: Enlarge | Skip) -> None:
    assert plan_enhancement(*size) == expected


def test_force_keeps_the_size_of_a_picture_at_target_and_changes_nothing_for_a_small_one() -> None:
    assert plan_enhancement(4000, 3000, force=True) == Enlarge(4000, 3000, 1.0)
    assert plan_enhancement(640, 360, force=True) == plan_enhancement(640, 360)


@given(SIDES, SIDES)
def test_an_enlarged_picture_stays_in_its_box_and_never_shrinks_or_exceeds_four_times(width: int, height: int) -> None:
    plan = plan_enhancement(width, height)
    box = target_box(width, height)
    if isinstance(plan, Skip):
        assert width >= box[0] or height >= box[1]
        return
    assert width < box[0] and height < box[1]
    assert width <= plan.width <= min(box[0], 4 * width) and height <= plan.height <= min(box[1], 4 * height)
    assert plan.scale == 4.0 or plan.width == box[0] or plan.height == box[1]


@given(SIDES, SIDES)
def test_a_result_of_full_scale_is_at_target_when_it_is_enhanced_again(width: int, height: int) -> None:
    plan = plan_enhancement(width, height)
    if isinstance(plan, Enlarge) and plan.scale < 4.0:
        assert plan_enhancement(plan.width, plan.height) == Skip(AT_TARGET)


@pytest.mark.parametrize(
    ("needed", "available", "factor"),
    [(1.2, (2, 4), 2), (2.0, (2, 4), 2), (2.01, (2, 4), 4), (4.0, (4, 2), 4), (3.0, (2,), 2), (1.0, (4, 2, 3), 2)],
)
def test_the_cheapest_factor_that_suffices_is_taken_else_the_largest(
    needed: float, available: tuple[int, ...], factor: int
) -> None:
    assert cheapest_factor(needed, available) == factor


def test_a_network_without_factors_is_a_mistake() -> None:
    with pytest.raises(ValueError, match="at least one factor"):
        cheapest_factor(2.0, ())
