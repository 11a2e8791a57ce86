"""The learned curvature against objectives whose curvature is known, and what the descent gains by it."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
import torch
from bowls import COARSE, FINE, Bowl, gradient_change, noise
from torch import Tensor

from nst_engine.curvature import Curvature
from nst_engine.optimize import LBFGS


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


def test_at_a_finer_scale_one_evaluation_goes_most_of_the_way():
    optimizer = LBFGS()
    for size in (COARSE, FINE):
        bowl = Bowl(0.1 * noise(size, 1) + 0.5)
        start = 0.1 * noise(size, 2) + 0.5
        optimizer.resize(size)
        *_, last = optimizer.steps(bowl, start, 10 if size == COARSE else 1)
        assert bowl.value(last.image).total < 0.1 * bowl.value(start).total
