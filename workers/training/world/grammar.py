"""A little English: articles, numbers, lists."""

from collections.abc import Sequence

from workers.training.world.canvas import Placed

NUMBERS = ("no", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine")


def article(phrase: str) -> str:
    """The phrase with "a" or "an"."""
    return f"{'an' if phrase[0] in 'aeiou' else 'a'} {phrase}"


def listed(phrases: Sequence[str]) -> str:
    """ "a", "a and b", "a, b and c"."""
    if len(phrases) < 2:
        return "".join(phrases)
    return f"{', '.join(phrases[:-1])} and {phrases[-1]}"


def counted(placed: Sequence[Placed]) -> list[str]:
    """ "two croissants", "a loaf of bread": one phrase per name, in the order of the first of each."""
    names: dict[str, list[Placed]] = {}
    for one in placed:
        names.setdefault(one.thing.name, []).append(one)
    return [
        f"{NUMBERS[len(group)]} {group[0].thing.many}" if len(group) > 1 else group[0].thing.one
        for group in names.values()
    ]


def sentence(words: str) -> str:
    """With a capital letter and a full stop."""
    return f"{words[0].upper()}{words[1:]}."
