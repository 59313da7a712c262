"""The model of two towers: what it computes, what it remembers, and another vocabulary over the same vectors."""

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from workers.clip import zero_shot_clip
from workers.clip.preprocessing import Framing, PreprocessedImage
from workers.clip.vocabulary import Vocabulary
from workers.clip.zero_shot_clip import ZeroShotClip
from workers.server.text_embedding import Embeddings, unit_rows
from workers.wire import ContentReply

CONTENT = ContentReply(phash="0" * 16, width=1, height=1, format="png")


@dataclass
class Colours:
    """Towers for pictures of one pixel: a picture's vector is its colour, a text names one."""

    name: str = "colours"
    weights: str = "1" * 64
    space: str = "clip/colours@11111111"
    dimension: int = 3
    framing: Framing = field(default_factory=lambda: Framing(1, "squash"))
    scale: float = 10.0
    looked: list[list[bytes]] = field(default_factory=list)

    def encode_images(self, pictures: Sequence[bytes]) -> Embeddings:
        self.looked.append(list(pictures))
        return unit_rows(np.array([list(pixels) for pixels in pictures], np.float32))

    def encode_texts(self, texts: list[str]) -> Embeddings:
        return unit_rows(np.array([[1 + 9 * (word in text) for word in ("red", "green", "blue")] for text in texts]))


RED, GREEN, BLUE = (PreprocessedImage(CONTENT, pixels) for pixels in (b"\xff\0\0", b"\0\xff\0", b"\0\0\xff"))


def words(*names: str) -> Vocabulary:
    return Vocabulary.model_validate(
        {
            "threshold": 0.5,
            "most_tags": 1,
            "tags": {name: [name] for name in names},
            "classes": {name: {"showable": True, "prompts": [name]} for name in ("red", "green")},
            "quality": [{"good": "green", "bad": "red"}],
        }
    )


def test_a_picture_that_comes_again_is_not_computed_again() -> None:
    towers = Colours()
    model = ZeroShotClip(towers, words("red", "green"))
    first = model.embed_and_classify([RED, GREEN, RED])
    again = model.embed_and_classify([GREEN, BLUE])
    assert towers.looked == [[RED.pixels, GREEN.pixels], [BLUE.pixels]]
    assert np.array_equal(first[0].vector, first[2].vector) and np.array_equal(first[1].vector, again[0].vector)
    assert [sight.judgement.tags[0][0] for sight in first] == ["red", "green", "red"]


def test_another_vocabulary_judges_the_same_vectors_and_computes_none() -> None:
    towers = Colours()
    model = ZeroShotClip(towers, words("red", "green"))
    before = model.embed_and_classify([BLUE])[0]
    model.judge_by(words("red", "blue"))
    after = model.embed_and_classify([BLUE])[0]
    assert before.judgement.tags == () or before.judgement.tags[0][0] != "blue"
    assert after.judgement.tags[0][0] == "blue" and np.array_equal(before.vector, after.vector)
    assert len(towers.looked) == 1


def test_what_was_seen_longest_ago_is_forgotten_first(monkeypatch) -> None:
    monkeypatch.setattr(zero_shot_clip, "_REMEMBERED", 2)
    towers = Colours()
    model = ZeroShotClip(towers, words("red", "green"))
    for image in (RED, GREEN, RED, BLUE, RED, GREEN):
        model.embed_and_classify([image])
    assert towers.looked == [[RED.pixels], [GREEN.pixels], [BLUE.pixels], [GREEN.pixels]]
