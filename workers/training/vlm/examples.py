"""Which labelled examples a question shows: the nearest ones, chosen as the orchestrator chooses them.

The examples are data of the questions; see ``questions.forms``.
"""

import json
import math
import re
from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Any

PLACE = "{examples}"
"""Where the lines of the examples come into a prompt."""
_BLOCK = re.compile(rf"[^\n]*\n<examples>\n{re.escape(PLACE)}\n</examples>\n")
_WORD = re.compile(r"\w+")


def nearest(form: Mapping[str, Any], tags: Mapping[str, float], called: str) -> tuple[str, ...]:
    """The lines to show, nearest first, if ``form`` shows any. ``tags``: what is known of the picture, with scores;
    ``called``: the category asked about. See orchestrator.domain.prompts.examples.nearest."""
    shown = form.get("examples", {"most": 0, "lines": ()})
    scores = {_folded(tag): score for tag, score in tags.items()}
    length = math.hypot(*scores.values())
    if not length:
        return ()
    found = []
    for place, line in enumerate(shown["lines"]):
        known, category = _parsed(line)
        shared = sum(sorted(scores[tag] for tag in known & scores.keys()))
        likeness = shared / (length * math.sqrt(len(known))) + 0.5 * _shared_words(called, category)
        if likeness:
            found.append((-round(likeness, 9), place))
    return tuple(shown["lines"][place] for _, place in sorted(found)[: shown["most"]])


def with_examples(prompt: str, lines: Sequence[str]) -> str:
    """``prompt`` with these examples; without any, what would introduce them goes, too."""
    return prompt.replace(PLACE, "\n".join(lines)) if lines else _BLOCK.sub("", prompt)


@lru_cache(maxsize=1024)
def _parsed(line: str) -> tuple[frozenset[str], str]:
    example = json.loads(line)
    return frozenset(_folded(tag) for tag in example["tags"]), example["category"]


def _shared_words(one: str, other: str) -> float:
    ours, theirs = set(_WORD.findall(_folded(one))), set(_WORD.findall(_folded(other)))
    return len(ours & theirs) / len(ours | theirs) if ours and theirs else 0.0


def _folded(text: str) -> str:
    return " ".join(text.casefold().split())
