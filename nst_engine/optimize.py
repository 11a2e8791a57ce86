"""Optimizers that keep every pixel in [0, 1] at each step: the judge of a picture sees it as it is saved."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor

from nst_engine.curvature import Curvature
from nst_engine.objective import Losses
from nst_engine.pyramid import Size

Evaluate = Callable[[Tensor], tuple[Losses, Tensor]]
"""From a picture (1×3×H×W) to its losses and gradient."""


class Adam:
    """Adam (Kingma & Ba 2014) with each step projected onto the box.

    Its moments can be enlarged with the picture from scale to scale, so that a finer scale starts warm.
    """

    def __init__(self, learning_rate: float, beta1: float = 0.9, beta2: float = 0.99, epsilon: float = 1e-8) -> None:
        self.learning_rate = learning_rate
        self.beta1, self.beta2, self.epsilon = beta1, beta2, epsilon
        self.count = 0
        self.first: Tensor | None = None
        self.second: Tensor | None = None

    def steps(self, evaluate: Evaluate, image: Tensor, count: int) -> Iterator[Losses]:
        """Change ``image`` in place ``count`` times; yields the losses before each step, after it is made."""
        for _ in range(count):
            losses, gradient = evaluate(image)
            self._step(image, gradient)
            yield losses

    def resize(self, size: Size) -> None:
        """Take the moments along to a picture of another size."""
        if self.first is not None and self.second is not None:
            self.first = F.interpolate(self.first, size, mode="bicubic", align_corners=False)
            self.second = F.interpolate(self.second, size, mode="bilinear", align_corners=False)

    def _step(self, image: Tensor, gradient: Tensor) -> None:
        if self.first is None or self.second is None:
            self.first, self.second = torch.zeros_like(image), torch.zeros_like(image)
        self.count += 1
        self.first.lerp_(gradient, 1 - self.beta1)
        self.second.lerp_(gradient.square(), 1 - self.beta2)
        self._move(image, self.first, self.second)

    def _move(self, image: Tensor, first: Tensor, second: Tensor) -> None:
        rate = self.learning_rate / (1 - self.beta1**self.count)
        denominator = (second / (1 - self.beta2**self.count)).sqrt_().add_(self.epsilon)
        image.addcdiv_(first, denominator, value=-rate).clamp_(0, 1)


class TensorFlowAdam(Adam):
    """Adam as TensorFlow 1 computes it: x −= lr·√(1−β₂ᵗ)/(1−β₁ᵗ) · m/(√v + ε̂), with the classic script's constants.

    ε̂ is 0.1 where pixels run from 0 to 255; their gradients are 255 times smaller than those of pixels in [0, 1].
    """

    def __init__(self, learning_rate: float) -> None:
        super().__init__(learning_rate, beta1=0.99, beta2=0.999, epsilon=0.1 * 255)

    def _move(self, image: Tensor, first: Tensor, second: Tensor) -> None:
        rate = self.learning_rate * (1 - self.beta2**self.count) ** 0.5 / (1 - self.beta1**self.count)
        image.addcdiv_(first, second.sqrt().add_(self.epsilon), value=-rate).clamp_(0, 1)


class LBFGS:
    """Projected L-BFGS with a short history, a backtracking line search and a learned diagonal to start from.

    Pixels at a bound whose gradient points outwards stand still for the step; the two-loop recursion (Nocedal
    1980) works on the others. Its first guess at the Hessian is the :class:`Curvature` by frequency and color, which
    is kept from scale to scale. Every evaluation counts as a step. What is decided by numbers is decided on the
    device, so that a GPU is never waited for.
    """

    SUFFICIENT_DECREASE = 1e-4
    """Armijo's constant."""

    ROUNDING = 2e-4
    """Share of the value by which it may rise all the same: what bfloat16's rounding does to it near the end."""

    FIRST_STEP = 0.01
    """Mean change of a pixel in the first step, when the curvature is still unknown."""

    SHORTER = 0.3
    """Factor on the length of a step that did not descend."""

    def __init__(self, history: int = 10) -> None:
        self.history = history
        self.pairs: list[_Pair] = []
        self.curvature: Curvature | None = None

    def resize(self, size: Size) -> None:
        """Forget the pairs of the old size."""
        self.pairs.clear()

    def steps(self, evaluate: Evaluate, image: Tensor, count: int) -> Iterator[Losses]:
        """Change ``image`` in place; yields the losses of ``count`` evaluations, after each.

        The last one is followed by a step that nobody looks at: where steps are few, one more is worth the risk.
        """
        here: _Point | None = None
        candidate = image.clone()
        descends, length = torch.ones_like(image[0, 0, 0, 0], dtype=torch.bool), torch.ones_like(image[0, 0, 0, 0])
        for left in reversed(range(count)):
            losses, gradient = evaluate(candidate)
            there = _Point(candidate, losses.total, gradient)
            if here is not None:
                descends = self._descends(here, there)
                self._remember(here, there, descends)
                length = torch.where(descends, 1.0, self.SHORTER * length)
                there = _Point(*(torch.where(descends, new, old) for new, old in zip(there, here, strict=True)))
            here = there
            candidate = (here.image + length * self._direction(here)).clamp_(0, 1)
            image.copy_(here.image if left else torch.where(descends, candidate, here.image))
            yield losses

    def _descends(self, here: _Point, there: _Point) -> Tensor:
        expected = (here.gradient * (there.image - here.image)).sum()
        return there.value <= here.value + self.SUFFICIENT_DECREASE * expected + self.ROUNDING * here.value.abs()

    def _direction(self, here: _Point) -> Tensor:
        """Minus the inverse Hessian's estimate times the gradient of the pixels that are free to move."""
        direction = here.gradient * here.free
        if self.curvature is None:
            self.curvature = Curvature.of_first_step(direction, self.FIRST_STEP)
        shares = []
        for pair in reversed(self.pairs):
            share = (pair.change * direction).sum() * pair.inverse_curvature
            direction = direction - share * pair.difference
            shares.append(share)
        direction = self.curvature.newton_step(direction)
        if self.pairs:
            direction *= self.pairs[-1].scale
        for pair, share in zip(self.pairs, reversed(shares), strict=True):
            direction.sub_((share + (pair.difference * direction).sum() * pair.inverse_curvature) * pair.change)
        return direction * here.free

    def _remember(self, here: _Point, there: _Point, descends: Tensor) -> None:
        """Keep a pair of picture change and gradient change; one without positive curvature becomes nothing."""
        assert self.curvature is not None
        change, difference = there.image - here.image, (there.gradient - here.gradient) * here.free
        curvature = (change * difference).sum()
        counts = descends & (curvature > 1e-8 * change.norm() * difference.norm())
        change, difference = torch.where(counts, change, 0.0), torch.where(counts, difference, 0.0)
        self.curvature.learn(change, difference)
        expected = -(difference * self.curvature.newton_step(difference)).sum()
        scale = torch.where(counts, curvature / expected, self.pairs[-1].scale if self.pairs else 1.0)
        pair = _Pair(change, difference, torch.where(counts, 1 / curvature, 0.0), scale)
        self.pairs = [*self.pairs, pair][-self.history :]


