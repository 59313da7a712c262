"""The prompt profiles as data for the recipe of the built-in model, which must not import the orchestrator.

``python -m tests.kit.vlm_prompts`` writes them anew after a change of a profile.
"""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from orchestrator.config.prompt_examples import load_prompt_examples
from orchestrator.domain.catalogue.model import Category
from orchestrator.domain.prompts.examples import Example
from orchestrator.domain.prompts.profiles import PROFILES, PromptProfile, example_line

FILE = Path(__file__).parents[2] / "workers" / "training" / "vlm" / "prompts.json"
PLACE = "{category}"
"""Stands where the category's name stands, quotation marks around it included."""
EXAMPLES = "{examples}"
"""Stands where the lines of the examples stand, if the profile shows any."""
_ANY = Example(("a",), "a", 0, "a")


def prompts_as_data() -> str:
    """Every question that a profile can ask, as JSON."""
    forms = [*PROFILES, *(profile.without_category for profile in PROFILES if profile.without_category)]
    asks = {profile.version + ("+category" if profile.needs_category else ""): _as_data(profile) for profile in forms}
    return json.dumps(dict(sorted(asks.items())), indent=1, ensure_ascii=False) + "\n"


def _as_data(profile: PromptProfile) -> Mapping[str, Any]:
    most = profile.strategy.example_count
    ask = profile.ask(Category("0", PLACE) if profile.needs_category else None, [_ANY] if most else [])
    prompt = ask.prompt.replace(json.dumps(PLACE), PLACE).replace(example_line(_ANY), EXAMPLES)
    form = {"prompt": prompt, "schema": ask.schema, "max_tokens": ask.max_tokens}
    if not most:
        return form
    lines = [example_line(example) for example in load_prompt_examples(None)]
    return {**form, "examples": {"most": most, "lines": lines}}


if __name__ == "__main__":
    FILE.write_text(prompts_as_data(), encoding="utf-8")
