"""Pictures of known content, and one template model that looks at them."""

import json
from collections.abc import Callable
from typing import Any

import pytest

from orchestrator.domain.prompts.profiles import PROFILES, PromptProfile, profile_for
from tests.kit.sighted_clip import Shown, SightedClip, square
from workers.clip.vocabulary import BUILT_IN
from workers.vlm.requests import GenerateResult
from workers.vlm.template_describer import TemplateDescriber

ASKED = (*PROFILES, profile_for("full_details", None))
"""Every form of a question, full_details with and without a category."""
RED = (200, 30, 30)
Compose = Callable[[Shown], dict[str, Any]]


def answer_to(shown: Shown, prompt: str, schema: dict[str, Any]) -> GenerateResult | Exception:
    model = TemplateDescriber(SightedClip({RED: shown}), BUILT_IN)
    return model.generate([square(RED, prompt, json.dumps(schema))])[0]


def prompt_about(name: str) -> str:
    return f"Judge.\n<category>{json.dumps(name)}</category>"


@pytest.fixture
def compose() -> Compose:
    """The whole answer to the long form without a category."""
    schema = next(it for it in ASKED if it.name == "full_details" and not it.needs_category).answer.model_json_schema()

    def composed(shown: Shown) -> dict[str, Any]:
        answer = answer_to(shown, "Describe.", schema)
        assert isinstance(answer, GenerateResult), answer
        value: dict[str, Any] = json.loads(answer.text)
        return value

    return composed


def profile_named(name: str) -> PromptProfile:
    return next(profile for profile in ASKED if profile.name == name)
