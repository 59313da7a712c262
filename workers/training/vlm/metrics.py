"""How near a written answer comes to the right one. Pure arithmetic."""

import re
from collections.abc import Iterable, Sequence

_WORD = re.compile(r"\w+")


def words(text: str) -> list[str]:
    """The words of a text as metrics compare them: small letters, no punctuation."""
    return _WORD.findall(text.lower())


def f1(found: Iterable[str], wanted: Iterable[str]) -> float:
    """Harmonic mean of precision and recall of two sets of texts, whatever their case; 1 when both are empty."""
    ours, theirs = ({text.casefold() for text in texts} for texts in (found, wanted))
    if not ours and not theirs:
        return 1.0
    return 2 * len(ours & theirs) / (len(ours) + len(theirs))


def rouge_l(found: str, wanted: str) -> float:
    """ROUGE-L of two texts as one sequence of words each, with equal weight of precision and recall (C.-Y. Lin, ROUGE:
    A Package for Automatic Evaluation of Summaries, 2004, equations 2 to 4 with beta = 1)."""
    ours, theirs = words(found), words(wanted)
    if not ours or not theirs:
        return float(ours == theirs)
    return 2 * common_length(ours, theirs) / (len(ours) + len(theirs))


def common_length(one: Sequence[str], other: Sequence[str]) -> int:
    """Length of the longest common subsequence."""
    row = [0] * (len(other) + 1)
    for word in one:
        diagonal = 0
        for at, candidate in enumerate(other, 1):
            above = row[at]
            row[at] = diagonal + 1 if word == candidate else max(above, row[at - 1])
            diagonal = above
    return row[-1]


def balanced_accuracy(said: Sequence[bool], right: Sequence[bool]) -> float:
    """Mean of the shares of right answers among the questions to be answered yes and among those to be answered no.
    Raises ValueError unless there are some of each."""
    shares = []
    for truth in (True, False):
        answers = [ours for ours, theirs in zip(said, right, strict=True) if theirs is truth]
        if not answers:
            raise ValueError(f"no question was to be answered {truth}")
        shares.append(sum(ours is truth for ours in answers) / len(answers))
    return sum(shares) / 2
