"""The gate's clip model: what passes every mean and shows something else."""

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
import pytest
from PIL import Image, ImageFilter

from tests.unit.enhance.test_networks import Repeating, item, one
from workers.clip.preprocessing import Framing
from workers.enhance.command import main
from workers.enhance.gate import harm
from workers.enhance.likeness import BUILTIN_AT_LEAST, HARMFUL_CONTENT, Likeness, builtin_likeness
from workers.enhance.network import Bytes
from workers.enhance.networks import Networks
from workers.enhance.picture import Enlarged, Harmful
from workers.server.text_embedding import Embeddings, unit_rows


@dataclass
class Layout:
    """Sees 4 x 4 colours and where they are."""

    weights: str = "1" * 64
    framing: Framing = field(default_factory=lambda: Framing(4, "squash"))

    def encode_images(self, pictures: Sequence[bytes]) -> Embeddings:
        return unit_rows(np.array([list(pixels) for pixels in pictures], np.float32) + 1)


class Mirroring(Repeating):
    """A network that mirrors the middle of the picture."""

    def run(self, windows: Bytes) -> Bytes:
        large = super().run(windows)
        third = large.shape[2] // 3
        large[:, :, third:-third] = large[:, :, third:-third][:, :, ::-1]
        return large


@pytest.fixture
def even(photograph: Bytes) -> Bytes:
    """A photograph of little contrast, of which the gate's means say little."""
    return (photograph // 16 + 120).astype(np.uint8)


def test_what_passes_the_gate_and_shows_something_else_is_turned_down(even: Bytes) -> None:
    network = Mirroring("two", 2)
    assert harm(even, network.run(even[np.newaxis])[0], 2) is None
    assert isinstance(one(Networks("own", [network]), item(240, 180, photograph=even)), Enlarged)
    strict = Networks("own", [network], likeness=Likeness(Layout(), 0.999999))
    assert one(strict, item(240, 180, photograph=even)) == Harmful(HARMFUL_CONTENT)


def test_what_shows_the_same_passes_and_its_recipe_says_who_judged(photograph: Bytes) -> None:
    wanted = item(240, 180, photograph=photograph)
    judges = (None, Likeness(Layout(), 0.9), Likeness(Layout(), 0.8), Likeness(Layout("2" * 64), 0.9))
    made = [one(Networks("own", [Repeating("two", 2)], likeness=judge), wanted) for judge in judges]
    assert all(isinstance(outcome, Enlarged) for outcome in made)
    assert len({outcome.recipe for outcome in made if isinstance(outcome, Enlarged)}) == len(judges)


def test_the_built_in_clip_takes_an_honest_enlargement_for_its_source_and_a_smeared_one_less_so(
    photograph: Bytes,
) -> None:
    likeness, source = builtin_likeness(BUILTIN_AT_LEAST, threads=1), Image.fromarray(photograph)
    honest = source.resize((240, 180), Image.Resampling.LANCZOS)
    smeared = honest.copy()
    smeared.paste(honest.crop((60, 0, 180, 180)).filter(ImageFilter.GaussianBlur(12)), (60, 0))
    assert likeness.harm(photograph, np.asarray(honest)) is None
    for reduced in (1, 2):
        alike = likeness.cosine(photograph, np.asarray(honest), reduced)
        assert likeness.cosine(photograph, np.asarray(smeared), reduced) < alike


def test_fine_detail_alone_is_no_harm_and_another_picture_is(photograph: Bytes) -> None:
    class Sharpness(Layout):
        """Sees how much neighbours differ, and nothing else."""

        def encode_images(self, pictures: Sequence[bytes]) -> Embeddings:
            squares = (np.frombuffer(pixels, np.uint8).reshape(32, 32, 3).astype(float) for pixels in pictures)
            return unit_rows(np.array([[np.abs(np.diff(one, axis=0)).mean(), 20.0] for one in squares], np.float32))

    judge = Likeness(Sharpness(framing=Framing(32, "squash")), 0.98)
    levels = photograph[:32, :32]
    grain = np.indices(levels.shape[:2]).sum(axis=0)[..., np.newaxis] % 2 * 40
    detailed = np.clip(levels // 2 + 60 + grain, 0, 255).astype(np.uint8)
    enlarged = np.repeat(np.repeat(levels // 2 + 80, 2, 0), 2, 1).astype(np.uint8)
    assert judge.cosine(detailed, enlarged) < 0.98 <= judge.cosine(detailed, enlarged, 2)
    assert judge.harm(detailed, enlarged) is None
    stripes = np.repeat(np.arange(64) // 4 % 2 * 200, 64).reshape(64, 64, 1).repeat(3, 2).astype(np.uint8)
    assert judge.harm(detailed, stripes) == HARMFUL_CONTENT


@pytest.mark.parametrize("arguments", [("--model", "lanczos", "--gate-clip", "0.9"), ("--gate-clip", "1.5")])
def test_a_bar_that_means_nothing_is_refused(arguments: tuple[str, ...], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(arguments)
    assert ended.value.code == 2 and "--gate-clip" in capsys.readouterr().err
