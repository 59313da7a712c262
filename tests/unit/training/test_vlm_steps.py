"""A training run that was interrupted ends exactly as one that was not."""

from pathlib import Path

import pytest
import torch
from torch import Tensor, nn

from workers.training.vlm.steps import COOL_DOWN_SHARE, WARM_UP_STEPS, Run, minutes_taken, rate_share, train


def linear() -> nn.Module:
    torch.manual_seed(5)
    return nn.Sequential(nn.Linear(8, 16), nn.GELU(), nn.Linear(16, 1))


def learn(state: Path, *stops: int | None, steps: int = 12) -> list[Tensor]:
    """The weights after ``steps``, taken by one process after another."""
    for stop in stops:
        model = linear()

        def loss_of(step: int, model: nn.Module = model) -> Tensor:
            numbers = torch.randn(4, 8, generator=torch.Generator().manual_seed(step))
            return (model(numbers) - numbers.sum(dim=1, keepdim=True)).square().mean()

        train(Run("test", steps, 1e-2, state, torch.device("cpu")), model, loss_of, stop)
    return [parameter.detach() for parameter in model.parameters()]


def test_a_run_in_three_parts_gives_the_same_weights_as_one_in_a_piece(tmp_path: Path) -> None:
    whole, parts = learn(tmp_path / "a.pt", None), learn(tmp_path / "b.pt", 5, 4, None)
    assert all(torch.equal(one, other) for one, other in zip(whole, parts, strict=True))
    assert any(not torch.equal(one, other) for one, other in zip(whole, linear().parameters(), strict=True))


def test_a_finished_run_takes_no_more_steps(tmp_path: Path) -> None:
    once = learn(tmp_path / "a.pt", None)
    assert all(torch.equal(one, other) for one, other in zip(once, learn(tmp_path / "a.pt", None), strict=True))


def test_the_minutes_of_all_parts_are_added_up(tmp_path: Path) -> None:
    run = Run("test", 12, 1e-2, tmp_path / "a.pt", torch.device("cpu"))
    assert minutes_taken(run) == 0
    learn(run.state, 3)
    first = minutes_taken(run)
    learn(run.state, 3)
    assert minutes_taken(run) > first > 0


def test_the_rate_rises_stays_and_falls_to_nothing() -> None:
    steps = 10 * WARM_UP_STEPS
    shares = [rate_share(step, steps) for step in range(steps)]
    fall = round(steps * (1 - COOL_DOWN_SHARE))
    assert shares[0] == pytest.approx(1 / WARM_UP_STEPS)
    assert shares[WARM_UP_STEPS : fall + 1] == [1.0] * (fall + 1 - WARM_UP_STEPS)
    assert shares[fall:] == sorted(shares[fall:], reverse=True) and shares[-1] < 0.01
