"""The prompt profiles as data for the recipe of the built-in model, which must not import the orchestrator.

``python -m tests.kit.vlm_prompts`` writes them anew after a change of a profile.
"""

import json
from pathlib import Path

from orchestrator.domain.catalogue import Category
from orchestrator.domain.prompts import PROFILES

FILE = Path(__file__).parents[2] / "workers" / "training" / "vlm" / "prompts.json"
PLACE = "{category}"
"""Stands where the category's name stands, quotation marks around it included."""


def prompts_as_data() -> str:
    """Every question that a profile can ask, as JSON."""
    forms = [*PROFILES, *(profile.without_category for profile in PROFILES if profile.without_category)]
    asks = {}
    for profile in forms:
        ask = profile.ask(Category("0", PLACE) if profile.needs_category else None)
        asks[profile.version + ("+category" if profile.needs_category else "")] = {
            "prompt": ask.prompt.replace(json.dumps(PLACE), PLACE),
            "schema": ask.schema,
            "max_tokens": ask.max_tokens,
        }
    return json.dumps(dict(sorted(asks.items())), indent=1, ensure_ascii=False) + "\n"


if __name__ == "__main__":
    FILE.write_text(prompts_as_data(), encoding="utf-8")
