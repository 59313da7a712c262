"""The tokenizer of the built-in vision-language model."""

import random

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from tests.kit.vlm_lessons import tiny_tower, truths
from workers.training.vlm.data import square
from workers.training.vlm.features import as_input
from workers.training.vlm.questions import forms, names, training_question
from workers.training.vlm.tokenizer import build_processor, build_tokenizer, constant_lines, numbers_of
from workers.vlm.chat_template import ChatTemplate
from workers.vlm.grammar import Vocabulary

TOWER = tiny_tower()
PROCESSOR = build_processor(build_tokenizer(truths(45)), TOWER)
TOKENIZER = PROCESSOR.tokenizer


@settings(max_examples=200, deadline=None)
@given(st.text(st.characters(exclude_categories=["Cs"])))
def test_any_text_comes_back_from_its_tokens(text: str) -> None:
    special = set(TOKENIZER.all_special_tokens)
    if not any(token in text for token in special):
        assert TOKENIZER.decode(TOKENIZER(text, add_special_tokens=False).input_ids) == text


def test_each_unchanging_line_of_the_prompts_is_one_token() -> None:
    lengths = {line: len(TOKENIZER(line, add_special_tokens=False).input_ids) for line in constant_lines()}
    assert set(lengths.values()) == {1}, lengths


def test_the_own_name_of_a_category_is_one_token_in_questions_and_answers() -> None:
    for name in names():
        asked = TOKENIZER(f'<category>"{name}"</category>', add_special_tokens=False).input_ids
        said = TOKENIZER(f'"tags":["{name}","interior"]', add_special_tokens=False).input_ids
        (own,) = TOKENIZER.convert_tokens_to_ids([name.replace(" ", "Ġ")])  # as byte-level tokenizers write a blank
        assert own in asked and own in said, name


def test_a_prompt_takes_few_tokens_beside_the_picture() -> None:
    for name, form in forms().items():
        text = ChatTemplate(PROCESSOR).text(form["prompt"].replace("{category}", '"bakery"'))
        assert len(TOKENIZER(text).input_ids) < 60, name


def test_answers_are_made_of_tokens_that_guided_decoding_lets_through() -> None:
    vocabulary = Vocabulary(TOKENIZER, len(TOKENIZER), [TOKENIZER.eos_token_id])
    rng = random.Random(3)
    for truth in truths(200):
        tokens = TOKENIZER(training_question(truth, rng).answer, add_special_tokens=False).input_ids
        assert all(vocabulary._inside[token] or vocabulary._outside[token] for token in tokens)


def test_the_marks_have_different_numbers() -> None:
    assert len(set(numbers_of(TOKENIZER).values())) == 4
    assert numbers_of(TOKENIZER)["eos"] == TOKENIZER.eos_token_id


def test_a_picture_is_learnt_from_as_the_engine_sees_it() -> None:
    noise = np.random.default_rng(1).integers(0, 256, (40, 70, 3), dtype=np.uint8)
    picture = Image.fromarray(noise).resize((280, 160), Image.Resampling.BICUBIC)
    engine = PROCESSOR(images=[[picture]], text=["<image>"], return_tensors="pt")["pixel_values"]
    learnt = as_input(np.asarray(square(picture, TOWER.side_px))[None], TOWER)
    assert engine.shape == learnt.shape and engine.std() > 0.05
    assert (engine - learnt).abs().max() < 0.03  # rounding to whole levels
