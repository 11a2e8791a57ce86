"""Descents where numbers round, rise or are none: no picture comes back that is worse than one that was seen."""

from __future__ import annotations

import gc
from collections.abc import Callable

import pytest
import torch
from bowls import COARSE, Bowl, noise
from torch import Tensor

from nst_engine.losses import Losses
from nst_engine.optimize import LBFGS, ROUNDING, SHORTER, Adam, Descent, Iterate, Kept, TensorFlowAdam
from nst_engine.pixels import Size

GOAL, START = ((0.1 * noise(COARSE, seed) + 0.5).clamp(0, 1) for seed in (1, 2))

DESCENTS: dict[str, Callable[[], Descent]] = {
    "lbfgs": LBFGS,
    "adam": lambda: Adam(0.01),
    "tensorflow-adam": lambda: TensorFlowAdam(0.01),
}


class Mishap(Bowl):
    """A bowl whose value at the n-th look is what ``befalls`` makes of n and the true one."""

    def __init__(self, befalls: Callable[[int, Tensor], Tensor | float]) -> None:
        super().__init__(GOAL)
        self.befalls = befalls
        self.looked_at: list[Tensor] = []

    def value_and_gradient(self, image: Tensor) -> tuple[Losses, Tensor]:
        losses, gradient = super().value_and_gradient(image)
        self.looked_at.append(image)
        value = torch.as_tensor(self.befalls(len(self.looked_at), losses.total))
        return Losses({"style": value}, losses.unit), gradient


class Crowded(Bowl):
    """A bowl that counts how many pictures and gradients there are in memory when it is looked at."""

    most = 0

    def value_and_gradient(self, image: Tensor) -> tuple[Losses, Tensor]:
        alike = [thing for thing in gc.get_objects() if type(thing) is Tensor and thing.shape == image.shape]
        self.most = max(self.most, len({thing.data_ptr() for thing in alike}))
        return super().value_and_gradient(image)


@pytest.mark.parametrize(("is_lean", "most"), [(True, 5), (False, 21)])
def test_lean_steps_hold_a_picture_its_gradient_and_the_next_picture(is_lean, most):
    optimizer = LBFGS(history=10)
    optimizer.resize(Size(33, 47), is_lean)
    start = 0.1 * noise(Size(33, 47)) + 0.5
    crowded = Crowded(start * 0.9)
    steps = optimizer.steps(crowded, start, 8)
    del start
    for _ in steps:
        pass
    assert crowded.most <= most
    assert is_lean or crowded.most > 5


def value(iterate: Iterate) -> float:
    return float(iterate.losses.total)


def test_a_step_that_does_not_descend_is_shortened_and_leaves_nothing_behind():
    wall = Mishap(lambda look, true: torch.nan if look in (2, 3) else true)
    steps = list(LBFGS().steps(wall, START, 12))
    assert all(torch.equal(iterate.image, START) for iterate in steps[:3])
    tried = [float((x - START).norm()) for x in wall.looked_at[1:3]]
    assert tried[1] == pytest.approx(SHORTER * tried[0], rel=0.1)
    assert value(steps[-1]) < 0.1 * value(steps[0])


@pytest.mark.parametrize("look", [2, 5, 9])
@pytest.mark.parametrize("name", DESCENTS)
def test_what_is_no_number_is_stepped_back_from(name, look):
    """The ninth look of eight steps is at the last one's value alone."""
    wall = Mishap(lambda number, true: torch.nan if number == look else true)
    steps = list(DESCENTS[name]().steps(wall, START, 8))
    assert len(steps) == 8
    assert all(seen.losses.total.isfinite() and not torch.equal(seen.image, wall.looked_at[look - 1]) for seen in steps)
    assert value(steps[-1]) < value(steps[0])


