"""Optimizers that keep every pixel in [0, 1] at each step: the judge of a picture sees it as it is saved."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator
from typing import NamedTuple, Protocol

import torch
import torch.nn.functional as F
from torch import Tensor

from nst_engine.curvature import Curvature
from nst_engine.losses import Losses
from nst_engine.pixels import Size

ROUNDING = 2e-4
"""Share of a value by which another may be higher and still as good: what bfloat16's rounding does near the end."""

SHORTER = 0.3
"""Factor on the length of a step that was taken back."""


class Function(Protocol):
    """What is minimized, as a function of the picture (1×3×H×W)."""

    def value(self, image: Tensor) -> Losses:
        """Its losses."""

    def value_and_gradient(self, image: Tensor) -> tuple[Losses, Tensor]:
        """Its losses, and the gradient of their total."""


class Iterate(NamedTuple):
    """A picture (1×3×H×W) on the way down, and its losses."""

    image: Tensor
    losses: Losses

    def where(self, condition: Tensor, other: Iterate) -> Iterate:
        """This one where the condition (a scalar on the device) holds, else the other."""
        return Iterate(_either(condition, self.image, other.image), self.losses.where(condition, other.losses))


def _either(condition: Tensor, this: Tensor, other: Tensor) -> Tensor:
    """One of two tensors; a copy of it where nobody waits for the device that knows the condition."""
    if condition.device.type == "cpu":
        return this if condition else other
    return torch.where(condition, this, other)


class Descent(ABC):
    """A way down that never leaves the box. What is decided by numbers is decided on the device, so that a GPU is
    never waited for.

    A step to a picture whose value or gradient is no number is taken back, and a shorter one is tried.
    """

    def steps(self, function: Function, image: Tensor, count: int) -> Iterator[Iterate]:
        """Yield where it stands after each of ``count`` evaluations, from ``image`` on.

        The last one is followed by one more step, of which the value alone is looked at: where it is higher than any
        before, the step is not made.
        """
        here = _looked_at(function, image)
        del image  # which may be large
        best, length = here.value, torch.ones_like(here.value)
        for _ in range(count - 1):
            yield here.iterate
            there = _looked_at(function, self._ahead(here, length))
            accepted = self._accepts(here, there, best)
            self._learn(here, there, accepted)
            length = torch.where(accepted, 1.0, SHORTER * length)
            here = there.where(accepted, here)
            del there
            best = torch.minimum(best, here.value)
        ahead = self._ahead(here, length)
        last = Iterate(ahead, function.value(ahead))
        yield last.where(is_as_good(last.losses.total, best), here.iterate)

    @abstractmethod
    def resize(self, size: Size, is_lean: bool = False, on_transform: Callable[[], None] = lambda: None) -> None:
        """Go on with a picture of another size; ``is_lean`` spares memory, ``on_transform`` hears of parts of steps."""

    @abstractmethod
    def _ahead(self, here: _Point, length: Tensor) -> Tensor:
        """The picture after a step of so many times its usual length."""

    @abstractmethod
    def _accepts(self, here: _Point, there: _Point, best: Tensor) -> Tensor:
        """Whether to go on from there; never if its value is not a number. ``best`` is the lowest value so far."""

    def _learn(self, here: _Point, there: _Point, accepted: Tensor) -> None:  # noqa: B027 (there may be nothing to)
        """Hear of a step and whether it was accepted."""


def is_as_good(value: Tensor, best: Tensor) -> Tensor:
    """Whether a value is no higher than the best, but for rounding."""
    return value <= best + ROUNDING * best.abs()


