"""What a scene says of itself holds for its pixels."""

import random
import re

import numpy as np
import pytest
from PIL import Image, ImageFilter

from tests.conftest import require
from workers.training.world.camera import DARK_MEAN, LIGHT_MEAN, Camera, camera
from workers.training.world.canvas import VISIBLE_SHARE, Canvas
from workers.training.world.catalogue import NONE, businesses, things
from workers.training.world.colours import READABLE_CONTRAST, contrast
from workers.training.world.glyphs import missing
from workers.training.world.scene import VIEWS, scene, sketch, views_of
from workers.training.world.truth import Scene, Split
from workers.training.world.wording import VIEW_TAGS

CLEAN = Camera((), (0.0,) * 8, 0.0, 0.0, None)
CASES = [(name, view) for name, business in businesses().items() for view in views_of(business)]


@pytest.fixture(autouse=True)
def fonts() -> None:
    require(missing())


@pytest.fixture(scope="module")
def scenes() -> list[Scene]:
    require(missing())
    return [scene(Split.HELD_OUT, index, size=240) for index in range(160)]


def drawn(name: str, view: str, plan: Camera = CLEAN) -> Canvas:
    rng = random.Random(f"{name} {view}")
    return sketch(Split.TRAIN, rng, businesses()[name], view, plan, (320, 240))


@pytest.mark.parametrize(("name", "view"), CASES)
def test_every_kind_can_be_drawn_in_each_of_its_views_and_is_told_by_what_is_seen(name: str, view: str) -> None:
    seen = {placed.thing.name for placed in drawn(name, view).visible()}
    for group in businesses()[name].signature:
        assert seen & {thing.name for thing in group}


def test_nearly_every_kind_has_every_view() -> None:
    assert len(CASES) >= 4 * len(businesses()) - 10
    assert all({"exterior", "product"} <= set(views_of(business)) for business in businesses().values())