class _Point(NamedTuple):
    """A picture (1×3×H×W) with the value and gradient found there."""

    image: Tensor
    value: Tensor
    gradient: Tensor

    @property
    def free(self) -> Tensor:
        """Which numbers may move: those not at a bound, or whose gradient points inwards."""
        return ((self.image > 0) | (self.gradient < 0)) & ((self.image < 1) | (self.gradient > 0))


class _Pair(NamedTuple):
    """A change of the picture, what it changed in the gradient, and one over their product.

    ``scale`` makes the learned diagonal's steps as long as this pair says.
    """

    change: Tensor
    difference: Tensor
    inverse_curvature: Tensor
    scale: Tensor


Optimizer = Adam | LBFGS


def optimizer(name: str, learning_rate: float) -> Optimizer:
    """The optimizer of this name ('adam', 'tensorflow-adam' or 'lbfgs'); the rate is Adam's, in pixel ranges."""
    if name == "lbfgs":
        return LBFGS()
    return TensorFlowAdam(learning_rate) if name == "tensorflow-adam" else Adam(learning_rate)


AVERAGE_DECAY = 0.9
"""Share of the older pictures in the running average; longer ones blur what few steps have made."""


class Kept:
    """The picture that counts among those of a scale's steps: 'last', 'best' or 'average'."""

    def __init__(self, rule: str) -> None:
        self.rule = rule
        self.count = 0
        self.best = self.picture = torch.empty(0)

    def note(self, image: Tensor, loss: Tensor) -> None:
        """Hear of the picture after a step; ``loss`` is that before it, by which 'best' judges."""
        self.count += 1
        if self.rule == "last":
            self.picture = image
        elif self.rule == "average":
            self.picture = torch.zeros_like(image) if self.count == 1 else self.picture
            share = (1 - AVERAGE_DECAY) / (1 - AVERAGE_DECAY**self.count)
            self.picture.lerp_(image, share)
        elif self.count == 1:
            self.best, self.picture = loss, image.clone()
        else:
            self.picture = torch.where(loss < self.best, image, self.picture)
            self.best = torch.minimum(loss, self.best)
