"""The core of every worker with its built-in model on one thread, to be asked for a batch of any size.

What is put into a batch has never been seen before: models remember.
"""

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import count

from PIL import Image

from tests.bench.pictures import photograph
from workers.builtin import FOLDER, pinned
from workers.clip.builtin import VOCABULARY, source_in
from workers.clip.builtin import load_builtin as load_clip
from workers.clip.onnx_model import OnnxTowers
from workers.clip.preprocessing import crop_to_square
from workers.enhance.builtin import load_builtin as load_enhance
from workers.enhance.picture import Enlargement
from workers.images.codecs import Pixels
from workers.text.onnx_sentences import OnnxSentences
from workers.training.text.corpus import short_sentences
from workers.vlm.requests import GenerateRequest
from workers.vlm.template_describer import TemplateDescriber

_SCHEMA = json.dumps(
    {
        "type": "object",
        "properties": {
            "description": {"type": "string"},
            "alt_text": {"type": "string", "maxLength": 120},
            "tags": {"type": "array", "items": {"type": "string"}},
        },
    }
)
_WIDTH, _HEIGHT = 160, 120


@dataclass(frozen=True, slots=True)
class Core:
    """``prepared(count)`` is a batch of that many, ready to be run."""

    worker: str
    item: str
    prepared: Callable[[int], Callable[[], object]]


def cores() -> Iterator[Core]:
    """One after another, so that one model at a time is in memory."""
    seeds = count()
    yield Core("enhance", f"{_WIDTH} x {_HEIGHT}, twice as large", _enhance(seeds))
    yield Core("clip", "a square of 192 pixels", _clip(seeds))
    yield Core("text", "a sentence of 12 tokens", _text(seeds))
    yield Core("vlm", "a template description", _vlm(seeds))


def _picture(seeds: Iterator[int]) -> Image.Image:
    return photograph(_WIDTH, _HEIGHT, next(seeds))


def _enhance(seeds: Iterator[int]) -> Callable[[int], Callable[[], object]]:
    model = load_enhance(threads=1)

    def prepared(size: int) -> Callable[[], object]:
        batch = [Enlargement(Pixels.of(_picture(seeds)), 2 * _WIDTH, 2 * _HEIGHT) for _ in range(size)]
        return lambda: model.core(batch)

    return prepared


def _clip(seeds: Iterator[int]) -> Callable[[int], Callable[[], object]]:
    towers = OnnxTowers(source_in(FOLDER / "clip"), threads=1)

    def prepared(size: int) -> Callable[[], object]:
        squares = [crop_to_square(_picture(seeds), towers.framing).tobytes() for _ in range(size)]
        return lambda: towers.encode_images(squares)

    return prepared


def _text(seeds: Iterator[int]) -> Callable[[int], Callable[[], object]]:
    model = OnnxSentences("built-in", pinned("minilm/model.onnx"), pinned("minilm/tokenizer.json"), threads=1)

    def prepared(size: int) -> Callable[[], object]:
        batch = [(sentence,) for sentence in short_sentences(next(seeds), size)]
        return lambda: model.encode(batch)

    return prepared


def _vlm(seeds: Iterator[int]) -> Callable[[int], Callable[[], object]]:
    model = TemplateDescriber(load_clip(threads=1), VOCABULARY)

    def prepared(size: int) -> Callable[[], object]:
        pictures = [_picture(seeds).tobytes() for _ in range(size)]
        batch = [GenerateRequest(pixels, _WIDTH, _HEIGHT, "Describe it.", _SCHEMA, 512) for pixels in pictures]
        return lambda: model.generate(batch)

    return prepared
