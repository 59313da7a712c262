"""What is said of pictures without any defect, and of what strong compression made of them.

Text pages, flat graphics and charts drawn for this, and parts of photographs that nothing was learnt from.
"""

import io
from collections.abc import Callable, Iterator, Mapping, Sequence
from types import MappingProxyType

import numpy as np
from PIL import Image

from workers.clip.defects import inspect_picture, judged_with
from workers.clip.model import Judgement, Towers
from workers.clip.preprocessing import crop_to_square
from workers.clip.vocabulary import Vocabulary
from workers.clip.zero_shot import ZeroShotClassifier
from workers.server.text_embedding import Embeddings
from workers.training.clip.graphics import DRAWN, HELD_OUT_FROM, drawn_pictures
from workers.training.figures import Row, row
from workers.training.sr.photograph_list import Part
from workers.training.sr.photographs import FETCHED, Picture, read_part, read_skimage

DRAWN_COUNT = 100
QUALITY = 30
RESIZED = 0.9
FLAGS = ("blur", "noise", "dark", "jpeg", "watermark", "screenshot")
SPARED_AT_LEAST, CAUGHT_AT_LEAST = 0.97, 0.8
_LONGEST = 1200
_PART = 0.6
_MOST_PIXELS = 40_000_000

Judge = Callable[[bytes], Judgement]


def views(picture: Picture) -> Iterator[Image.Image]:
    """The whole photograph and four parts of it, as large as a catalogue has them."""
    whole = Image.fromarray(picture)
    starts = (0.0, 1 - _PART)
    boxes = [(0.0, 0.0, 1.0, 1.0), *((left, top, left + _PART, top + _PART) for left in starts for top in starts)]
    for left, top, right, bottom in boxes:
        width, height = whole.size
        part = whole.crop((round(left * width), round(top * height), round(right * width), round(bottom * height)))
        part.thumbnail((_LONGEST, _LONGEST), Image.Resampling.LANCZOS)
        yield part


def photograph_rows(towers: Towers) -> Embeddings:
    """The vectors of views of the photographs that may be learnt from. Raises MissingPhotographs."""
    known = [*read_part(FETCHED, Part.TRAIN).values(), *read_part(FETCHED, Part.VALIDATION).values()]
    squares = [crop_to_square(view, towers.framing).tobytes() for one in known for view in views(one)]
    return np.concatenate([towers.encode_images([square]) for square in squares])


def held_out_photographs() -> list[Image.Image]:
    """Views of the others. Raises MissingPhotographs."""
    known = [*read_part(FETCHED, Part.HELD_OUT).values(), *read_skimage().values()]
    return [view for one in known for view in views(one)]


def judge_of(towers: Towers, vocabulary: Vocabulary) -> Judge:
    """What the worker says of a file: the model and the measures of its pixels together."""
    model = ZeroShotClassifier(vocabulary, towers.encode_texts, towers.scale)

    def judge(body: bytes) -> Judgement:
        (_, defects), square = inspect_picture(body, towers.framing, _MOST_PIXELS)
        return judged_with(model.judge(towers.encode_images([square])[0]), defects)

    return judge


def sent_as_png(picture: Image.Image) -> bytes:
    return _file(picture, "PNG")


def compressed(picture: Image.Image) -> bytes:
    """A JPEG of low quality."""
    return _file(picture, "JPEG", quality=QUALITY)


def saved_again(picture: Image.Image) -> bytes:
    """What that JPEG shows, without its tables."""
    return sent_as_png(_shown(compressed(picture)))


def resized_again(picture: Image.Image) -> bytes:
    """The same a little smaller, as a page shows it."""
    shown = _shown(compressed(picture))
    size = (round(shown.width * RESIZED), round(shown.height * RESIZED))
    return sent_as_png(shown.resize(size, Image.Resampling.LANCZOS))


SPOILT: Mapping[str, tuple[Callable[[Image.Image], bytes], float | None]] = MappingProxyType(
    {
        f"JPEG of quality {QUALITY}": (compressed, CAUGHT_AT_LEAST),
        f"JPEG of quality {QUALITY} saved as PNG": (saved_again, CAUGHT_AT_LEAST),
        f"JPEG of quality {QUALITY} at {RESIZED:.0%} of its size, saved as PNG": (resized_again, None),
    }
)
"""What becomes of a picture, and the share of them that is to be flagged."""


def rows(judge: Judge, photographs: Sequence[Image.Image]) -> list[Row]:
    """By kind of picture: how many of the clean ones are spared each flag, and how many of the compressed are found."""
    kinds = {
        **{kind: drawn_pictures(kind, DRAWN_COUNT, HELD_OUT_FROM) for kind in DRAWN},
        "photographs": list(photographs),
    }
    made = []
    for kind, pictures in kinds.items():
        n = f"{len(pictures)} {kind}"
        raised = [judge(sent_as_png(one)).flags for one in pictures]
        for name in FLAGS:
            spared = float(np.mean([name not in flags for flags in raised]))
            made.append(row(f"flags: no {name} on clean {kind}", spared, n, SPARED_AT_LEAST))
        for what, (spoil, target) in SPOILT.items():
            caught = ["jpeg" in judge(spoil(one)).flags for one in pictures]
            made.append(row(f"flags: jpeg found, {what}, {kind}", float(np.mean(caught)), n, target))
    return made


def _file(picture: Image.Image, image_format: str, **options: int) -> bytes:
    out = io.BytesIO()
    picture.save(out, image_format, **options)
    return out.getvalue()


def _shown(body: bytes) -> Image.Image:
    with Image.open(io.BytesIO(body)) as image:
        return image.convert("RGB")
