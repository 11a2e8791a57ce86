"""What of a style's features a picture is to have: measured as sums over positions, blended, compared.

A statistic is measured first and compared then, so that a picture may be measured part by part: what is measured of
its parts is joined, and the losses' derivatives by the joined measures are carried back to each part.

F is a feature map of C channels at h×w positions, seen as a matrix of n = h·w rows. Weights on positions let a part
of a picture (what is opaque, what lies in a region) speak for its style: guided statistics, Gatys et al. 2017.

- L. A. Gatys, A. S. Ecker, M. Bethge: Image Style Transfer Using Convolutional Neural Networks, CVPR 2016.
- L. A. Gatys et al.: Controlling Perceptual Factors in Neural Style Transfer, CVPR 2017.
- D. C. Dowson, B. V. Landau: The Fréchet Distance between Multivariate Normal Distributions, 1982.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Any, NamedTuple

import torch
from torch import Tensor

from nst_engine import neighbors
from nst_engine.neighbors import Samples
from nst_engine.network.layers import positions_of
from nst_engine.network.vgg import VGG19
from nst_engine.pixels import Size
from nst_engine.roots import eigendecomposition, trace_of_root
from nst_engine.shares import Shares
from nst_engine.tensors import feature_matrix
from nst_engine.tiles import Tile, tiles

ENERGY_FLOOR = 1e-2
"""Share of the content's energy in a layer below which the energy of a style there does not count: a black or
flat style has next to none, and nothing may be divided by that."""

ROOT_DAMPING = 1e-3
"""Roots of covariances are damped by this share of the target's mean variance: directions in which the style
hardly varies have no say, and at small sizes, with fewer positions than channels, the gradient stays finite."""

STYLE_TILE = 1024
"""About the side of the tiles that a style is looked at in, in pixels."""


class Sums(NamedTuple):
    """The mean μ = FᵀS1 (C) and the Gram matrix G = FᵀSF (C×C) of features whose positions have shares S.

    The shares of a whole picture add up to one, so what its parts have adds up to what it has.
    """

    mean: Tensor
    gram: Tensor

    @property
    def nbytes(self) -> int:
        """Bytes of both."""
        return self.mean.nbytes + self.gram.nbytes

    @property
    def covariance(self) -> Tensor:
        """Covariance, C×C; for sums over a whole picture."""
        return self.gram - torch.outer(self.mean, self.mean)

    def spread_along(self, root: Tensor) -> tuple[Tensor, Tensor]:
        """tr Σ, and a matrix with the eigenvalues of R Σ R that are not zero, where R is symmetric and C×C."""
        covariance = self.covariance
        return covariance.trace(), root @ covariance @ root

    @staticmethod
    def joined(parts: Sequence[Sums]) -> Sums:
        """What the parts of a picture have together."""
        return Sums.weighted([(part, 1.0) for part in parts])

    @staticmethod
    def weighted(styles: Sequence[tuple[Sums, float]]) -> Sums:
        """What several styles have as one, each in proportion to its weight; weights add up to one."""
        first, weight = styles[0]
        mean, gram = first.mean * weight, first.gram * weight
        for style, weight in styles[1:]:
            mean, gram = mean + style.mean * weight, gram + style.gram * weight
        return Sums(mean, gram)


class Rows(NamedTuple):
    """The same where a whole picture has fewer positions than channels: √S F itself (n×C), and √S (n×1)."""

    roots: Tensor
    matrix: Tensor

    @property
    def mean(self) -> Tensor:
        """Mean, C."""
        return (self.matrix * self.roots).sum(dim=0)

    @property
    def gram(self) -> Tensor:
        """Gram matrix, C×C."""
        return self.matrix.T @ self.matrix

    def spread_along(self, root: Tensor) -> tuple[Tensor, Tensor]:
        """As of :class:`Sums`, from the smaller matrix X R² Xᵀ, where Σ = XᵀX."""
        deviations = self.matrix - self.roots * self.mean
        projected = deviations @ root
        return deviations.square().sum(), projected @ projected.T

    @staticmethod
    def joined(parts: Sequence[Rows]) -> Rows:
        """What the parts of a picture have together."""
        roots, matrices = zip(*parts, strict=True)
        return Rows(torch.cat(roots), torch.cat(matrices))


Measured = Sums | Rows
"""What is measured of one layer's features, of a whole picture or of a part of it."""


