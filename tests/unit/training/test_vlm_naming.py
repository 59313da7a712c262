"""What a seen thing is to say to the decoder: the words for it."""

import torch

from tests.kit.vlm_lessons import truths
from workers.training.vlm.naming import name_vectors
from workers.training.vlm.studies import thing_names
from workers.training.vlm.tokenizer import build_tokenizer

TOKENIZER = build_tokenizer(truths(45), 0)


def embeddings() -> torch.Tensor:
    return torch.randn(len(TOKENIZER), 1024, generator=torch.Generator().manual_seed(1)) * 0.02


def test_every_thing_has_a_vector_as_long_as_an_embedding_and_the_background_has_none() -> None:
    table = embeddings()
    vectors = name_vectors(TOKENIZER, table)
    assert len(vectors) == len(thing_names())
    assert vectors[0].norm() == 0
    torch.testing.assert_close(vectors[1:].norm(dim=1), table.norm(dim=1).mean().expand(len(vectors) - 1))


def test_a_vector_is_near_to_the_words_of_its_thing_and_to_no_others() -> None:
    table = embeddings()
    vectors = name_vectors(TOKENIZER, table)
    for name in ("bread", "razor", "paint brush"):
        row = vectors[thing_names().index(name)]
        likeness = torch.nn.functional.cosine_similarity(row, table)
        own = TOKENIZER(f" {name}", add_special_tokens=False).input_ids
        assert min(likeness[own]) > 0.15 > 1.5 * likeness.quantile(0.95)
