"""crowsonkb/style-transfer-pytorch, written anew from its description: a pyramid, Adam, averages, Wasserstein-2.

Theirs: scales that grow by √2, 1000 steps at the first and 500 at each next, Adam with moments enlarged from scale
to scale, a clamp after each step, an average of the iterates that each next scale starts from, squared error at
relu4_2, the Wasserstein-2 distance of Gaussians at five layers with the square root by twelve Newton–Schulz steps
and its gradient by twelve of the Lyapunov equation (Lin & Maji 2017), a nine-point total variation, replicate
padding in the first convolution, float32, memory contiguous. Not theirs: the network, which is the one that the
engine ships instead of torchvision's, so that both are judged by what they look at, with its features brought to
the unit of torchvision's, which the weights of the losses were chosen for.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import Any

import torch
import torch.nn.functional as F
from PIL import Image
from torch import Tensor

from nst_engine.network import library

from .published import CONTENT_LAYER, STYLE_CHANNELS, Floats, OnStep, PlainVGG19, picture, resized, tensor

UNIT = 255 * 0.225
"""The shipped network looks at 0…255, torchvision's at [0, 1] over deviations of 0.229, 0.224 and 0.225."""

LAYER_WEIGHTS = dict(zip(STYLE_CHANNELS, (weight / 341 for weight in (256, 64, 16, 4, 1)), strict=True))
COVARIANCE_FLOOR = 1e-4
ROOT_STEPS = 12


@dataclasses.dataclass(frozen=True)
class Settings:
    """Its options that matter here, with its defaults."""

    initial_iterations: int = 1000
    iterations: int = 500
    min_scale: int = 128
    content_weight: float = 0.015
    tv_weight: float = 2.0
    step_size: float = 0.02
    average: float = 0.99


def paint(
    content: Floats,
    style: Floats,
    long_side: int,
    on_step: OnStep = lambda loss, picture: None,
    settings: Settings = Settings(),
) -> Floats:
    """Paint ``content`` (H×W×3 in [0, 1]) at this long side; returns the average of the last scale's iterates."""
    vgg = network()
    sizes = scales(min(settings.min_scale, long_side), long_side)
    image = tensor(resized(content, sizes[0], Image.Resampling.LANCZOS))
    moments: dict[str, Any] = {}
    for size in sizes:
        objective = Objective(vgg, content, style, size, settings)
        image = F.interpolate(image, objective.start.shape[2:], mode="bicubic").clamp(0, 1).requires_grad_()
        average = Average(image.detach(), settings.average)
        optimizer = torch.optim.Adam([image], lr=settings.step_size, betas=(0.9, 0.99))
        if moments:
            optimizer.state[image] = enlarged(moments, image.shape[2:])
        for _ in range(settings.initial_iterations if size == sizes[0] else settings.iterations):
            loss = objective(image)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            with torch.no_grad():
                image.clamp_(0, 1)
            average.update(image.detach())
            on_step(loss.item(), lambda average=average: picture(average.get()))
        moments = optimizer.state[image]
        image = average.get()
    return picture(image)


def judge(
    content: Floats,
    style: Floats,
    long_side: int,
    settings: Settings = Settings(),
) -> Callable[[Floats], float]:
    """Its own loss at the last scale as a function of a picture, H×W×3 in [0, 1]."""
    vgg = network()
    objective = Objective(vgg, content, style, long_side, settings)

    def verdict(painted: Floats) -> float:
        with torch.no_grad():
            return float(objective(tensor(painted)))

    return verdict


def network() -> PlainVGG19:
    """The shipped network as this program would run it."""
    return PlainVGG19(library.load("vgg19"), padding_mode="replicate", unit=UNIT)


def scales(first: int, last: int) -> list[int]:
    """Long sides that grow by √2 and end with ``last``; none is below ``first``."""
    sizes = [last]
    while (size := round(last / 2 ** (len(sizes) / 2))) >= first:
        sizes.append(size)
    return sizes[::-1]


