"""The figures of the gate: they must tell a gate that turns down what is spoilt from one that turns down anything."""

import numpy as np
import pytest

from workers.enhance.likeness import BUILTIN_AT_LEAST, Likeness, builtin_likeness
from workers.training.sr import gate_quality
from workers.training.sr.degradations import Picture
from workers.training.sr.gate_quality import reduced, results, rows
from workers.training.sr.photographs import read_skimage
from workers.training.sr.quality import Enlarge, built_in_networks
from workers.training.sr.spoiling import SPOILT

CAT = read_skimage()["chelsea"]


@pytest.fixture(scope="module")
def network() -> Enlarge:
    return built_in_networks()[2]


@pytest.fixture(scope="module")
def likeness() -> Likeness:
    return builtin_likeness(BUILTIN_AT_LEAST, threads=1)


@pytest.fixture(autouse=True)
def few_scenes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gate_quality, "SCENES", 1)


def test_what_is_harmless_passes_and_what_is_spoilt_is_told_by_who_turned_it_down(
    network: Enlarge, likeness: Likeness
) -> None:
    found = {row["name"]: row for row in rows({2: network}, {"cat": CAT}, likeness)}
    passed = found["gate: harmless results let pass, share"]
    assert passed["value"] == 1 and passed["holds"] and passed["n"] == "8 results"
    assert found["gate: checkered, turned down by means, share"]["value"] == 1
    assert found["gate: another picture, turned down by means, share"]["value"] == 1
    assert found["gate: half smeared, turned down by means, share"]["value"] == 0


def test_a_gate_that_turns_down_the_good_misses_its_bar(network: Enlarge) -> None:
    found = rows({2: network}, {"cat": CAT}, builtin_likeness(1.01, threads=1))
    assert found[0]["value"] == 0 and not found[0]["holds"]


def test_a_smeared_half_is_turned_down_by_the_clip_model_alone(network: Enlarge, likeness: Likeness) -> None:
    pictures = [reduced(picture, 2) for picture in read_skimage().values()]
    by = [result.by for result in results(2, network, pictures, likeness) if result.what == "half smeared"]
    assert set(by) <= {"clip", None} and by.count("clip") >= len(by) // 4


@pytest.mark.parametrize("name", SPOILT)
def test_every_way_to_spoil_changes_the_picture_and_is_the_same_each_time(name: str) -> None:
    picture = reduced(CAT, 2)
    before = picture.copy()

    def spoilt() -> Picture:
        return SPOILT[name](picture, np.random.default_rng(3))

    assert np.array_equal(spoilt(), spoilt()) and np.array_equal(picture, before)
    assert spoilt().shape == picture.shape and np.abs(spoilt().astype(int) - picture).mean() > 0.5
