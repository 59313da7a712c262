"""A training that is stopped and resumed, and one network that begins with what another learnt."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import torch
from spandrel import ModelLoader
from torch.nn import functional

from workers.enhance.torch_basicsr import srvgg_net
from workers.training.sr.batches import Batches
from workers.training.sr.networks import compact, enlarged, take_over
from workers.training.sr.training import Plan, State, Trainer, rate_at, read_checkpoint, train

PLAN = Plan(scale=2, steps=6, count=2, side=16)
CPU = torch.device("cpu")
PICTURES = {"a": np.random.default_rng(2).integers(0, 256, (80, 80, 3), np.uint8)}


@pytest.fixture(autouse=True)
def _one_thread() -> Iterator[None]:
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


def test_a_resumed_training_ends_with_the_weights_of_an_uninterrupted_one(tmp_path: Path) -> None:
    uninterrupted = train(_trainer(), tmp_path / "whole.pt", _ignore)
    stopped = _trainer()
    for _ in range(3):
        stopped.advance()
    stopped.save(tmp_path / "part.pt")

    resumed = _trainer()
    resumed.resume(read_checkpoint(tmp_path / "part.pt"))
    steps = []
    weights = train(resumed, tmp_path / "part.pt", lambda step, _: steps.append(step))

    assert steps == [4, 5, 6]
    assert _equal(weights, uninterrupted)
    assert _equal(read_checkpoint(tmp_path / "part.pt").average, uninterrupted)


def test_another_seed_gives_other_weights(tmp_path: Path) -> None:
    one = train(_trainer(), tmp_path / "one.pt", _ignore)
    other = train(_trainer(Plan(2, 6, seed=5, count=2, side=16)), tmp_path / "other.pt", _ignore)

    assert not _equal(one, other)


def test_a_checkpoint_of_another_plan_is_refused(tmp_path: Path) -> None:
    _trainer().save(tmp_path / "part.pt")

    with pytest.raises(ValueError, match="another plan"):
        _trainer(Plan(2, 7, count=2, side=16)).resume(read_checkpoint(tmp_path / "part.pt"))


def test_learning_lowers_the_loss() -> None:
    flat = {"a": np.full((80, 80, 3), 90, np.uint8)}
    plan = Plan(2, 40, count=2, side=16)
    trainer = Trainer(plan, Batches(flat, plan.crops), CPU)

    losses = [trainer.advance() for _ in range(40)]

    assert min(losses[-5:]) < 0.7 * losses[0]


def test_the_rate_rises_and_falls() -> None:
    plan = Plan(2, 1000)
    rates = [rate_at(plan, step) for step in range(1000)]

    assert rates[0] == pytest.approx(plan.rate / 100)
    assert max(rates) == pytest.approx(plan.rate)
    assert rates[-1] < 0.002 * plan.rate


def test_four_times_begins_with_what_two_times_learnt() -> None:
    two, four = compact(2).state_dict(), compact(4)
    last = four.state_dict()["body.26.weight"].clone()

    take_over(four, two)

    assert _equal(
        {k: v for k, v in four.state_dict().items() if "26" not in k}, {k: two[k] for k in two if "26" not in k}
    )
    assert bool((four.state_dict()["body.26.weight"] == last).all())


@pytest.mark.parametrize("scale", [2, 4])
def test_a_fresh_network_enlarges_about_bilinearly(scale: int) -> None:
    small = torch.rand(1, 3, 16, 16, generator=torch.Generator().manual_seed(1))

    with torch.inference_mode():
        large = compact(scale)(small)
        wanted = functional.interpolate(small, scale_factor=scale, mode="bilinear")
    inner = (..., slice(scale, -scale), slice(scale, -scale))

    assert float((large - wanted)[inner].abs().mean()) < 0.01
    assert float((large - functional.interpolate(small, scale_factor=scale))[inner].abs().mean()) > 0.05


def test_basicsr_and_spandrel_take_the_state_dict() -> None:
    network = compact(4).eval()
    small = torch.rand(1, 3, 9, 11, generator=torch.Generator().manual_seed(1))
    others = [srvgg_net(network.state_dict()), ModelLoader().load_from_state_dict(network.state_dict()).model]

    with torch.inference_mode():
        for other in others:
            assert torch.allclose(other.eval()(small), network(small), atol=1e-5)


def test_the_pass_in_bfloat16_is_the_network_within_its_precision() -> None:
    network = compact(2).eval()
    small = torch.rand(2, 3, 12, 12, generator=torch.Generator().manual_seed(1))

    with torch.inference_mode():
        assert torch.allclose(enlarged(network, small, 2), network(small), atol=2e-3)


def _trainer(plan: Plan = PLAN) -> Trainer:
    return Trainer(plan, Batches(PICTURES, plan.crops), CPU)


def _ignore(_step: int, _loss: float) -> None:
    return None


def _equal(one: State, other: State) -> bool:
    return one.keys() == other.keys() and all(bool((one[name] == other[name]).all()) for name in one)
