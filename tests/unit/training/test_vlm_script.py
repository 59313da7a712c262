"""How questions and answers become what the model learns from."""

import json
import random

import pytest
import torch

from tests.kit.vlm_lessons import tiny_tower, truths
from workers.training.vlm.judging import Judge
from workers.training.vlm.questions import Question, hearsay, kinds, question, training_question
from workers.training.vlm.reading import new_reader
from workers.training.vlm.script import Script, answer_loss
from workers.training.vlm.shape import PATCHES, WIDTH
from workers.training.vlm.tokenizer import build_processor, build_tokenizer
from workers.vlm.chat_template import ChatTemplate

TOWER = tiny_tower()
PROCESSOR = build_processor(build_tokenizer(truths(45)), TOWER)
TOKENIZER = PROCESSOR.tokenizer
SCRIPT = Script(PROCESSOR)


def some(count: int) -> list[Question]:
    rng = random.Random(4)
    return [training_question(truth, rng) for truth in truths(count)]


def test_the_loss_is_on_the_answers_alone_and_counts_the_verdict_more() -> None:
    questions = some(12)
    batch = SCRIPT.batch(questions)
    assert batch.tokens.shape == batch.labels.shape == batch.weights.shape
    for row, asked in enumerate(questions):
        wanted = batch.labels[row] != -100
        assert TOKENIZER.decode(batch.labels[row][wanted]) == asked.answer + "</s>"
        ahead = torch.roll(batch.tokens[row], -1)  # a place foretells the token after it
        assert torch.equal(ahead[wanted], batch.labels[row][wanted])
        heavy = batch.labels[row][batch.weights[row] > 1]
        assert TOKENIZER.decode(heavy) == ("" if asked.matches is None else str(int(asked.matches)))
    assert batch.patches.sum(dim=1).tolist() == [PATCHES] * 12


def test_a_batch_knows_its_verdicts_and_what_they_are_about() -> None:
    questions = some(12)
    batch = SCRIPT.batch(questions)
    judged = [asked for asked in questions if asked.kinds is not None]
    assert TOKENIZER.decode(batch.labels[batch.verdicts]) == "".join(str(int(bool(one.matches))) for one in judged)
    told = [tuple(kinds()[number] for number in row) for row in batch.kinds.tolist()]
    assert told == [one.kinds for one in judged] and 0 < len(told) < 12
    assert all((one.kinds[0] == one.kinds[1]) is one.matches for one in judged if one.kinds)
    assert TOKENIZER.decode(batch.labels[batch.openings]) == '{"' * len(judged)
    assert SCRIPT.batch([one for one in questions if one.kinds is None]).kinds.shape == (0, 2)


def test_of_hearsay_only_the_verdict_counts() -> None:
    one, other = truths(2)
    asked = question("vision_json_cat/1+category", one, one.category, True)
    told = hearsay(asked, other)
    said = json.loads(told.answer)
    assert (said["description"], said["cat_match"]) == (other.caption, 1)
    assert (told.prompt, told.kinds) == (asked.prompt, asked.kinds)
    batch = SCRIPT.batch([told])
    assert TOKENIZER.decode(batch.labels[batch.weights > 0]) == "1"
    evidence = question("vision_json_cat_evidence/1+category", one, one.category, True)
    for unchanged in (question("description/1", one, None, None), evidence):
        assert hearsay(unchanged, other) is unchanged


def test_the_judge_is_content_with_a_network_that_tells_both_kinds() -> None:
    judge = Judge(len(kinds()) * 2)
    right = torch.tensor([[1, 5], [3, 3]])
    gathered = torch.nn.functional.one_hot(right, len(kinds())).flatten(1).float()
    for number, layer in enumerate((judge.asked, judge.shown)):
        torch.nn.init.zeros_(layer.bias)
        layer.weight.data = 10 * torch.eye(len(kinds()) * 2)[number * len(kinds()) : (number + 1) * len(kinds())]
    assert judge.loss(gathered, right) < 0.01 < 1 < judge.loss(gathered, right.flip(1))


def test_the_script_reads_a_question_as_the_engine_does() -> None:
    picture = torch.zeros(TOWER.side_px, TOWER.side_px, 3, dtype=torch.uint8).numpy()
    (asked,) = some(1)
    text = ChatTemplate(PROCESSOR).text(asked.prompt)
    engine = PROCESSOR(images=[[picture]], text=[text], return_tensors="pt")["input_ids"][0]
    batch = SCRIPT.batch([asked])
    assert torch.equal(batch.tokens[0, : len(engine)], engine)
    assert (batch.labels[0] != -100).nonzero()[0] == len(engine) - 1


def test_a_picture_may_have_fewer_patches() -> None:
    few, all_of_them = SCRIPT.batch(some(2), 5), SCRIPT.batch(some(2))
    assert few.patches.sum(dim=1).tolist() == [5, 5]
    assert all_of_them.tokens.shape[1] - few.tokens.shape[1] == PATCHES - 5


def cost(seen: torch.Tensor, questions: list[Question]) -> float:
    reader = new_reader(0, TOKENIZER)
    return answer_loss(reader.decoder, [reader.judge], seen, SCRIPT.batch(questions)).item()


def test_neither_neighbours_nor_what_fills_up_change_what_an_answer_costs() -> None:
    truth = truths(1)[0]
    pair = [question(form, truth, None, None) for form in ("full_details/1", "description/1")]
    seen = torch.randn(2, PATCHES, WIDTH, generator=torch.Generator().manual_seed(1))
    alone = [cost(seen[row : row + 1], [asked]) for row, asked in enumerate(pair)]
    lengths = [int((SCRIPT.batch([asked]).labels != -100).sum()) for asked in pair]
    together = sum(one * length for one, length in zip(alone, lengths, strict=True)) / sum(lengths)
    assert cost(seen, pair) == pytest.approx(together, rel=1e-4)


def test_what_is_seen_matters() -> None:
    one, other = torch.randn(2, 1, PATCHES, WIDTH, generator=torch.Generator().manual_seed(2))
    assert cost(one, some(1)) != cost(other, some(1))
