"""The objective: targets computed once per scale, then value and gradient of the picture.

A style's statistics are means over positions, so they come first and the losses from them: whoever cannot hold all
features at once may gather the statistics part by part and carry the losses' derivative by them back the same way.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable, Collection, Mapping, Sequence
from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor

from nst_engine import losses
from nst_engine.recipes import Recipe
from nst_engine.vgg import VGG19

ENERGY_FLOOR = 1e-2
"""Share of the content's energy in a layer below which the energy of a style there does not count: a black or
flat style has next to none, and nothing may be divided by that."""

PROTECTION = 20.0
"""How many times more the content counts where it is wholly protected."""


class Distance(NamedTuple):
    """One layer's loss. ``of`` makes it from C×h×w features of the picture and weights of their positions (h×w, or
    None); ``energy`` is what it is for a picture without features, or more."""

    of: Callable[[Tensor, Tensor | None], Tensor]
    energy: float


@dataclasses.dataclass(frozen=True)
class Losses:
    """Weighted loss terms as scalars on the device, in multiples of ``unit``; the photo term counts as content."""

    content: Tensor
    style: Tensor
    tv: Tensor
    unit: float = 1.0

    @property
    def total(self) -> Tensor:
        """Content + style + total variation."""
        return self.content + self.style + self.tv

    def where(self, condition: Tensor, other: Losses) -> Losses:
        """These where the condition (a scalar on the device) holds, else the others, of the same unit."""
        return Losses(
            torch.where(condition, self.content, other.content),
            torch.where(condition, self.style, other.style),
            torch.where(condition, self.tv, other.tv),
            self.unit,
        )

    def detach(self) -> Losses:
        """The same outside any graph."""
        return Losses(self.content.detach(), self.style.detach(), self.tv.detach(), self.unit)

    def clone(self) -> Losses:
        """The same in memory of their own."""
        return Losses(self.content.clone(), self.style.clone(), self.tv.clone(), self.unit)

    def as_numbers(self) -> dict[str, float]:
        """All terms and their total as numbers, the unit multiplied in; waits for the device."""
        return {name: self.unit * float(getattr(self, name)) for name in ("content", "style", "tv", "total")}


class StyleStatistics(NamedTuple):
    """What a layer's features say of a style: their mean (C) and Gram matrix (C×C)."""

    mean: Tensor
    gram: Tensor


Statistics = Mapping[str, StyleStatistics]
"""By layer."""


class Region(NamedTuple):
    """A part of the picture and the style it is to have. ``mask``: H×W in [0, 1], None for the whole picture."""

    statistics: Statistics
    mask: Tensor | None = None


class Frame(NamedTuple):
    """What of the picture may change, and how firmly the content is held. Each is H×W, or None where all is alike.

    The picture that is judged is ``content + free·(image − content)``. ``protection`` in [0, 1] raises the content's
    weight; ``area`` in [0, 1] says where content counts at all.
    """

    free: Tensor | None = None
    protection: Tensor | None = None
    area: Tensor | None = None


