"""The words of a picture that shows no business."""

from workers.training.world.canvas import Canvas
from workers.training.world.catalogue import NONE
from workers.training.world.grammar import counted, listed, sentence
from workers.training.world.truth import Truth
from workers.training.world.wording import prefixed


def truth_of_no_business(canvas: Canvas, defects: tuple[str, ...], text: tuple[str, ...]) -> Truth:
    """Landscapes and animals count as exteriors, patterns as products."""
    seen, details = canvas.visible(), canvas.details
    subject = details["subject"]
    if subject == "pattern":
        short = f"an abstract pattern of {details['colours']} {details['pattern']}"
        words = f"{short} on {details['background']}"
        view, tags = "product", ["pattern", "abstract", details["pattern"]]
    else:
        names = listed(counted(seen))
        place = f"{details['ground']} under {details['sky']}"
        where = "on" if "beach" in place else "in front of"
        short = f"{names} {where} {details['ground']}" if names else place
        words = f"{names} {where} {place}" if names else f"a landscape: {place}"
        view, tags = "exterior", [subject, "nature", "outdoors"]
    names_seen = tuple(dict.fromkeys(one.thing.name for one in seen))
    return Truth(
        category=NONE,
        view=view,
        objects=names_seen,
        tags=tuple(dict.fromkeys([*tags, *names_seen])),
        alt_text=sentence(short),
        caption=f"{sentence(prefixed(words, defects))} No business can be seen.",
        text=text,
        defects=defects,
    )