class Objective:
    """Its loss at one scale. ``start`` is the content at that scale, 1×3×H×W in [0, 1]."""

    def __init__(self, vgg: PlainVGG19, content: Floats, style: Floats, long_side: int, settings: Settings) -> None:
        self.vgg, self.settings = vgg, settings
        self.start = tensor(resized(content, long_side, Image.Resampling.LANCZOS))
        example = tensor(resized(style, long_side, Image.Resampling.LANCZOS, enlarge=False))
        with torch.no_grad():
            self.content = vgg(vgg.normalized(self.start))[CONTENT_LAYER]
            features = vgg(vgg.normalized(example))
            self.styles = {layer: WassersteinTarget(features[layer]) for layer in STYLE_CHANNELS}

    def __call__(self, image: Tensor) -> Tensor:
        """The loss of a picture, 1×3×H×W in [0, 1]."""
        features = self.vgg(self.vgg.normalized(image))
        content = F.mse_loss(features[CONTENT_LAYER], self.content)
        style = sum(
            (LAYER_WEIGHTS[layer] * target.distance(features[layer]) for layer, target in self.styles.items()),
            torch.zeros(()),
        )
        return self.settings.content_weight * content + style + self.settings.tv_weight * total_variation(image)


class WassersteinTarget:
    """Mean and covariance of a style at one layer, and the distance from them."""

    def __init__(self, features: Tensor) -> None:
        self.mean, self.covariance = gaussian(features)
        self.root = square_root(self.covariance)

    def distance(self, features: Tensor) -> Tensor:
        """Wasserstein-2 distance, squared, over the number of channels."""
        mean, covariance = gaussian(features)
        cross = SquareRoot.apply(self.root @ covariance @ self.root)
        difference = torch.diagonal(self.covariance + covariance - 2 * cross)
        return F.mse_loss(mean, self.mean) + difference.mean()


def gaussian(features: Tensor) -> tuple[Tensor, Tensor]:
    """Mean (C) and covariance (C×C) of C×h×w features, the diagonal raised a little."""
    matrix = features.flatten(1)
    mean = matrix.mean(dim=1)
    second_moment = matrix @ matrix.T / matrix.shape[1]
    return mean, second_moment - torch.outer(mean, mean) + COVARIANCE_FLOOR * torch.eye(len(mean))


def square_root(matrix: Tensor) -> Tensor:
    """A½ by coupled Newton–Schulz steps, from A over its Frobenius norm."""
    norm = matrix.norm()
    identity = torch.eye(len(matrix), dtype=matrix.dtype)
    y, z = matrix / norm, identity
    for _ in range(ROOT_STEPS):
        correction = (3 * identity - z @ y) / 2
        y, z = y @ correction, correction @ z
    return y * norm.sqrt()


class SquareRoot(torch.autograd.Function):
    """A½, and its gradient as the solution X of A½X + XA½ = gradient, iterated."""

    @staticmethod
    def forward(ctx: Any, matrix: Tensor) -> Tensor:
        root = square_root(matrix)
        ctx.save_for_backward(root)
        return root

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> Tensor:
        (root,) = ctx.saved_tensors
        norm = root.norm()
        a, x = root / norm, gradients[0] / norm
        identity = torch.eye(len(root), dtype=root.dtype)
        for _ in range(ROOT_STEPS):
            correction = 3 * identity - a @ a
            x = (x @ correction - a.T @ (a.T @ x - x @ a)) / 2
            a = a @ correction / 2
        return x / 2


def total_variation(image: Tensor) -> Tensor:
    """Mean squared differences to the right, down and along both diagonals; borders repeated."""
    padded = F.pad(image, (1, 1, 1, 1), mode="replicate")
    middle = padded[..., 1:-1, 1:-1]
    right, down = padded[..., 1:-1, 2:] - middle, padded[..., 2:, 1:-1] - middle
    falling = padded[..., 1:, 1:] - padded[..., :-1, :-1]
    rising = padded[..., 1:, :-1] - padded[..., :-1, 1:]
    straight = (right.square().mean() + down.square().mean()) / 3
    return 2 * (straight + (falling.square().mean() + rising.square().mean()) / 12)


def enlarged(moments: dict[str, Any], size: torch.Size) -> dict[str, Any]:
    """Adam's state for a picture of another size: the count kept, both moments interpolated."""
    first = F.interpolate(moments["exp_avg"], size, mode="bicubic")
    second = F.interpolate(moments["exp_avg_sq"], size, mode="bilinear").relu_()
    return {"step": moments["step"], "exp_avg": first, "exp_avg_sq": second}


class Average:
    """Exponential average of iterates, the first included, corrected for its start at zero."""

    def __init__(self, image: Tensor, decay: float) -> None:
        self.decay, self.missing = decay, 1.0
        self.sum = torch.zeros_like(image)
        self.update(image)

    def update(self, image: Tensor) -> None:
        """Take in the next iterate."""
        self.missing *= self.decay
        self.sum.mul_(self.decay).add_(image, alpha=1 - self.decay)

    def get(self) -> Tensor:
        """The average, 1×3×H×W."""
        return self.sum / (1 - self.missing)
