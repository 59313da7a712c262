"""The words of a picture, made of nothing but what is drawn in it."""

import random
from collections.abc import Mapping, Sequence

from workers.training.world.canvas import Placed, Written
from workers.training.world.catalogue import Business
from workers.training.world.grammar import article, counted, listed, sentence

VIEW_TAGS: Mapping[str, str] = {
    "exterior": "street front", "interior": "interior", "counter": "counter", "product": "product",
}  # fmt: skip
_PLACES: Mapping[str, tuple[str, ...]] = {
    "window": ("{things} {stand} in the window", "{things} {be} on display in the window", "the window shows {things}"),
    "outside": ("{things} {stand} outside", "{things} {be} on the pavement in front of it"),
    "shelf": ("{things} {stand} on the shelves", "the shelves hold {things}", "{things} {be} on a shelf"),
    "table": ("{things} {be} on a table", "a table holds {things}", "{things} {stand} on the table"),
    "desk": ("{things} {lie} on the desk", "{things} {be} on the desk"),
    "behind": ("{things} {stand} behind it", "{things} {be} behind the counter"),
    "desk_behind": ("{things} {stand} behind the desk", "{things} {be} behind the desk"),
    "floor": ("{things} {stand} in the room", "{things} {be} on the floor"),
    "beside": ("{things} {be} there too", "{things} {stand} to one side"),
    "forecourt": ("{things} {stand} in front of it", "{things} {be} on the forecourt"),
    "counter": ("{things} {stand} on the counter", "{things} {be} on it", "the counter holds {things}"),
    "case": ("{things} {be} in the glass case", "the glass case holds {things}", "{things} {lie} behind the glass"),
}
_PREFIX: Mapping[str, str] = {
    "screenshot": "screenshot", "blur": "blurred", "noise": "grainy", "dark": "dark", "jpeg": "badly compressed",
    "watermark": "watermarked",
}  # fmt: skip


ASIDE = ("outside", "behind", "desk_behind", "beside")
"""Where people and passers-by are, of whom a short text says nothing."""


def grouped(placed: Sequence[Placed]) -> dict[str, list[Placed]]:
    """Things by where they are: the place with the largest first, people and passers-by last."""
    groups: dict[str, list[Placed]] = {}
    for one in sorted(placed, key=lambda one: one.where in ASIDE):
        groups.setdefault(one.where, []).append(one)
    return groups


def placed_clause(where: str, placed: Sequence[Placed], rng: random.Random) -> str:
    """ "two croissants stand in the window"."""
    many = len(placed) > 1
    verbs = {"stand": "stand" if many else "stands", "lie": "lie" if many else "lies", "be": "are" if many else "is"}
    return rng.choice(_PLACES[where]).format(things=listed(counted(placed)), **verbs)


def opening(view: str, business: Business, details: Mapping[str, str], rng: random.Random) -> str:
    """What the picture is of, as a noun phrase."""
    if view == "exterior":
        parts = [details[key] for key in ("front", "awning", "door") if key in details]
        shown = listed(rng.sample(parts, rng.randint(1, min(2, len(parts)))))
        return rng.choice(("the front of {noun} with {shown}", "{noun} seen from the street, with {shown}")).format(
            noun=business.noun, shown=shown
        )
    if view == "interior":
        shown = listed([details["walls"], details["floor"]])
        form = rng.choice(
            ("the inside of {noun} with {shown}", "a room in {noun} with {shown}", "the interior of {noun}")
        )
        return form.format(noun=business.noun, shown=shown)
    form = rng.choice(("{counter} in {noun}, before {walls}", "the counter of {noun}: {counter} before {walls}"))
    return form.format(counter=details["counter"], noun=business.noun, walls=details["walls"])


def caption(
    view: str,
    business: Business,
    placed: Sequence[Placed],
    written: Sequence[Written],
    details: Mapping[str, str],
    defects: Sequence[str],
    rng: random.Random,
) -> str:
    """One to three sentences for somebody who cannot see the picture."""
    if view == "product":
        form = rng.choice(("{things} from {noun} on {ground}", "{things} on {ground}, from {noun}"))
        first = form.format(things=listed(counted(placed)), ground=details["background"], noun=business.noun)
        clauses = []
    else:
        first = opening(view, business, details, rng)
        clauses = [placed_clause(where, group, rng) for where, group in grouped(placed).items()]
    sentences = [sentence(prefixed(first, defects))]
    if clauses:
        sentences.append(sentence(listed_clauses(clauses)))
    reading = read(written, rng)
    return " ".join([*sentences, sentence(reading)] if reading else sentences)


def listed_clauses(clauses: Sequence[str]) -> str:
    """Clauses in one sentence."""
    if len(clauses) < 3:
        return ", and ".join(clauses)
    return f"{', '.join(clauses[:-1])}, and {clauses[-1]}"


def prefixed(first: str, defects: Sequence[str]) -> str:
    """ "a dark, grainy picture of ..." where that is what it is."""
    if not defects:
        return first
    adjectives = ", ".join(_PREFIX[defect] for defect in defects if defect != "screenshot")
    kind = "screenshot" if "screenshot" in defects else "picture"
    return f"{article(f'{adjectives} {kind}'.strip())} of {first}"


def read(written: Sequence[Written], rng: random.Random) -> str:
    """What can be read, as a clause; empty when there is nothing to read."""
    signs = [one.line for one in written if one.where in ("sign", "label", "board")]
    prices = [one.line for one in written if one.where == "price"]
    if signs:
        kind = {"sign": "sign", "label": "label", "board": "board"}[
            next(w.where for w in written if w.line == signs[0])
        ]
        quoted = listed([f"'{line}'" for line in signs])
        return rng.choice((f"the {kind} reads {quoted}", f"the {kind} says {quoted}"))
    if prices:
        return f"the price {'tag reads' if len(prices) == 1 else 'tags read'} {listed(prices)}"
    return ""


def alt_text(view: str, business: Business, placed: Sequence[Placed], rng: random.Random) -> str:
    """One short sentence."""
    shown = listed(counted([one for one in placed if one.where not in ASIDE])[:2])
    at = "in front of it" if business.is_outdoors else "in the window"
    forms = {
        "exterior": (f"the front of {{noun}} with {{shown}} {at}", f"{{noun}} from the street, {{shown}} {at}"),
        "interior": ("inside {noun}, with {shown}", "the inside of {noun} with {shown}"),
        "counter": ("the counter of {noun} with {shown}", "{shown} at the counter of {noun}"),
        "product": ("{shown} from {noun}", "{shown}, as seen at {noun}"),
    }[view]
    return sentence(rng.choice(forms).format(noun=business.noun, shown=shown))


def tags(view: str, business: Business, placed: Sequence[Placed]) -> tuple[str, ...]:
    """The category, the view, the business's own tags and the most prominent things: at most eight, none twice."""
    names = [one.thing.name for one in placed]
    return tuple(dict.fromkeys([business.category, VIEW_TAGS[view], *business.tags, *dict.fromkeys(names)]))[:8]