class Adam(Descent):
    """Adam (Kingma & Ba 2014) with each step projected onto the box.

    Its moments can be enlarged with the picture from scale to scale, so that a finer scale starts warm. Gradients are
    multiples of the objective's unit; ``epsilon`` is so small among them that it only keeps from dividing by zero.
    """

    def __init__(self, learning_rate: float, beta1: float = 0.9, beta2: float = 0.99, epsilon: float = 1e-12) -> None:
        self.learning_rate = learning_rate
        self.beta1, self.beta2, self.epsilon = beta1, beta2, epsilon
        self.count = 0
        self.first: Tensor | None = None
        self.second: Tensor | None = None

    def resize(self, size: Size, is_lean: bool = False, on_transform: Callable[[], None] = lambda: None) -> None:
        """Take the moments along to a picture of another size."""
        if self.first is not None and self.second is not None:
            self.first = F.interpolate(self.first, size, mode="bicubic", align_corners=False)
            self.second = F.interpolate(self.second, size, mode="bilinear", align_corners=False)

    def _ahead(self, here: _Point, length: Tensor) -> Tensor:
        if self.first is None or self.second is None:
            self.first, self.second = torch.zeros_like(here.image), torch.zeros_like(here.image)
        self.count += 1
        self.first.lerp_(here.gradient, 1 - self.beta1)
        self.second.lerp_(here.gradient.square(), 1 - self.beta2)
        return (here.image - length * self._step(self.first, self.second, here.losses.unit)).clamp_(0, 1)

    def _accepts(self, here: _Point, there: _Point, best: Tensor) -> Tensor:
        return there.value.isfinite()

    def _step(self, first: Tensor, second: Tensor, unit: float) -> Tensor:
        rate = self.learning_rate / (1 - self.beta1**self.count)
        return rate * first / (second / (1 - self.beta2**self.count)).sqrt_().add_(self.epsilon)


class TensorFlowAdam(Adam):
    """Adam as TensorFlow 1 computes it: x −= lr·√(1−β₂ᵗ)/(1−β₁ᵗ) · m/(√v + ε̂), with the classic script's constants.

    ε̂ is 0.1 where pixels run from 0 to 255; their gradients are 255 times smaller than those of pixels in [0, 1].
    """

    HAT_EPSILON = 0.1 * 255

    def __init__(self, learning_rate: float) -> None:
        super().__init__(learning_rate, beta1=0.99, beta2=0.999)

    def _step(self, first: Tensor, second: Tensor, unit: float) -> Tensor:
        rate: float = self.learning_rate * (1 - self.beta2**self.count) ** 0.5 / (1 - self.beta1**self.count)
        return rate * first / second.sqrt().add_(max(self.epsilon, self.HAT_EPSILON / unit))


class LBFGS(Descent):
    """Projected L-BFGS with a short history, a backtracking line search and a learned diagonal to start from.

    Pixels at a bound whose gradient points outwards stand still for the step; the two-loop recursion (Nocedal
    1980) works on the others. Its first guess at the Hessian is the :class:`Curvature` by frequency and color, which
    is kept from scale to scale. Where memory is to be spared that is all it has.
    """

    SUFFICIENT_DECREASE = 1e-4
    """Armijo's constant."""

    FIRST_STEP = 0.01
    """Mean change of a pixel in the first step, when the curvature is still unknown."""

    def __init__(self, history: int = 10) -> None:
        self.history, self.is_lean = history, False
        self.on_transform: Callable[[], None] = lambda: None
        self.pairs: list[_Pair] = []
        self.curvature: Curvature | None = None

    def resize(self, size: Size, is_lean: bool = False, on_transform: Callable[[], None] = lambda: None) -> None:
        """Forget the pairs of the old size, and remember none at this one if it is lean."""
        self.pairs.clear()
        self.is_lean, self.on_transform = is_lean, on_transform

    def _ahead(self, here: _Point, length: Tensor) -> Tensor:
        return self._direction(here).mul_(length).add_(here.image).clamp_(0, 1)

    def _accepts(self, here: _Point, there: _Point, best: Tensor) -> Tensor:
        """Armijo's rule, but measured from the best value, so that rises by rounding do not add up."""
        channels = zip(here.gradient[0], there.image[0], here.image[0], strict=True)
        expected = torch.stack([(slope * (after - before)).sum() for slope, after, before in channels]).sum()
        return is_as_good(there.value - self.SUFFICIENT_DECREASE * expected, best)

    def _direction(self, here: _Point) -> Tensor:
        """Minus the inverse Hessian's estimate times the gradient of the pixels that are free to move."""
        direction = here.holding(here.gradient.clone())
        if self.curvature is None:
            self.curvature = Curvature.of_first_step(direction, self.FIRST_STEP)
        shares = []
        for pair in reversed(self.pairs):
            share = (pair.change * direction).sum() * pair.inverse_curvature
            direction = direction - share * pair.difference
            shares.append(share)
        direction = self.curvature.newton_step(direction, self.on_transform)
        if self.pairs:
            direction *= self.pairs[-1].scale
        for pair, share in zip(self.pairs, reversed(shares), strict=True):
            direction.sub_((share + (pair.difference * direction).sum() * pair.inverse_curvature) * pair.change)
        return here.holding(direction)

    def _learn(self, here: _Point, there: _Point, accepted: Tensor) -> None:
        """Keep a pair of picture change and gradient change; one without positive curvature becomes nothing."""
        if self.is_lean:
            return
        assert self.curvature is not None
        change, difference = there.image - here.image, here.holding(there.gradient - here.gradient)
        curvature = (change * difference).sum()
        counts = accepted & (curvature > 1e-8 * change.norm() * difference.norm())
        change, difference = (vector.masked_fill_(~counts, 0.0) for vector in (change, difference))
        self.curvature.learn(change, difference)
        expected = -(difference * self.curvature.newton_step(difference, self.on_transform)).sum()
        scale = torch.where(counts, curvature / expected, self.pairs[-1].scale if self.pairs else 1.0)
        pair = _Pair(change, difference, torch.where(counts, 1 / curvature, 0.0), scale)
        self.pairs = [*self.pairs, pair][-self.history :]


