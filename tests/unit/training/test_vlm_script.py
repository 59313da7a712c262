"""The tokenizer, and how questions and answers become what the model learns from."""

import random
from pathlib import Path

import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from transformers import CLIPVisionConfig, LlavaForConditionalGeneration

from tests.kit.vlm_lessons import noise_pictures, truths
from workers.training.vlm.answering import Script, learn_to_answer
from workers.training.vlm.questions import forms, training_question
from workers.training.vlm.shape import PATCHES, SIDE_PX, llava_config
from workers.training.vlm.steps import Run
from workers.training.vlm.tokenizer import build_processor, build_tokenizer, constant_lines
from workers.vlm.conversation import Conversation
from workers.vlm.grammar import Vocabulary

PROCESSOR = build_processor(build_tokenizer(truths(45), 0))
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


def test_a_prompt_takes_few_tokens_beside_the_picture() -> None:
    for name, form in forms().items():
        text = Conversation(PROCESSOR).text(form["prompt"].replace("{category}", '"bakery"'))
        assert len(TOKENIZER(text).input_ids) < 60, name


def test_answers_are_made_of_tokens_that_guided_decoding_lets_through() -> None:
    vocabulary = Vocabulary(TOKENIZER, len(TOKENIZER), [TOKENIZER.eos_token_id])
    rng = random.Random(3)
    for truth in truths(200):
        tokens = TOKENIZER(training_question(truth, rng).answer, add_special_tokens=False).input_ids
        assert all(vocabulary._inside[token] or vocabulary._outside[token] for token in tokens)


def test_the_loss_is_on_the_answers_alone_and_counts_the_verdict_more() -> None:
    rng = random.Random(4)
    questions = [training_question(truth, rng) for truth in truths(6)]
    batch = Script(PROCESSOR).batch(questions)
    assert batch.tokens.shape == batch.labels.shape == batch.mask.shape
    for row, asked in enumerate(questions):
        wanted = batch.labels[row] != -100
        assert TOKENIZER.decode(batch.labels[row][wanted]) == asked.answer + "</s>"
        ahead = torch.roll(batch.tokens[row], -1)  # a place foretells the token after it
        assert torch.equal(ahead[wanted], batch.labels[row][wanted])
        heavy = batch.labels[row][batch.weights[row] > 1]
        assert TOKENIZER.decode(heavy) == ("" if asked.matches is None else str(int(asked.matches)))
    assert (batch.tokens == TOKENIZER.convert_tokens_to_ids("<image>")).sum(dim=1).tolist() == [PATCHES] * 6


def test_the_script_reads_a_question_as_the_engine_does() -> None:
    picture = torch.zeros(SIDE_PX, SIDE_PX, 3, dtype=torch.uint8).numpy()
    asked = training_question(truths(1)[0], random.Random(5))
    text = Conversation(PROCESSOR).text(asked.prompt)
    engine = PROCESSOR(images=[[picture]], text=[text], return_tensors="pt")["input_ids"][0]
    batch = Script(PROCESSOR).batch([asked])
    assert torch.equal(batch.tokens[0, : len(engine)], engine)
    assert (batch.labels[0] != -100).nonzero()[0] == len(engine) - 1


def tiny_model() -> LlavaForConditionalGeneration:
    vision = CLIPVisionConfig(
        hidden_size=16,
        intermediate_size=16,
        num_hidden_layers=1,
        num_attention_heads=1,
        image_size=SIDE_PX,
        patch_size=16,
    )
    torch.manual_seed(6)
    return LlavaForConditionalGeneration(
        llava_config(vision, len(TOKENIZER), {"bos": 1, "eos": 2, "pad": 3, "image": 4})
    )


def test_lessons_that_were_interrupted_teach_the_same(tmp_path: Path) -> None:
    shown = noise_pictures(30, SIDE_PX)
    learnt = []
    for name, stops in (("whole", (None,)), ("parts", (1, None))):
        run = Run("answering", 2, 1e-3, tmp_path / f"{name}.pt", torch.device("cpu"))
        for stop in stops:
            model = tiny_model()
            learn_to_answer(model, Script(PROCESSOR), shown, run, 8, stop)
        learnt.append(model.state_dict())
    assert all(torch.equal(learnt[0][name], learnt[1][name]) for name in learnt[0])
    assert any(not torch.equal(learnt[0][name], before) for name, before in tiny_model().state_dict().items())
