"""The objective: targets computed once per scale, then value and gradient of the picture."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Sequence
from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor

from nst_engine import losses
from nst_engine.recipes import SHALLOW, Recipe
from nst_engine.vgg import LAYERS, VGG19

ENERGY_FLOOR = 1e-2
"""Share of the content's energy in a layer below which the energy of a style there does not count: a black or
flat style has next to none, and nothing may be divided by that."""

Distance = Callable[[Tensor], Tensor]
"""From C×h×w features of the picture to one layer's loss."""


@dataclasses.dataclass(frozen=True)
class Losses:
    """Weighted loss terms as scalars on the device. ``total`` is their sum."""

    content: Tensor
    style: Tensor
    tv: Tensor

    @property
    def total(self) -> Tensor:
        """Content + style + total variation."""
        return self.content + self.style + self.tv


class Style(NamedTuple):
    """A style at one scale: image 1×3×H×W in [0, 1], opacity H×W in [0, 1] or None for all opaque, and its share."""

    image: Tensor
    opacity: Tensor | None
    share: float


class Objective:
    """Content, style and total variation losses of a picture against fixed targets.

    ``content``: 1×3×H×W in [0, 1]. The shares of ``styles`` add up to one; their statistics are blended in that
    proportion.
    """

    def __init__(self, vgg: VGG19, recipe: Recipe, content: Tensor, styles: Sequence[Style]) -> None:
        self.vgg = vgg
        self.recipe = recipe
        shallow_content = {SHALLOW: 0.5 * sum(recipe.content_layers.values())} if recipe.shallow_steps else {}
        self.content_weights = {False: dict(recipe.content_layers), True: shallow_content}
        shallow_style = {
            layer: w for layer, w in recipe.style_layers.items() if LAYERS.index(layer) <= LAYERS.index(SHALLOW)
        }
        self.style_weights = {False: dict(recipe.style_layers), True: shallow_style}
        with torch.no_grad():
            wanted = {*recipe.content_layers, *shallow_content, *recipe.style_layers}
            features = {layer: f.clone() for layer, f in vgg(content, wanted).items()}
            self.content_distances = {
                layer: self._content_distance(features[layer]) for layer in {*recipe.content_layers, *shallow_content}
            }
            energies = {layer: float(features[layer].square().mean()) for layer in recipe.style_layers}
            self.style_distances = self._style_distances(styles, energies)

    def value_and_gradient(self, image: Tensor, shallow: bool = False) -> tuple[Losses, Tensor]:
        """Losses of a picture (1×3×H×W) and the gradient of their total by its pixels.

        A ``shallow`` evaluation stops at relu3_1: style up to there, and content at that layer.
        """
        image = image.detach().requires_grad_()
        value = self.evaluate(image, shallow)
        (gradient,) = torch.autograd.grad(value.total, image)
        return Losses(value.content.detach(), value.style.detach(), value.tv.detach()), gradient

    def evaluate(self, image: Tensor, shallow: bool = False) -> Losses:
        """The weighted losses of a picture, part of the graph of ``image``."""
        content_weights, style_weights = self.content_weights[shallow], self.style_weights[shallow]
        features = self.vgg(image, {*content_weights, *style_weights})
        zero = image.new_zeros(())
        content = sum(
            (w * self.content_distances[layer](features[layer]) for layer, w in content_weights.items()), zero
        )
        style = sum((w * self.style_distances[layer](features[layer]) for layer, w in style_weights.items()), zero)
        tv = losses.total_variation(image) if self.recipe.tv_weight else zero
        return Losses(
            self.recipe.content_weight * content, self.recipe.style_weight * style, self.recipe.tv_weight * tv
        )

    def _content_distance(self, target: Tensor) -> Distance:
        scale = float(target.square().mean()) + 1e-8 if self.recipe.relative else 1.0
        return lambda features: losses.content_loss(features, target) / scale

    def _style_distances(self, styles: Sequence[Style], energies: dict[str, float]) -> dict[str, Distance]:
        """One distance a style layer. ``energies``: the content's mean squared features, by layer."""
        means: dict[str, Tensor] = {}
        grams: dict[str, Tensor] = {}
        for image, opacity, share in styles:
            for layer, features in self.vgg(image, self.recipe.style_layers).items():
                weights = None if opacity is None else _resized_opacity(opacity, features)
                mean = (
                    losses.feature_matrix(features).mean(0)
                    if weights is None
                    else losses.moments(features, weights).mean
                )
                gram = losses.gram_matrix(features, weights)
                means[layer] = means.get(layer, 0) + share * mean
                grams[layer] = grams.get(layer, 0) + share * gram
        make = self._moments_distance if self.recipe.statistic == "moments" else self._gram_distance
        return {layer: make(means[layer], grams[layer], energies[layer]) for layer in self.recipe.style_layers}

    def _moments_distance(self, mean: Tensor, gram: Tensor, content_energy: float) -> Distance:
        target = losses.gaussian_target(mean, gram - torch.outer(mean, mean))
        channels = mean.numel()
        energy = max(float(gram.trace()), ENERGY_FLOOR * content_energy * channels) + 1e-8
        scale = energy if self.recipe.relative else float(channels)
        return lambda features: losses.wasserstein_loss(losses.moments(features), target) / scale

    def _gram_distance(self, mean: Tensor, gram: Tensor, content_energy: float) -> Distance:
        floor = (ENERGY_FLOOR * content_energy) ** 2 * gram.shape[0]
        energy = max(float(gram.square().sum()), floor) + 1e-8
        scale = energy if self.recipe.relative else float(gram.numel())
        return lambda features: (losses.gram_matrix(features) - gram).square().sum() / scale


def _resized_opacity(opacity: Tensor, features: Tensor) -> Tensor:
    """Opacity (H×W) at the positions of a feature map (C×h×w), averaged over each position's area."""
    height, width = features.shape[1:]
    return F.adaptive_avg_pool2d(opacity[None, None], (height, width))[0, 0]
