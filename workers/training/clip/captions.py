"""What is said of a picture while learning: its caption, its alt text, or a short phrase of some of its words."""

import random

from workers.training.world.catalogue import NONE, businesses, things
from workers.training.world.truth import Truth

_PLACES = {
    "exterior": ("the outside of {}", "the front of {}", "{} seen from the street"),
    "interior": ("the inside of {}", "a room of {}"),
    "counter": ("the counter of {}", "goods on the counter of {}"),
    "product": ("a product picture of {}", "goods of {}"),
}
_FORMS = ("{}", "a photo of {}", "a picture of {}")
_CAPTION_SHARE, _ALT_TEXT_SHARE = 0.4, 0.35


def said_of(truth: Truth, rng: random.Random) -> str:
    """One text that is true of the picture."""
    drawn = rng.random()
    if drawn < _CAPTION_SHARE:
        return truth.caption
    if drawn < _CAPTION_SHARE + _ALT_TEXT_SHARE:
        return truth.alt_text
    return rng.choice((_phrase, _listed))(truth, rng)


def _phrase(truth: Truth, rng: random.Random) -> str:
    shown = [things()[name].one for name in truth.objects[:4]]
    if truth.category == NONE:
        return rng.choice(_FORMS).format(rng.choice(shown) if shown else truth.alt_text)
    place = rng.choice(_PLACES[truth.view]).format(businesses()[truth.category].noun)
    words = f"{place} with {rng.choice(shown)}" if shown and rng.random() < 0.6 else place
    return rng.choice(_FORMS).format(words)


def _listed(truth: Truth, rng: random.Random) -> str:
    return ", ".join(rng.sample(truth.tags, rng.randint(1, min(5, len(truth.tags)))))