def measured(features: Tensor, share: Tensor | float, positions: int) -> Measured:
    """What a part of a picture has at one layer.

    ``features``: C×h×w; ``share``: how much each position counts (h×w, or the same number everywhere), so that all
    shares of the whole picture, which has so many ``positions`` in this layer, add up to one.
    """
    shares = share if isinstance(share, Tensor) else features.new_full((), share)
    if positions < features.shape[0]:
        matrix = feature_matrix(features)
        roots = shares.sqrt().reshape(-1, 1).expand(len(matrix), 1)
        return Rows(roots, matrix * roots)
    mean, gram = _MeanAndGram.apply(features, shares.reshape(-1, 1) if shares.dim() else shares)
    return Sums(mean, gram)


def sums(features: Tensor, weights: Tensor | None = None) -> Sums:
    """Mean and Gram matrix of a whole picture's C×h×w features (CVPR 2016, eq. 3, divided by n).

    ``weights``: h×w, not negative, all ones where None.
    """
    share = 1 / features[0].numel() if weights is None else weights / weights.sum()
    found = measured(features, share, features[0].numel())
    return Sums(found.mean, found.gram)


def measured_in(tile: Tile, layer: str, features: Tensor, mask: Shares | None) -> Measured:
    """What a tile's own features have of a style; positions count by the mask, alike without one."""
    positions = positions_of(tile.size, layer)
    return measured(features, share_of(tile, layer, mask, features.device), positions.pixels)


def share_of(tile: Tile, layer: str, mask: Shares | None, device: torch.device) -> Tensor | float:
    """How much each of a tile's own positions counts in the whole picture: a number for all, or h×w by a mask."""
    positions = positions_of(tile.size, layer)
    return 1 / positions.pixels if mask is None else tile.owned_at(layer).of(mask.at(positions)).to(device)


Statistics = Mapping[str, Any]
"""What a style has at each layer: Sums, or Samples where these are compared."""


def statistics_of(
    vgg: VGG19,
    image: Tensor,
    opacity: Tensor | None,
    layers: Collection[str],
    sampled: Collection[str] = (),
    on_tile: Callable[[float], None] = lambda share: None,
) -> Statistics:
    """Statistics of a style, 1×3×H×W in [0, 1], at these layers; ``opacity`` (H×W) says which pixels count.

    At the layers ``sampled`` among them its features themselves are kept. ``on_tile`` hears 0 before each of its
    tiles: nothing of the picture is done yet.
    """
    size = Size(*image.shape[2:])
    mask = None if opacity is None else Shares(opacity)
    found: dict[str, list[Any]] = {layer: [] for layer in layers}
    cells: Tensor | None = None
    with torch.no_grad():
        for tile in tiles(size, STYLE_TILE, layers):
            on_tile(0.0)
            seen = vgg(tile.shown.of(image), layers)
            features = {layer: tile.owned_features(layer, maps) for layer, maps in seen.items()}
            for layer in layers:
                if layer not in sampled:
                    part = measured_in(tile, layer, features[layer], mask)
                    found[layer] = [Sums.joined([*found[layer], Sums(part.mean, part.gram)])]
            if sampled:
                kept = {layer: features[layer] for layer in sampled}
                cells = neighbors.chosen_cells(size, kept, mask) if cells is None else cells
                for layer, samples in neighbors.samples_in(tile, kept, cells).items():
                    found[layer].append(samples)
    return {layer: type(parts[0]).joined(parts) for layer, parts in found.items()}


def blended(styles: Sequence[tuple[Statistics, float]]) -> Statistics:
    """The statistics of several styles as one, in proportion to their weights."""
    total = sum(weight for _, weight in styles)
    return {
        layer: type(first).weighted([(style[layer], weight / total) for style, weight in styles])
        for layer, first in styles[0][0].items()
    }


