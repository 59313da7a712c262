"""Honest files and requests with a few bytes changed: the same seed, the same mutations."""

import json
import random
from collections.abc import Sequence

from PIL import Image

from tests.kit.heif_files import grid, still
from tests.kit.image_files import encoded
from tests.kit.worker import PHOTOS

_SIDE = 32


def mutated_pictures(seed: int, count: int) -> list[bytes]:
    """A small photograph in every kind of file that is read, with one to eight changes each."""
    small = Image.open(PHOTOS / "astronaut.png").convert("RGB").resize((_SIDE, _SIDE))
    exif = Image.Exif()
    exif[0x0112] = 6
    sources = [encoded(small, name, **more) for name, more in (("JPEG", {"exif": exif}), ("JPEG", {"progressive": 1}))]
    sources += [encoded(small.convert(mode), "JPEG") for mode in ("L", "CMYK")]
    sources += [encoded(small.convert(mode), "PNG") for mode in ("RGB", "P", "LA", "1", "RGBA")]
    sources += [encoded(small, "WEBP"), encoded(small, "WEBP", lossless=True)]
    sources.append(encoded(small, "WEBP", save_all=True, append_images=[small.rotate(90)]))
    sources += [encoded(small, "AVIF"), still(), grid(2, 2, width=480, height=320)]
    return mutated(seed, count, sources, most_changes=8)


def mutated_texts(seed: int, count: int) -> list[bytes]:
    """Requests of texts with one to three changes each."""
    sources = [json.dumps({"texts": texts}, ensure_ascii=False).encode() for texts in _TEXTS]
    return mutated(seed, count, [*sources, json.dumps({"texts": _TEXTS[0]}).encode()], most_changes=3)


_TEXTS = (["a shop", "café 😀", "\0"], [], ["x" * 300, "दुकान", "👩\u200d👧"])


def mutated(seed: int, count: int, sources: Sequence[bytes], most_changes: int) -> list[bytes]:
    """``count`` bodies, each one of ``sources`` with bits turned, bytes replaced, cut off, doubled."""
    dice = random.Random(seed)
    return [_mutated(dice, bytearray(dice.choice(sources)), dice.randint(1, most_changes)) for _ in range(count)]


def _mutated(dice: random.Random, body: bytearray, changes: int) -> bytes:
    for _ in range(changes):
        at = dice.randrange(len(body))
        match dice.randrange(6):
            case 0 | 1:
                body[at] ^= 1 << dice.randrange(8)
            case 2:
                body[at : at + dice.randint(1, 64)] = dice.randbytes(dice.randint(0, 64))
            case 3:
                body[at : at + 4] = dice.choice((b"\xff\xff\xff\xff", bytes(4), b"\x7f\xff\xff\xff"))
            case 4:
                del body[max(at, 1) :]
            case _:
                body[at:at] = body[: dice.randint(1, 200)]
    return bytes(body)
