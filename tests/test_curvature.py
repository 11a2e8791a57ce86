"""The learned curvature against objectives whose curvature is known, and what the descent gains by it."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

import pytest
import torch
from torch import Tensor

from nst_engine.curvature import Curvature
from nst_engine.objective import Losses
from nst_engine.optimize import LBFGS, Adam
from nst_engine.pyramid import Size

COARSE, FINE = Size(48, 64), Size(95, 128)


def noise(size: Size, seed: int = 0) -> Tensor:
    return torch.randn(1, 3, *size, generator=torch.Generator().manual_seed(seed))


def gradient_change(change: Tensor) -> Tensor:
    """That of an objective a hundred times as steep for the finest of details, thrice for a color."""
    height, width = change.shape[2:]
    frequency = torch.hypot(torch.fft.fftfreq(height)[:, None], torch.fft.rfftfreq(width)[None])
    steepness = 0.01 + frequency.square()
    light = change.mean(dim=1, keepdim=True)
    weighted = light + 3 * (change - light)
    return torch.fft.irfft2(torch.fft.rfft2(weighted) * steepness, s=(height, width)) / (height * width)


@pytest.fixture
def curvature() -> Curvature:
    return learned_from([noise(COARSE, seed) for seed in range(3)])


def learned_from(changes: Sequence[Tensor]) -> Curvature:
    learned = Curvature.of_first_step(gradient_change(noise(COARSE, 5)), 0.01)
    for change in changes:
        learned.learn(change, gradient_change(change))
    return learned


@pytest.mark.parametrize("size", [COARSE, FINE])
def test_a_newton_step_undoes_a_change_at_this_scale_and_at_a_finer_one(curvature, size):
    change = noise(size, 7)
    step = curvature.newton_step(gradient_change(change))
    assert step.shape == change.shape
    assert float((step + change).norm() / change.norm()) < 0.2


def test_a_gradient_step_would_not_undo_it():
    change = noise(COARSE, 7)
    gradient = gradient_change(change)
    best_length = (change * gradient).sum() / gradient.square().sum()
    assert float((change - best_length * gradient).norm() / change.norm()) > 0.5


def test_before_the_first_change_a_step_follows_the_gradient_and_is_as_long_as_asked():
    gradient = noise(COARSE)
    step = Curvature.of_first_step(gradient, 0.01).newton_step(gradient)
    assert float(step.abs().mean()) == pytest.approx(0.01, rel=1e-3)
    assert torch.allclose(step / step.norm(), -gradient / gradient.norm(), atol=1e-5)


def test_colors_that_never_changed_get_a_finite_step():
    learned = learned_from([noise(COARSE)[:, :1].expand(1, 3, -1, -1)])
    assert learned.newton_step(noise(COARSE)).isfinite().all()


def test_a_step_that_does_not_descend_is_shortened_and_leaves_nothing_behind():
    goal, image = noise(COARSE, 1).mul_(0.1).add_(0.5).clamp_(0, 1), noise(COARSE, 2).mul_(0.1).add_(0.5).clamp_(0, 1)
    optimizer, seen = LBFGS(), []

    def with_a_wall(x: Tensor) -> tuple[Losses, Tensor]:
        """Nothing but a number that is none in the first two places that are tried."""
        losses, gradient = evaluate(x - goal)
        seen.append(x)
        blocked = 2 <= len(seen) <= 3
        return (
            (dataclasses.replace(losses, style=losses.style * torch.nan), gradient * torch.nan)
            if blocked
            else (losses, gradient)
        )

    before = image.clone()
    steps = optimizer.steps(with_a_wall, image, 12)
    for _ in range(3):
        next(steps)
        assert torch.equal(image, before)
    tried = [float((x - before).norm()) for x in seen[1:]]
    assert tried[1] == pytest.approx(LBFGS.SHORTER * tried[0], rel=0.1)
    for _ in steps:
        pass
    assert value(image - goal) < 0.1 * value(before - goal)


def test_rounding_of_the_value_does_not_end_the_descent():
    goal, image = noise(COARSE, 1).mul_(0.1).add_(0.5).clamp_(0, 1), noise(COARSE, 2).mul_(0.1).add_(0.5).clamp_(0, 1)
    before, errors = value(image - goal), iter([0.0, 0.0, 0.0, -1.0] + 40 * [0.0])

    def rounded(x: Tensor) -> tuple[Losses, Tensor]:
        """Far more than what is left to gain, and once rounded down further than all other times."""
        losses, gradient = evaluate(x - goal)
        large = 1e4 * before
        return dataclasses.replace(losses, style=losses.style + large * (1 + 1e-4 * next(errors))), gradient

    for _ in LBFGS().steps(rounded, image, 40):
        pass
    assert value(image - goal) < 1e-3 * before


def test_at_a_finer_scale_one_evaluation_goes_most_of_the_way():
    optimizer = LBFGS()
    for size in (COARSE, FINE):
        goal, image = noise(size, 1).mul_(0.1).add_(0.5).clamp_(0, 1), noise(size, 2).mul_(0.1).add_(0.5).clamp_(0, 1)
        before = value(image - goal)
        optimizer.resize(size)
        for _ in optimizer.steps(lambda x, goal=goal: evaluate(x - goal), image, 10 if size == COARSE else 1):
            pass
        assert value(image - goal) < 0.1 * before


def test_no_step_reads_a_number_from_the_device():
    """A device without data: whoever asks it for a number gets an error instead."""
    image = torch.empty(1, 3, *COARSE, device="meta")
    for optimizer in (LBFGS(), Adam(0.05)):
        for losses in optimizer.steps(
            lambda x: (Losses(*torch.empty(3, device="meta")), torch.empty_like(x)), image, 4
        ):
            with pytest.raises(RuntimeError):
                losses.as_numbers()


def evaluate(error: Tensor) -> tuple[Losses, Tensor]:
    nothing = torch.zeros(())
    return Losses(nothing, value(error), nothing), gradient_change(error)


def value(error: Tensor) -> Tensor:
    return (error * gradient_change(error)).sum() / 2