class Distance(NamedTuple):
    """One layer's loss: ``of`` makes it from what a whole picture has there. ``energy`` is what it is for a picture
    without features, or more."""

    of: Callable[[Any], Tensor]
    energy: float


def gram_distance(style: Sums, content_energy: float, is_relative: bool) -> Distance:
    """Squared difference of Gram matrices (CVPR 2016, eq. 4): over the style's own, or over their number of elements.

    ``content_energy`` is the mean square of the content's features in this layer; see ENERGY_FLOOR.
    """
    target = style.gram
    floor = (ENERGY_FLOOR * content_energy) ** 2 * target.shape[0]
    energy = max(float(target.square().sum()), floor) + 1e-8
    scale = energy if is_relative else float(target.numel())
    return Distance(lambda picture: (picture.gram - target).square().sum() / scale, energy / scale)


def moments_distance(style: Sums, content_energy: float, is_relative: bool) -> Distance:
    """Squared Wasserstein-2 distance of the Gaussians with the features' means and covariances.

    |μ − μ*|² + tr Σ + tr Σ* − 2 tr (Σ*^½ Σ Σ*^½)^½ (Dowson & Landau 1982), over the style's energy tr G*, or over the
    number of channels. ``content_energy`` as for :func:`gram_distance`.
    """
    target, channels = style.mean, style.mean.numel()
    energy = max(float(style.gram.trace()), ENERGY_FLOOR * content_energy * channels) + 1e-8
    scale = energy if is_relative else float(channels)
    covariance = style.covariance
    values, vectors = eigendecomposition(covariance)
    root = (vectors * values.clamp(min=0).sqrt()) @ vectors.T
    trace = covariance.trace()
    damping = (ROOT_DAMPING * float(trace) / channels) ** 2 + 1e-20

    def distance(picture: Measured) -> Tensor:
        variance, product = picture.spread_along(root)
        squared: Tensor = (picture.mean - target).square().sum() + variance + trace
        return (squared - 2 * trace_of_root(product, damping)) / scale

    return Distance(distance, energy / scale)


def neighbors_distance(style: Samples, content_energy: float, is_relative: bool) -> Distance:
    """Mean squared difference of the features and those of the style's most similar cells, over the energy of these,
    or over the number of channels. ``content_energy`` as for :func:`gram_distance`."""
    channels = style.cells[0].features.shape[1]
    energy = max(style.energy, ENERGY_FLOOR * content_energy * channels) + 1e-8
    scale = energy if is_relative else float(channels)
    return Distance(lambda picture: picture.value / scale, energy / scale)


DISTANCES: dict[str, Callable[[Any, float, bool], Distance]] = {
    "gram": gram_distance,
    "moments": moments_distance,
    "neighbors": neighbors_distance,
}
"""By the statistic's name, as the option ``statistic`` has it."""


class _MeanAndGram(torch.autograd.Function):
    """The gradient by the features is one product whatever both are used for: S (F (∂G + ∂Gᵀ) + ∂μ)."""

    @staticmethod
    def forward(ctx: Any, features: Tensor, share: Tensor) -> tuple[Tensor, Tensor]:
        matrix = feature_matrix(features)
        ctx.save_for_backward(features, share)
        if share.dim() == 0:
            return matrix.sum(dim=0) * share, (matrix.T @ matrix).mul_(share)
        weighted = matrix * share
        return weighted.sum(dim=0), weighted.T @ matrix

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor, None]:
        features, share = ctx.saved_tensors
        by_mean, by_gram = gradients
        if share.dim() == 0:
            by_features = (feature_matrix(features) @ ((by_gram + by_gram.T) * share)).add_(by_mean * share)
        else:
            by_features = (feature_matrix(features) @ (by_gram + by_gram.T)).add_(by_mean).mul_(share)
        return by_features.view(*features.shape[1:], -1).permute(2, 0, 1), None