@pytest.mark.parametrize("name", DESCENTS)
def test_a_gradient_that_is_no_number_is_stepped_back_from(name):
    class Steep(Bowl):
        looks = 0

        def value_and_gradient(self, image: Tensor) -> tuple[Losses, Tensor]:
            losses, gradient = super().value_and_gradient(image)
            self.looks += 1
            return losses, gradient * torch.inf if self.looks == 3 else gradient

    *_, last = DESCENTS[name]().steps(Steep(GOAL), START, 8)
    assert last.image.isfinite().all()
    assert value(last) < float(Bowl(GOAL).value(START).total)


@pytest.mark.parametrize("name", DESCENTS)
@pytest.mark.parametrize("count", [1, 4])
def test_the_last_step_is_not_made_where_it_leads_up(name, count):
    cliff = Mishap(lambda look, true: 100 * true if look == count + 1 else true)
    *_, last = DESCENTS[name]().steps(cliff, START, count)
    assert torch.equal(last.image, cliff.looked_at[count - 1])
    *_, gentle = DESCENTS[name]().steps(Bowl(GOAL), START, count)
    assert value(gentle) < value(last)


def test_rises_by_rounding_do_not_add_up():
    rising = Mishap(lambda look, true: 1 + 0.9 * ROUNDING * look)
    steps = list(LBFGS().steps(rising, START, 30))
    assert value(steps[-1]) <= (1 + 1.01 * ROUNDING) * min(value(seen) for seen in steps)


def test_rounding_of_the_value_does_not_end_the_descent():
    """Far more than what is left to gain, and once rounded down further than all other times."""
    large = 1e4 * Bowl(GOAL).value(START).total
    rounded = Mishap(lambda look, true: true + large * (1 - 1e-4 * (look == 4)))
    *_, last = LBFGS().steps(rounded, START, 40)
    assert Bowl(GOAL).value(last.image).total < 1e-3 * Bowl(GOAL).value(START).total


def kept(rule: str, values: list[float], of_average: float = 0.0) -> float:
    """The one number of the picture kept of pictures that are 0, 1, 2 … with these values."""
    pictures = Kept(rule, lambda image: losses(of_average))
    for number, found in enumerate(values):
        pictures.note(Iterate(torch.full((1, 3, 1, 1), float(number)), losses(found)))
    return float(pictures.shown()[0, 0, 0, 0])


def losses(value: float) -> Losses:
    return Losses({"style": torch.tensor(value)})


@pytest.mark.parametrize(
    ("rule", "values", "expected"),
    [
        ("last", [5, 3, 2, 2.0001], 3),
        ("last", [5, 3, 2, 4], 2),
        ("last", [5, 2, 2.0003, 2.0006, 2.0009], 2),
        ("last", [5, 2, torch.nan], 1),
        ("best", [5, 3, 2, 2.0001], 2),
        ("best", [2, 1, 3], 1),
    ],
)
def test_the_picture_kept_is_the_one_that_its_value_belongs_to(rule, values, expected):
    assert kept(rule, values) == expected


def test_an_average_is_kept_where_it_is_as_good_as_the_best():
    assert kept("average", [5.0, 3.0, 2.0], of_average=1.9) == pytest.approx((0.81 * 0 + 0.9 * 1 + 2) / 2.71)
    assert kept("average", [5.0, 2.0, 3.0], of_average=2.1) == 1
    assert kept("average", [5.0, 2.0, 3.0], of_average=torch.nan) == 1


def test_no_step_reads_a_number_from_the_device():
    """A device without data: whoever asks it for a number gets an error instead."""

    class Nowhere:
        def value(self, image: Tensor) -> Losses:
            return Losses({"style": torch.empty((), device="meta")})

        def value_and_gradient(self, image: Tensor) -> tuple[Losses, Tensor]:
            return self.value(image), torch.empty_like(image)

    image = torch.empty(1, 3, *COARSE, device="meta")
    for rule, make in zip(("last", "best", "average"), DESCENTS.values(), strict=True):
        pictures = Kept(rule, Nowhere().value)
        for seen in make().steps(Nowhere(), image, 4):
            pictures.note(seen)
            with pytest.raises(RuntimeError):
                seen.losses.as_numbers()
        assert pictures.shown().shape == image.shape
