"""ProGamerGov/neural-style-pt, written anew from its description: L-BFGS at the full size, Gram matrices.

Theirs: losses, weights, L-BFGS of PyTorch with a history of 100 and no line search, the picture kept in the
network's own input (0…255 minus the means), no bounds but a clamp when it is saved, the style as large as the
content, zero padding, max pooling, memory contiguous. Their default start is noise; here it is the content (their
``-init image``), and 500 iterations. Theirs multiplies by 256 where the network was trained on 255, and cuts the
short side where this rounds it: with those two the same network and the same size are compared.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable

import torch
import torch.nn.functional as F
from PIL import Image
from torch import Tensor, nn

from nst_engine.network import library

from .published import CONTENT_LAYER, STYLE_CHANNELS, Floats, OnStep, PlainVGG19, picture, resized, tensor


@dataclasses.dataclass(frozen=True)
class Settings:
    """Its options that matter here, with its defaults but for the number of iterations (1000)."""

    iterations: int = 500
    content_weight: float = 5.0
    style_weight: float = 100.0
    tv_weight: float = 1e-3
    history: int = 100


def paint(
    content: Floats,
    style: Floats,
    long_side: int,
    on_step: OnStep = lambda loss, picture: None,
    settings: Settings = Settings(),
) -> Floats:
    """Paint ``content`` (H×W×3 in [0, 1]) at this long side; returns what would be saved at the last iteration."""
    vgg = PlainVGG19(library.load("vgg19"))
    objective = Objective(vgg, content, style, long_side, settings)
    image = nn.Parameter(objective.start.clone())
    optimizer = torch.optim.LBFGS(
        [image],
        lr=1,
        max_iter=settings.iterations,
        tolerance_grad=-1,
        tolerance_change=-1,
        history_size=settings.history,
    )
    saved = torch.empty_like(image)

    def evaluate() -> Tensor:
        optimizer.zero_grad()
        loss = objective(image)
        loss.backward()
        saved.copy_(image.detach())  # it saves from within an evaluation, before the step that follows
        on_step(loss.item(), lambda: picture(vgg.denormalized(saved)))
        return loss

    optimizer.step(evaluate)
    return picture(vgg.denormalized(saved))


def judge(
    content: Floats,
    style: Floats,
    long_side: int,
    settings: Settings = Settings(),
) -> Callable[[Floats], float]:
    """Its own loss as a function of a picture, H×W×3 in [0, 1]."""
    vgg = PlainVGG19(library.load("vgg19"))
    objective = Objective(vgg, content, style, long_side, settings)

    def verdict(painted: Floats) -> float:
        with torch.no_grad():
            return float(objective(vgg.normalized(tensor(painted))))

    return verdict


class Objective:
    """Its loss. ``start`` is the content as the network's input, 1×3×H×W."""

    def __init__(self, vgg: PlainVGG19, content: Floats, style: Floats, long_side: int, settings: Settings) -> None:
        self.vgg, self.settings = vgg, settings
        self.start = vgg.normalized(tensor(resized(content, long_side, Image.Resampling.BILINEAR)))
        example = vgg.normalized(tensor(resized(style, long_side, Image.Resampling.BILINEAR)))
        with torch.no_grad():
            self.content = vgg(self.start)[CONTENT_LAYER]
            self.grams = {layer: gram(features) for layer, features in vgg(example).items() if layer in STYLE_CHANNELS}

    def __call__(self, image: Tensor) -> Tensor:
        """The loss of an input of the network, 1×3×H×W."""
        features = self.vgg(image)
        content = F.mse_loss(features[CONTENT_LAYER], self.content)
        style = sum(
            (F.mse_loss(gram(features[layer]), target) for layer, target in self.grams.items()), torch.zeros(())
        )
        tv = (image[..., 1:, :] - image[..., :-1, :]).abs().sum() + (image[..., 1:] - image[..., :-1]).abs().sum()
        weights = self.settings
        return weights.content_weight * content + weights.style_weight * style + weights.tv_weight * tv


def gram(features: Tensor) -> Tensor:
    """FFᵀ over the number of elements, C×C."""
    matrix = features.flatten(1)
    return matrix @ matrix.T / features.numel()