class Objective:
    """Content, style and total variation losses of a picture against fixed targets.

    ``content``: 1×3×H×W in [0, 1]; each of the ``regions`` counts as much as its mask covers. Weights are divided by
    ``unit``, with which a picture's loss is about 1: whatever the weights, neither values nor gradients nor their
    squares leave float32. It is a power of two, which rounds nothing.
    """

    def __init__(
        self, vgg: VGG19, recipe: Recipe, content: Tensor, regions: Sequence[Region], frame: Frame = Frame()
    ) -> None:
        self.vgg, self.recipe, self.content, self.frame = vgg, recipe, content, frame
        self.is_relative = recipe.normalize == "energy"
        self.masks = [None if region.mask is None else _Mask(region.mask) for region in regions]
        with torch.no_grad():
            features = {layer: f.clone() for layer, f in vgg(content, self._layers).items()}
            self.content_distances = {layer: self._content_distance(features[layer]) for layer in recipe.content_layers}
            self.content_maps = {layer: self._content_map(features[layer]) for layer in recipe.content_layers}
            energies = {layer: float(features[layer].square().mean()) for layer in recipe.style_layers}
            self.style_distances = {
                layer: [self._style_distance(layer, region.statistics[layer], energies[layer]) for region in regions]
                for layer in recipe.style_layers
            }
        self.unit = self._power_of_two()

    def value(self, image: Tensor) -> Losses:
        """Losses of a picture (1×3×H×W): a third of the work of :meth:`value_and_gradient`."""
        with torch.no_grad():
            return self.evaluate(image)

    def value_and_gradient(self, image: Tensor) -> tuple[Losses, Tensor]:
        """Losses of a picture (1×3×H×W) and the gradient of their total by its pixels, in multiples of the unit."""
        image = image.detach().requires_grad_()
        losses = self.evaluate(image)
        (gradient,) = torch.autograd.grad(losses.total, image)
        return losses.detach(), gradient

    def evaluate(self, image: Tensor) -> Losses:
        """The weighted losses of a picture, part of the graph of ``image``."""
        image = framed(image, self.content, self.frame.free)
        features = self.vgg(image, self._layers)
        content, style = image.new_zeros(()), image.new_zeros(())
        for layer, weight in self.recipe.content_layers.items():
            weight *= self.recipe.content_weight / self.unit
            prepared = self._prepared(features[layer], weight)
            content = content + weight * self.content_distances[layer].of(prepared, self.content_maps[layer])
        for layer, (weight, _) in self.recipe.style_layers.items():
            weight *= self.recipe.style_weight / self.unit
            style = style + weight * self._style_loss(layer, self._prepared(features[layer], weight))
        exponent = 2 if self.recipe.tv_norm == "squared" else 1
        tv = image.new_zeros(())
        if self.recipe.tv_weight:
            tv = self.recipe.tv_weight / self.unit * losses.total_variation(image, exponent)
        if self.recipe.photo_weight:
            content = content + self.recipe.photo_weight / self.unit * losses.photo_loss(image, self.content)
        return Losses(content, style, tv, self.unit)

    def _power_of_two(self) -> float:
        """The one just above the loss of a picture without features, with variations of 1."""
        recipe = self.recipe
        content = sum(weight * self.content_distances[layer].energy for layer, weight in recipe.content_layers.items())
        style = sum(
            layer.weight * max((distance.energy for distance in self.style_distances[name]), default=0.0)
            for name, layer in recipe.style_layers.items()
        )
        loss = recipe.content_weight * content + recipe.style_weight * style + recipe.tv_weight + recipe.photo_weight
        return math.ldexp(1.0, math.frexp(loss)[1])

    @property
    def _layers(self) -> set[str]:
        return {*self.recipe.content_layers, *self.recipe.style_layers}

    def _prepared(self, features: Tensor, weight: float) -> Tensor:
        """Features as a loss of this weight sees them."""
        if self.recipe.normalize != "gradient":
            return features
        return losses.with_normalized_gradient(features, weight)

    def _style_loss(self, layer: str, features: Tensor) -> Tensor:
        """One layer's loss over all regions: their average by the area they cover."""
        loss = features.new_zeros(())
        for mask, distance in zip(self.masks, self.style_distances[layer], strict=True):
            if mask is None:
                loss = loss + distance.of(features, None)
            else:
                share = mask.area / sum(other.area for other in self.masks if other is not None)
                loss = loss + share * distance.of(features, mask.at(features))
        return loss

    def _content_distance(self, target: Tensor) -> Distance:
        energy = float(target.square().mean()) + 1e-8
        scale = energy if self.is_relative else 1.0
        return Distance(
            lambda features, weights: losses.content_loss(features, target, weights) / scale, energy / scale
        )

    def _content_map(self, features: Tensor) -> Tensor | None:
        """How much each position's content counts (h×w): 1 on average over the area, more where it is protected."""
        area, protection = self.frame.area, self.frame.protection
        weights: Tensor | None = None
        if area is not None:
            weights = resized_mask(area, features)
            weights = weights / weights.mean()
        if protection is not None:
            held = 1 + PROTECTION * resized_mask(protection, features)
            weights = held if weights is None else weights * held
        return weights

    def _style_distance(self, layer: str, statistics: StyleStatistics, content_energy: float) -> Distance:
        moments = self.recipe.style_layers[layer].statistic == "moments"
        make = self._moments_distance if moments else self._gram_distance
        return make(statistics.mean, statistics.gram, content_energy)

    def _moments_distance(self, mean: Tensor, gram: Tensor, content_energy: float) -> Distance:
        target = losses.gaussian_target(mean, gram - torch.outer(mean, mean))
        channels = mean.numel()
        energy = max(float(gram.trace()), ENERGY_FLOOR * content_energy * channels) + 1e-8
        scale = energy if self.is_relative else float(channels)
        return Distance(
            lambda features, weights: losses.wasserstein_loss(features, target, weights) / scale, energy / scale
        )

    def _gram_distance(self, mean: Tensor, gram: Tensor, content_energy: float) -> Distance:
        floor = (ENERGY_FLOOR * content_energy) ** 2 * gram.shape[0]
        energy = max(float(gram.square().sum()), floor) + 1e-8
        scale = energy if self.is_relative else float(gram.numel())
        return Distance(
            lambda features, weights: (losses.gram_matrix(features, weights) - gram).square().sum() / scale,
            energy / scale,
        )


def framed(image: Tensor, content: Tensor, free: Tensor | None) -> Tensor:
    """The picture as it is seen, 1×3×H×W: the content shows through where the image may not change."""
    return image if free is None else content + free * (image - content)


def style_statistics(
    vgg: VGG19, image: Tensor, opacity: Tensor | None, layers: Collection[str]
) -> dict[str, StyleStatistics]:
    """Statistics of a style, 1×3×H×W in [0, 1], at these layers; ``opacity`` (H×W) says which pixels count."""
    found = {}
    with torch.no_grad():
        for layer, features in vgg(image, layers).items():
            weights = None if opacity is None else resized_mask(opacity, features)
            found[layer] = StyleStatistics(*losses.mean_and_gram(features, weights))
    return found


def blended(styles: Sequence[tuple[Statistics, float]]) -> Statistics:
    """The statistics of several styles as one, in proportion to their weights."""
    total = sum(weight for _, weight in styles)
    first = styles[0][0]
    return {
        layer: StyleStatistics(
            sum((weight / total * style[layer].mean for style, weight in styles), torch.zeros_like(first[layer].mean)),
            sum((weight / total * style[layer].gram for style, weight in styles), torch.zeros_like(first[layer].gram)),
        )
        for layer in first
    }


def resized_mask(mask: Tensor, features: Tensor) -> Tensor:
    """A mask (H×W) at the positions of a feature map (C×h×w), averaged over each position's area."""
    height, width = features.shape[1:]
    return F.adaptive_avg_pool2d(mask[None, None], (height, width))[0, 0]


class _Mask:
    """A region's mask at the sizes of all feature maps."""

    def __init__(self, mask: Tensor) -> None:
        self.mask = mask
        self.area = float(mask.mean())
        self.sizes: dict[tuple[int, ...], Tensor] = {}

    def at(self, features: Tensor) -> Tensor:
        """The mask at the positions of C×h×w features, h×w."""
        size = tuple(features.shape[1:])
        if size not in self.sizes:
            self.sizes[size] = resized_mask(self.mask, features)
        return self.sizes[size]
