"""One picture of the demo world from its set and its number: the same arguments, the same bytes."""

import random
from collections.abc import Sequence

from workers.training.world import wording
from workers.training.world.brief import brief
from workers.training.world.camera import Camera, camera, compressed, jpeg_bytes, photograph
from workers.training.world.canvas import Canvas
from workers.training.world.catalogue import Business, businesses
from workers.training.world.elsewhere_wording import truth_of_no_business
from workers.training.world.frames import framed, inner_size, watermarked
from workers.training.world.layouts import counter, elsewhere, exterior, interior, product
from workers.training.world.places import Place, places
from workers.training.world.splits import layouts
from workers.training.world.truth import Scene, Split, Truth

VIEWS = {"exterior": exterior, "interior": interior, "counter": counter, "product": product}
NONE_SHARE = 0.08
SIDES_PX = (280, 640)
ASPECTS = ((4, 3), (3, 4), (1, 1), (3, 2), (2, 3), (16, 9), (5, 4), (4, 5))
UPRIGHT = ((3, 4), (2, 3), (4, 5))
JPEG_QUALITY = 90


def scene(split: Split, index: int, *, size: int | None = None) -> Scene:
    """Picture number ``index`` of ``split``. ``size`` is its longer side in pixels; 240 to 640 when left out.

    Some eight in a hundred show no business: their category is "none"; a landscape or an animal counts as an exterior,
    a pattern as a product. Raises FileNotFoundError, naming the Debian
    package, when a font is missing.
    """
    return placed_scene(split, index, size=size)[0]


def placed_scene(split: Split, index: int, *, size: int | None = None) -> tuple[Scene, tuple[Place, ...]]:
    """The same picture, and where its things are in it."""
    rng = random.Random(f"justlens world {split.value} {index}")
    longer = size if size is not None else rng.randint(*SIDES_PX)
    plan = camera(rng, longer)
    final = _size(rng, longer, UPRIGHT if "screenshot" in plan.defects else ASPECTS)
    if rng.random() < NONE_SHARE:
        canvas = _elsewhere(split, rng, plan, final)
        return _develop(canvas, plan, final, None, "", rng), places(canvas, plan, final)
    business = rng.choice(list(businesses().values()))
    view = rng.choice(views_of(business))
    canvas = sketch(split, rng, business, view, plan, final)
    return _develop(canvas, plan, final, business, view, rng), places(canvas, plan, final)


def jpeg(shown: Scene) -> bytes:
    """The picture as a JPEG file."""
    return jpeg_bytes(shown.picture, JPEG_QUALITY)


def views_of(business: Business) -> tuple[str, ...]:
    """The views in which what tells this kind of business can be: a washing machine stands on no counter."""
    on_counter = all(any(thing.place == "shelf" for thing in group) for group in business.signature)
    return tuple(
        view
        for view in VIEWS
        if (view != "counter" or on_counter) and not (business.is_outdoors and view in ("interior", "counter"))
    )


def sketch(
    split: Split, rng: random.Random, business: Business, view: str, plan: Camera, final: tuple[int, int]
) -> Canvas:
    """The drawn sheet, before the camera."""
    layout = rng.choice(layouts(VIEWS[view].AXES, split))
    canvas = _canvas(split, rng, plan, final)
    most = VIEWS[view].MOST_THINGS if final[0] >= final[1] else VIEWS[view].MOST_THINGS - 2
    VIEWS[view].draw(canvas, layout, brief(business, rng, VIEWS[view].MOST_KINDS, most, only_shelf=view == "counter"))
    return canvas


def _size(rng: random.Random, longer: int, aspects: Sequence[tuple[int, int]]) -> tuple[int, int]:
    across, down = rng.choice(aspects)
    return longer * across // max(across, down), longer * down // max(across, down)


def _canvas(split: Split, rng: random.Random, plan: Camera, final: tuple[int, int]) -> Canvas:
    inner = inner_size(final) if "screenshot" in plan.defects else final
    scale = 1.5 if max(inner) <= 400 else 1.2
    size = round(inner[0] * scale), round(inner[1] * scale)
    return Canvas(size, split, rng, round(plan.text_floor_px * scale), plan.text_contrast)


def _elsewhere(split: Split, rng: random.Random, plan: Camera, final: tuple[int, int]) -> Canvas:
    canvas = _canvas(split, rng, plan, final)
    subject = rng.choice(list(elsewhere.SUBJECTS))
    axes, draw = elsewhere.SUBJECTS[subject]
    draw(canvas, rng.choice(layouts(axes, split)))
    return canvas


def _develop(
    canvas: Canvas, plan: Camera, final: tuple[int, int], business: Business | None, view: str, rng: random.Random
) -> Scene:
    inner = inner_size(final) if "screenshot" in plan.defects else final
    picture = photograph(canvas.picture, plan, inner, rng)
    text = [one.line for one in canvas.written]
    if "watermark" in plan.defects:
        picture, line = watermarked(picture, rng)
        text.append(line)
    if "screenshot" in plan.defects:
        picture, line = framed(picture, final, rng)
        text.append(line)
    if plan.jpeg_quality is not None:
        picture = compressed(picture, plan.jpeg_quality)
    if business is None:
        return Scene(picture, truth_of_no_business(canvas, plan.defects, tuple(text)))
    return Scene(picture, _truth(canvas, plan, business, view, tuple(text), rng))


def _truth(
    canvas: Canvas, plan: Camera, business: Business, view: str, text: tuple[str, ...], rng: random.Random
) -> Truth:
    seen = canvas.visible()
    return Truth(
        category=business.category,
        view=view,
        objects=tuple(dict.fromkeys(one.thing.name for one in seen)),
        tags=wording.tags(view, business, seen),
        alt_text=wording.alt_text(view, business, seen, rng),
        caption=wording.caption(view, business, seen, canvas.written, canvas.details, plan.defects, rng),
        text=text,
        defects=plan.defects,
    )
