"""Optimizers that keep every pixel in [0, 1] at each step: the judge of a picture sees it as it is saved."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import torch
import torch.nn.functional as F
from torch import Tensor

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
    """Projected L-BFGS with a short history and a backtracking line search.

    Pixels at a bound whose gradient points outwards stand still for the step; the two-loop recursion (Nocedal
    1980) works on the others. Every evaluation counts as a step.
    """

    SUFFICIENT_DECREASE = 1e-4
    """Armijo's constant."""

    FIRST_STEP = 0.01
    """Mean change of a pixel in the first step, when the curvature is still unknown."""

    def __init__(self, history: int = 10) -> None:
        self.history = history
        self.pairs: list[tuple[Tensor, Tensor, float]] = []

    def resize(self, size: Size) -> None:
        """Forget the curvature: it belongs to the old size."""
        self.pairs.clear()

    def steps(self, evaluate: Evaluate, image: Tensor, count: int) -> Iterator[Losses]:
        """Change ``image`` in place; yields the losses of ``count`` evaluations, after each."""
        self.pairs.clear()
        if not count:
            return
        losses, gradient = evaluate(image)
        yield losses
        value, remaining = float(losses.total), count - 1
        while remaining > 0:
            free = ((image > 0) | (gradient < 0)) & ((image < 1) | (gradient > 0))
            direction = self._direction(gradient * free) * free
            length = 1.0
            while remaining > 0:
                candidate = (image + length * direction).clamp_(0, 1)
                change = candidate - image
                losses, new_gradient = evaluate(candidate)
                remaining -= 1
                accepted = float(losses.total) <= value + self.SUFFICIENT_DECREASE * float((gradient * change).sum())
                if accepted:
                    self._remember(change, (new_gradient - gradient) * free)
                    image.copy_(candidate)
                    value, gradient = float(losses.total), new_gradient
                yield losses
                if accepted:
                    break
                length *= 0.3
                if length < 1e-3:
                    self.pairs.clear()
                    break

    def _direction(self, gradient: Tensor) -> Tensor:
        """Minus the inverse Hessian's estimate times the gradient."""
        if not self.pairs:
            return gradient * (-self.FIRST_STEP / gradient.abs().mean().clamp(min=1e-30))
        direction = -gradient
        shares = []
        for change, difference, curvature in reversed(self.pairs):
            share = (change * direction).sum() / curvature
            direction = direction.sub_(share * difference)
            shares.append(share)
        _, difference, curvature = self.pairs[-1]
        direction.mul_(curvature / difference.square().sum())
        for (change, difference, curvature), share in zip(self.pairs, reversed(shares), strict=True):
            direction.add_((share - (difference * direction).sum() / curvature) * change)
        return direction

    def _remember(self, change: Tensor, difference: Tensor) -> None:
        """Keep a pair of picture change and gradient change, if its curvature is positive."""
        curvature = float((change * difference).sum())
        if curvature > 1e-8 * float(change.norm() * difference.norm()):
            self.pairs = [*self.pairs, (change, difference, curvature)][-self.history :]


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
