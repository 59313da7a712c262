"""Which prompt profile is in force and which examples there are: mistakes are refused with the field and the remedy."""

from pathlib import Path

import pytest

from orchestrator.config import load_settings
from orchestrator.config.prompt_examples import SHIPPED, load_prompt_examples
from orchestrator.domain.errors import ConfigurationError
from orchestrator.domain.prompts.examples import Example
from orchestrator.domain.prompts.profiles import PROFILES

GOOD = "- {tags: [bread], category: bakery, cat_match: 1, reason: bread}\n"


@pytest.mark.parametrize("name", [profile.name for profile in PROFILES])
def test_every_profile_can_be_the_one_in_force(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("JUSTLENS_PROMPT", name)
    assert load_settings().prompt == name


@pytest.mark.parametrize("name", ["vision_json_cat_chain", "few_shot", ""])
def test_an_unknown_profile_is_refused_naming_those_that_exist(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("JUSTLENS_PROMPT", name)
    with pytest.raises(ConfigurationError) as refusal:
        load_settings()
    (line,) = refusal.value.problems
    assert line.startswith("JUSTLENS_PROMPT: there is no prompt profile of that name; use one of ")
    assert all(profile.name in line for profile in PROFILES)


def test_examples_of_ones_own_take_the_place_of_those_of_the_package(tmp_path: Path) -> None:
    file = tmp_path / "examples.yaml"
    file.write_text(GOOD + "- {tags: [a], category: b, cat_match: 0, reason: c, business_id: ACME, image_id: 7}\n")
    first, second = load_prompt_examples(file)
    assert first == Example(("bread",), "bakery", 1, "bread")
    assert second == Example(("a",), "b", 0, "c", "acme/7")
    file.write_text("[]")
    assert load_prompt_examples(file) == ()


def test_unset_means_those_of_the_package() -> None:
    assert load_settings().prompt_examples_file is None
    assert load_prompt_examples(None) == load_prompt_examples(SHIPPED) != ()


@pytest.mark.parametrize(
    ("text", "problems"),
    [
        ("tags: [", ["not YAML"]),
        ("{}", ["the document: Input should be a valid list"]),
        (GOOD.replace("bakery", "' '"), ["0.category"]),
        (GOOD.replace("cat_match: 1", "cat_match: 2"), ["0.cat_match: Input should be 0 or 1"]),
        (GOOD.replace("[bread]", "[]"), ["0.tags"]),
        (GOOD + GOOD.replace("reason", "why"), ["1.reason: Field required", "1.why: is not a known key"]),
        (GOOD.replace("reason: bread", "reason: bread, image_id: 7"), ["0: business_id and image_id name a picture"]),
        (GOOD.replace("reason: bread", "reason: bread, business_id: a/b, image_id: 7"), ["0.business_id"]),
    ],
)
def test_every_mistake_in_a_file_of_examples_is_said_with_its_place_and_remedy(
    text: str, problems: list[str], tmp_path: Path
) -> None:
    file = tmp_path / "examples.yaml"
    file.write_text(text)
    with pytest.raises(ConfigurationError) as refusal:
        load_prompt_examples(file)
    lines = refusal.value.problems
    assert len(lines) == len(problems)
    for line, problem in zip(lines, problems, strict=True):
        assert line.startswith(f"JUSTLENS_PROMPT_EXAMPLES_FILE: {file}: {problem}"), line
        assert line.endswith("or unset JUSTLENS_PROMPT_EXAMPLES_FILE for the examples of the package")


def test_a_file_that_cannot_be_read_is_refused(tmp_path: Path) -> None:
    for path, why in ((tmp_path / "none.yaml", "cannot be read"), (tmp_path, "cannot be read")):
        with pytest.raises(ConfigurationError, match=why):
            load_prompt_examples(path)
    binary = tmp_path / "binary.yaml"
    binary.write_bytes(b"\xff\xfe\x00")
    with pytest.raises(ConfigurationError, match="UTF-8"):
        load_prompt_examples(binary)
