"""Colours that have names, so that a caption can say them, and colours on which letters can be read."""

import random
from collections.abc import Mapping

Colour = tuple[int, int, int]

BLACK: Colour = (0, 0, 0)
WHITE: Colour = (255, 255, 255)
READABLE_CONTRAST = 4.5
"""The least contrast of text and ground in WCAG 2.2, success criterion 1.4.3."""

NAMED: Mapping[str, Colour] = {
    "red": (196, 48, 43),
    "orange": (232, 126, 38),
    "yellow": (240, 199, 66),
    "green": (58, 140, 76),
    "dark green": (30, 84, 58),
    "blue": (48, 104, 186),
    "dark blue": (32, 54, 108),
    "light blue": (142, 194, 228),
    "purple": (118, 70, 150),
    "pink": (232, 142, 172),
    "brown": (122, 80, 50),
    "beige": (222, 204, 172),
    "grey": (138, 142, 148),
    "white": (240, 240, 236),
    "black": (38, 38, 42),
}
STRONG = ("red", "orange", "green", "dark green", "blue", "dark blue", "purple", "brown", "black", "yellow")
SOFT = ("beige", "light blue", "yellow", "pink", "white", "grey", "green")


def near(name: str, rng: random.Random) -> Colour:
    """A shade that still deserves the name."""
    return mixed(NAMED[name], (rng.randrange(256), rng.randrange(256), rng.randrange(256)), 0.05)


def darker(colour: Colour, share: float) -> Colour:
    return mixed(colour, BLACK, share)


def lighter(colour: Colour, share: float) -> Colour:
    return mixed(colour, WHITE, share)


def mixed(one: Colour, other: Colour, share: float) -> Colour:
    """``one`` with ``share`` (0 to 1) of ``other``."""
    red, green, blue = (round(a + (b - a) * share) for a, b in zip(one, other, strict=True))
    return red, green, blue


def luminance(colour: Colour) -> float:
    """Relative luminance as WCAG 2.2 defines it, 0 to 1."""
    linear = [c / 255 / 12.92 if c <= 10 else ((c / 255 + 0.055) / 1.055) ** 2.4 for c in colour]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def contrast(one: Colour, other: Colour) -> float:
    """The contrast ratio of WCAG 2.2, 1 to 21."""
    lighter, darker = sorted((luminance(one), luminance(other)), reverse=True)
    return (lighter + 0.05) / (darker + 0.05)


def ink_on(ground: Colour, wanted: Colour, least: float = READABLE_CONTRAST) -> Colour:
    """``wanted`` where its contrast with ``ground`` suffices, else black or white."""
    if contrast(ground, wanted) >= least:
        return wanted
    return max((BLACK, WHITE), key=lambda ink: contrast(ground, ink))


def ground_for(wanted: Colour, least: float) -> Colour:
    """``wanted``, or as much darker or lighter that letters on it can have the contrast ``least``."""
    dark = contrast(wanted, WHITE) > contrast(wanted, BLACK)
    share, ground = 0.0, wanted
    while share < 1.0 and contrast(ground, WHITE if dark else BLACK) < least:
        share += 0.1
        ground = mixed(wanted, BLACK if dark else WHITE, share)
    return ground