@pytest.mark.parametrize("view", VIEWS)
def test_every_thing_changed_the_pixels_of_its_box(view: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each thing is put on a copy too; there its box must differ from what was there before."""
    changes: list[tuple[str, float]] = []
    real = Canvas.put

    def put(self: Canvas, thing, middle, base, height, where, **rest) -> None:  # type: ignore[no-untyped-def]
        before = self.picture.copy()
        real(self, thing, middle, base, height, where, **rest)
        box = self.placed[-1].box
        one, other = (np.asarray(picture.crop(box), np.int16) for picture in (before, self.picture))
        changes.append((thing.name, float((np.abs(one - other).max(axis=-1) > 12).mean())))

    monkeypatch.setattr(Canvas, "put", put)
    for name, business in businesses().items():
        if view in views_of(business):
            drawn(name, view)
    assert len(changes) > 60
    assert [(name, share) for name, share in changes if share < 0.12] == []


@pytest.mark.parametrize(("name", "view"), CASES[::3])
def test_things_lie_inside_the_picture_are_large_enough_and_stay_visible(name: str, view: str) -> None:
    canvas = drawn(name, view)
    assert len(canvas.visible()) >= 0.8 * len(canvas.placed)
    for placed in canvas.visible():
        left, top, right, bottom = placed.box
        assert min(left, top) >= 0 and right <= canvas.width and bottom <= canvas.height
        assert max(right - left, bottom - top) >= 0.06 * canvas.side


def test_a_thing_that_is_covered_too_far_is_not_said_to_be_there() -> None:
    canvas = Canvas((200, 200), Split.TRAIN, random.Random(1), 12, READABLE_CONTRAST)
    canvas.put(things()["bread"], 100, 150, 80, "front")
    left, top, right, bottom = canvas.placed[0].box
    assert len(canvas.visible()) == 1
    canvas.cover_box((left, top, right, bottom - (bottom - top) * VISIBLE_SHARE * 0.7), (0, 0, 0))
    assert canvas.visible() == []


@pytest.mark.parametrize("effect", [(), ("blur",), ("noise",), ("dark",)])
def test_letters_are_as_large_and_as_dark_as_the_camera_needs(effect: tuple[str, ...]) -> None:
    plan = Camera(effect, (0.0,) * 8, 1.5 if effect == ("blur",) else 0.0, 0.0, None)
    lines = [
        (written, canvas)
        for name, view in CASES[::4]
        for canvas in [drawn(name, view, plan)]
        for written in canvas.written
    ]
    assert len(lines) > 20
    for written, canvas in lines:
        assert written.size_px * 320 / canvas.width >= plan.text_floor_px - 0.5
        assert contrast(written.ink, written.ground) >= plan.text_contrast


def test_a_caption_quotes_only_what_can_be_read_and_the_words_name_what_is_seen(scenes: list[Scene]) -> None:
    quoted = 0
    for shown in scenes:
        truth = shown.truth
        lines = re.findall(r"(?<= )'(.+?)'(?=[.,]| and)", truth.caption.split(". ")[-1])
        assert all(any(line in text for text in truth.text) for line in lines), truth
        quoted += len(lines)
        for name in truth.objects:
            thing = things()[name]
            assert thing.one in truth.caption.lower() or thing.many in truth.caption.lower(), (name, truth.caption)
        assert not re.search(r"\ba [aeio]\w", truth.caption.lower().replace("a one", "")), truth.caption
    assert quoted > 50


def test_tags_and_sentences_have_the_promised_shape(scenes: list[Scene]) -> None:
    for shown in scenes:
        truth = shown.truth
        assert 2 <= len(truth.tags) <= 8 and len(set(truth.tags)) == len(truth.tags)
        if truth.category != NONE:
            own = {truth.category, VIEW_TAGS[truth.view], *businesses()[truth.category].tags, *truth.objects}
            assert own.issuperset(truth.tags), truth
        assert 1 <= len(re.findall(r"[.](?= |$)", re.sub(r"\d[.]\d|'[^']*'", "", truth.caption))) <= 3
        assert truth.alt_text.endswith(".") and len(truth.alt_text) <= 140
        assert truth.view in VIEWS
    share = sum(shown.truth.category == NONE for shown in scenes) / len(scenes)
    assert 0.03 < share < 0.15


def test_a_picture_is_called_dark_when_it_is_dark_and_only_then(scenes: list[Scene]) -> None:
    plain = [s for s in scenes if not {"watermark", "screenshot"} & set(s.truth.defects)]
    dark = [np.asarray(s.picture).mean() for s in plain if "dark" in s.truth.defects]
    light = [np.asarray(s.picture).mean() for s in plain if "dark" not in s.truth.defects]
    assert dark and max(dark) < DARK_MEAN + 10
    assert min(light) > LIGHT_MEAN - 10


def test_noise_and_blur_can_be_seen_where_they_are_named(scenes: list[Scene]) -> None:
    def roughness(picture: Image.Image) -> float:
        grey = picture.convert("L")
        smooth = np.asarray(grey.filter(ImageFilter.MedianFilter(3)), np.float32)
        return float(np.median(np.abs(np.asarray(grey, np.float32) - smooth)))

    kinds = {
        kind: [roughness(s.picture) for s in scenes if s.truth.defects == kind] for kind in ((), ("noise",), ("blur",))
    }
    assert all(kinds.values())
    assert min(kinds[("noise",)]) > max(kinds[()])
    assert max(kinds[("blur",)]) <= np.percentile(kinds[()], 90)


def test_two_thirds_of_the_pictures_are_clean() -> None:
    plans = [camera(random.Random(number), 320) for number in range(600)]
    assert 0.6 < sum(not plan.defects for plan in plans) / len(plans) < 0.76
    assert {defect for plan in plans for defect in plan.defects} == {
        "blur",
        "noise",
        "dark",
        "jpeg",
        "watermark",
        "screenshot",
    }


def test_size_is_the_longer_side(scenes: list[Scene]) -> None:
    assert {max(shown.picture.size) for shown in scenes} == {240}
    free = [scene(Split.TRAIN, index).picture.size for index in range(20)]
    assert all(max(size) <= 640 and min(size) >= 150 for size in free)
    assert len({round(width / height, 1) for width, height in free}) > 3
