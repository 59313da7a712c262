"""Variables that look like settings and are none: a misspelt one must not pass for a default without a word."""

from collections.abc import Iterable
from difflib import get_close_matches

from orchestrator.config.settings import Settings

_PREFIX = "JUSTLENS_"
_OF_WORKERS = frozenset({"WEIGHTS", "WEIGHTS_CACHE"})


def find_misspelt(environment: Iterable[str]) -> list[str]:
    """One sentence per variable that begins like a setting and is none, with the nearest name there is."""
    known = {name.upper() for name in Settings.model_fields}
    ours = {name: name.upper().removeprefix(_PREFIX) for name in environment if name.upper().startswith(_PREFIX)}
    return [_describe(name, ours[name], known) for name in sorted(ours) if ours[name] not in known | _OF_WORKERS]


def _describe(name: str, word: str, known: Iterable[str]) -> str:
    nearest = get_close_matches(word, known, n=1)
    remedy = f"do you mean {_PREFIX}{nearest[0]}?" if nearest else "`justlens config` shows every setting"
    return f"{name} is no setting and is ignored; {remedy}"
