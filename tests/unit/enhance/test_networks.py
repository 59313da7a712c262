"""The enhance model of networks: which one is taken, what it gives, and what it says about it."""

from dataclasses import dataclass, field

import numpy as np
import pytest
from PIL import Image

from tests.kit.sr_networks import srvgg
from tests.unit.enhance.conftest import Make
from workers.enhance.gate import HARMFUL_COLOUR, HARMFUL_STRUCTURE
from workers.enhance.network import Bytes, Network, NotFinite
from workers.enhance.networks import HARMFUL_OUTPUT, Networks
from workers.enhance.picture import Enlarged, Enlargement, Harmful
from workers.images.codecs import Pixels


@dataclass
class Repeating:
    """Repeats each pixel ``scale`` times and adds ``tint`` to red; None is not a number."""

    name: str
    scale: int
    tint: int | None = 0
    weights: str = "w"
    runtime: str = "test 1"
    tile_pixels: int = 1 << 20
    batch: int = 1
    halo = multiple = minimum = 1
    precise: Network | None = None
    runs: list[int] = field(default_factory=list)

    def run(self, windows: Bytes) -> Bytes:
        self.runs.append(len(windows))
        if self.tint is None:
            raise NotFinite(self.name)
        large = windows.repeat(self.scale, axis=1).repeat(self.scale, axis=2)
        return np.clip(large.astype(int) + np.array([self.tint, 0, 0]), 0, 255).astype(np.uint8)


def item(width: int, height: int, *, photograph: Bytes, image_type: str = "general") -> Enlargement:
    return Enlargement(Pixels.of(Image.fromarray(photograph)), width, height, image_type)  # type: ignore[arg-type]


def one(networks: Networks, wanted: Enlargement) -> Enlarged | Harmful:
    [outcome] = networks.core([wanted])
    return outcome


@pytest.mark.parametrize(
    ("size", "taken"),
    [((240, 180), "two"), ((150, 113), "two"), ((241, 181), "four"), ((480, 360), "four"), ((240, 181), "two")],
)
def test_the_cheapest_network_that_suffices_is_taken(size: tuple[int, int], taken: str, photograph: Bytes) -> None:
    outcome = one(Networks("own", [Repeating("four", 4), Repeating("two", 2)]), item(*size, photograph=photograph))
    assert isinstance(outcome, Enlarged) and outcome.model == taken
    assert (outcome.pixels.width, outcome.pixels.height) == size


def test_pictures_of_text_have_networks_of_their_own_if_there_are_any(photograph: Bytes) -> None:
    usual, text = Repeating("usual", 2), Repeating("text", 2, weights="v")
    for special, expected in (({"text": [text]}, "text"), ({"text": []}, "usual")):
        networks = Networks("own", [usual], special)  # type: ignore[arg-type]
        outcome = one(networks, item(240, 180, photograph=photograph, image_type="text"))
        assert isinstance(outcome, Enlarged) and outcome.model == expected
        assert one(networks, item(240, 180, photograph=photograph)).model == "usual"  # type: ignore[union-attr]


@pytest.mark.parametrize(("tint", "reason"), [(40, HARMFUL_COLOUR), (None, HARMFUL_OUTPUT)])
def test_a_result_that_would_do_harm_is_not_given(tint: int | None, reason: str, photograph: Bytes) -> None:
    networks = Networks("own", [Repeating("two", 2, tint)])
    assert one(networks, item(240, 180, photograph=photograph)) == Harmful(reason)


def test_random_weights_do_harm_and_say_so(make: Make, photograph: Bytes) -> None:
    spoilt = Networks("own", [make(srvgg(2, residual=3.0))])
    assert one(spoilt, item(240, 180, photograph=photograph)) == Harmful(HARMFUL_STRUCTURE)


def test_every_runtime_gives_the_same_picture_and_a_recipe_of_its_own(make: Make, photograph: Bytes) -> None:
    network = make(srvgg(2, residual=0.02))
    outcome = one(Networks("own", [network]), item(200, 150, photograph=photograph))
    assert isinstance(outcome, Enlarged) and outcome.model == network.name
    assert one(Networks("own", [network]), item(200, 150, photograph=photograph)) == outcome
    plain = np.asarray(Image.fromarray(photograph).resize((200, 150), Image.Resampling.BICUBIC), int)
    assert np.abs(np.asarray(outcome.pixels.image()) - plain).mean() < 6


def test_nothing_is_enlarged_that_has_its_size_already(photograph: Bytes) -> None:
    network = Repeating("two", 2)
    outcome = one(Networks("own", [network]), item(120, 90, photograph=photograph))
    assert isinstance(outcome, Enlarged) and outcome.pixels.image().size == (120, 90)
    assert (outcome.model, network.runs) == ("own", [])


def recipe(photograph: Bytes, **changed: object) -> str:
    network = Repeating("two", 2, **changed)  # type: ignore[arg-type]
    outcome = one(Networks("own", [network]), item(240, 180, photograph=photograph))
    assert isinstance(outcome, Enlarged)
    return outcome.recipe


@pytest.mark.parametrize(
    "changed",
    [{"weights": "x"}, {"runtime": "test 2"}, {"tile_pixels": 1 << 19}, {"precise": Repeating("precise", 2)}],
)
def test_whatever_decides_the_bytes_decides_the_recipe(changed: dict[str, object], photograph: Bytes) -> None:
    assert recipe(photograph) == recipe(photograph)
    assert recipe(photograph, **changed) != recipe(photograph)


@pytest.mark.parametrize("scales", [(2, 2), (1,), ()])
def test_networks_that_leave_no_choice_or_none_at_all_are_a_mistake(scales: tuple[int, ...]) -> None:
    with pytest.raises(ValueError, match="network"):
        Networks("own", [Repeating(f"n{index}", scale) for index, scale in enumerate(scales)])