class _Point(NamedTuple):
    """A picture (1×3×H×W) that was looked at, with the losses and the gradient found there."""

    image: Tensor
    losses: Losses
    gradient: Tensor

    @property
    def iterate(self) -> Iterate:
        """The picture and its losses."""
        return Iterate(self.image, self.losses)

    @property
    def value(self) -> Tensor:
        """The losses' total."""
        return self.losses.total

    def holding(self, vector: Tensor) -> Tensor:
        """The vector, changed: zero for numbers that may not move, at a bound with a gradient that points outwards."""
        for part, image, gradient in zip(vector[0], self.image[0], self.gradient[0], strict=True):
            part.mul_(((image > 0) | (gradient < 0)) & ((image < 1) | (gradient > 0)))
        return vector

    def where(self, condition: Tensor, other: _Point) -> _Point:
        """This one where the condition holds, else the other."""
        image, losses = self.iterate.where(condition, other.iterate)
        return _Point(image, losses, _either(condition, self.gradient, other.gradient))


def _looked_at(function: Function, image: Tensor) -> _Point:
    """A picture with what is found there. Where the gradient is not finite the losses are no numbers either."""
    losses, gradient = function.value_and_gradient(image)
    is_finite = torch.stack([channel.isfinite().all() for channel in gradient[0]]).all()
    return _Point(image, losses.where(is_finite, losses.without_numbers()), gradient)


class _Pair(NamedTuple):
    """A change of the picture, what it changed in the gradient, and one over their product.

    ``scale`` makes the learned diagonal's steps as long as this pair says.
    """

    change: Tensor
    difference: Tensor
    inverse_curvature: Tensor
    scale: Tensor


OPTIMIZERS: dict[str, Callable[[float], Descent]] = {
    "adam": Adam,
    "lbfgs": lambda learning_rate: LBFGS(),
    "tensorflow-adam": TensorFlowAdam,
}
"""Made by name and learning rate, which is Adam's, in pixel ranges."""


AVERAGE_DECAY = 0.9
"""Share of the older pictures in the running average; longer ones blur what few steps have made."""


class Kept:
    """The picture that counts among those of a scale's steps, never one that is worse than another but for rounding.

    By its rule it is the 'last' that was as good as the best before it, the 'best', or a running 'average' where that
    is as good. ``value``, the function's, judges the average.
    """

    def __init__(self, rule: str, value: Callable[[Tensor], Losses]) -> None:
        self.rule, self.value = rule, value
        self.count = 0
        self.best = self.picture = self.average = torch.empty(0)

    def note(self, iterate: Iterate) -> None:
        """Hear of a picture and its losses."""
        image, value = iterate.image, iterate.losses.total
        self.count += 1
        if self.count == 1:
            self.best, self.picture = value, image
            self.average = torch.zeros_like(image if self.rule == "average" else value)
        counts = value < self.best if self.rule == "best" else is_as_good(value, self.best)
        self.picture = _either(counts, image, self.picture)
        self.best = torch.minimum(value, self.best)
        if self.rule == "average":
            self.average.lerp_(image, (1 - AVERAGE_DECAY) / (1 - AVERAGE_DECAY**self.count))

    def shown(self) -> Tensor:
        """The picture that counts."""
        if self.rule != "average":
            return self.picture
        return _either(is_as_good(self.value(self.average).total, self.best), self.average, self.picture)
