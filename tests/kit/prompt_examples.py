"""The labelled examples that come with the package, made of the kinds of business of the demo world.

``python -m tests.kit.prompt_examples`` writes them anew after a change of the demo world.
"""

from collections.abc import Iterator

import yaml

from orchestrator.config.prompt_examples import SHIPPED
from workers.training.world.catalogue import Business, Thing, businesses

_HEAD = """\
# Right verdicts to learn from: what was seen of a picture (its tags), the category that was asked about, whether it
# fits (1) or not (0), and why. The nearest ones are shown to a model whose prompt profile is vision_json_cat_few_shot.
# business_id and image_id, given together, say which picture it was: that one is never asked with its own verdict.
# A file of your own: JUSTLENS_PROMPT_EXAMPLES_FILE.
"""
_SEEN = 2


def prompt_examples() -> str:
    """The file: of each kind of business a picture that fits, and one asked about the kind most like it."""
    lines = (yaml.safe_dump(entry, default_flow_style=True, sort_keys=False, width=10_000) for entry in _entries())
    return _HEAD + "".join(f"- {line}" for line in lines)


def _entries() -> Iterator[dict[str, object]]:
    kinds = list(businesses())
    for place, (name, business) in enumerate(businesses().items()):
        shown = [group[0] for group in business.signature] + list(business.signature[0][1:]) + list(business.more)
        yield _entry(name, shown[:_SEEN], name, 1, f"{_many(shown[:_SEEN])} belong to {business.noun}")
        others = kinds[place + 1 :] + kinds[:place]
        other = max(others, key=lambda it: len(_sold(it) & _sold(name)))
        telling = [thing for thing in shown if thing.name not in _sold(other)][:_SEEN]
        why = f"{_many(telling)} belong to {business.noun}, not to {businesses()[other].noun}"
        yield _entry(name, telling, other, 0, why)


def _entry(kind: str, shown: list[Thing], category: str, match: int, reason: str) -> dict[str, object]:
    tags = [kind, *(thing.name for thing in shown)]
    return {"tags": tags, "category": category, "cat_match": match, "reason": reason}


def _many(shown: list[Thing]) -> str:
    return " and ".join(thing.many for thing in shown)


def _sold(name: str) -> set[str]:
    business: Business = businesses()[name]
    return {thing.name for group in (*business.signature, business.more) for thing in group}


if __name__ == "__main__":
    SHIPPED.write_text(prompt_examples(), encoding="utf-8")
