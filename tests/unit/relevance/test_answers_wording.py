"""Refusals and loops in the place of a description, and what only looks like them."""

import pytest

from orchestrator.domain.prompts.parsing import Problem, is_refusal, read_answer, repeats_itself
from orchestrator.domain.prompts.profiles import profile_for
from tests.kit.fake_relevance import HOT, SAID, said

PLAIN = profile_for("vision_json", HOT)


@pytest.mark.parametrize(
    "text",
    [
        "I cannot see the image.",
        "I'm sorry, but I can't help with that.",
        "I\u2019m unable to view pictures, but it may show a cake.",
        "Unfortunately, I do not have access to the image.",
        "As an AI language model, I describe text only.",
        "No image was provided, so there is nothing to describe.",
        "I am really sorry about this.",
        "I apologize, this is not possible.",
        "I can't assist with that request.",
        "I won't be able to describe what is shown, I cannot really tell.",
        "I will not describe this person.",
        "I must decline to describe this picture.",
        "I'm not comfortable describing people.",
        "As a large language model, I read text only.",
        "Sorry, but I can't do that.",
        "Unfortunately, this image is beyond what I can describe.",
        "Unable to process the image.",
        "Cannot identify the object.",
        "This image cannot be displayed.",
    ],
)
def test_a_refusal_in_place_of_a_description_is_a_problem(text: str) -> None:
    assert is_refusal(text)
    for name in ("description", "alt_text"):
        assert isinstance(read_answer(said({**SAID, name: text}), PLAIN), Problem)


@pytest.mark.parametrize(
    "text",
    [
        "A sign on the door says: Sorry, we are closed.",
        "A man who cannot see walks with a white cane.",
        "An image that was provided by the owner hangs in a frame.",
        "A hairdresser's salon in which no customer can be seen.",
        "A shop assistant who works as an assistant at a bakery.",
        "A note on the wall: this image cannot be shown to guests.",
        "A sign reads: Unable to help you today, please come back tomorrow.",
        "An AI company's stand, with a robot that can see and describe pictures.",
        "A door. Beside it a sign says that the shop will not be open.",
    ],
)
def test_a_description_that_only_sounds_like_a_refusal_is_none(text: str) -> None:
    assert not is_refusal(text)


@pytest.mark.parametrize(
    "text",
    [
        "cake " * 4,
        "A cake on a table. " * 4,
        "There is a table. " + "and a chair, " * 4 + "in the room.",
        " ".join(f"word{i}" for i in range(16)) + (" " + " ".join(f"word{i}" for i in range(16))) * 3,
        "Sooooooooooooooo good",
        " ".join(f"word{i}" for i in range(40)) + (" " + " ".join(f"word{i}" for i in range(40))) * 3,
        "A sign that says " + "haha" * 6,
        "\u5f88\u597d" * 12,
    ],
)
def test_saying_the_same_over_and_over_is_a_problem(text: str) -> None:
    assert repeats_itself(text)
    assert read_answer(said({**SAID, "description": text}), PLAIN) == Problem(
        "description: says the same over and over"
    )


@pytest.mark.parametrize(
    "text", ["A very, very, very good cake", SAID["description"], "", "=" * 40, "Table 1, table 2, table 3, table 4"]
)
def test_ordinary_repetition_is_none(text: str) -> None:
    assert not repeats_itself(text)


@pytest.mark.parametrize("text", ["!" * 40, "\U0001f642" * 30, "12 34", "- - -"])
def test_a_description_without_a_word_is_a_problem(text: str) -> None:
    assert read_answer(said({**SAID, "description": text}), PLAIN) == Problem("description: holds no word")
