"""Neighbors: each place of a picture is to have the features of the most similar place of the style.

A *cell* is what one position of the deepest layer compared covers: of a layer with steps r times smaller it has r×r
positions. What its layers have on average describes it (a hypercolumn); cells are alike by the cosine of their
descriptions, each layer's counted from its mean. Then each layer's features in a cell are compared with those of the
matched cell of the style, position by position: what is painted is made of the style's own pieces.

- N. Kolkin et al.: Neural Neighbor Style Transfer, 2022: nearest features by centered cosine, matched anew as the
  picture changes, coarse to fine.
- C. Li, M. Wand: Combining Markov Random Fields and Convolutional Neural Networks for Image Synthesis, CVPR 2016.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor

from nst_engine.losses import Amount
from nst_engine.network.layers import positions_of, stride
from nst_engine.pixels import Size
from nst_engine.shares import Shares
from nst_engine.tensors import feature_matrix
from nst_engine.tiles import Box, Tile

MOST_BYTES = 2**26
"""What is remembered of a style: as many of its cells, by chance, as that holds."""

AT_ONCE = 2**24
"""How many pairs of cells are compared at once."""

LEAST_SPREAD = 1e-6
"""Added to a layer's variance: in a flat picture nothing is divided by zero."""

OPAQUE = 0.5
"""A style's cell counts when so much of it is opaque, in parts of the most opaque one."""


class Cells(NamedTuple):
    """What n cells of a style have at one layer, of whose positions each has r×r: all their features (n·r²×C) and their
    mean ones (n×C)."""

    features: Tensor
    described: Tensor


class Samples(NamedTuple):
    """What is known of several styles at one layer, and how much each counts; weights add up to one."""

    cells: Sequence[Cells]
    weights: Sequence[float]

    @property
    def nbytes(self) -> int:
        """Bytes of all of them."""
        return sum(tensor.nbytes for cells in self.cells for tensor in cells)

    @property
    def energy(self) -> float:
        """The mean over positions of the sum of squares of the features."""
        energies = (float(cells.features.square().sum(dim=1).mean()) for cells in self.cells)
        return sum(weight * energy for weight, energy in zip(self.weights, energies, strict=True))

    @staticmethod
    def joined(parts: Sequence[Samples]) -> Samples:
        """What the parts of one style have together."""
        columns = zip(*(part.cells[0] for part in parts), strict=True)
        return Samples((Cells(*(torch.cat(column) for column in columns)),), (1.0,))

    @staticmethod
    def weighted(styles: Sequence[tuple[Samples, float]]) -> Samples:
        """What several styles have, each to count in proportion to its weight; weights add up to one."""
        cells = tuple(cells for style, _ in styles for cells in style.cells)
        return Samples(cells, tuple(weight * own for style, weight in styles for own in style.weights))


def deepest(layers: Iterable[str]) -> str:
    """The layer whose positions are the cells."""
    return max(layers, key=stride)


def chosen_cells(size: Size, features: Mapping[str, Tensor], mask: Shares | None) -> Tensor:
    """Which cells of a style of this size are remembered: numbers of positions of the deepest layer, in order.

    ``features`` are any of the layers compared, C×h×w; ``mask`` says what of the style counts.
    """
    grid = deepest(features)
    shares = torch.ones(positions_of(size, grid)) if mask is None else mask.at(positions_of(size, grid)).cpu()
    cells = (shares >= OPAQUE * shares.max()).flatten().nonzero()[:, 0]
    numbers = (len(maps) * (1 + (stride(grid) // stride(layer)) ** 2) for layer, maps in features.items())
    most = MOST_BYTES // (sum(numbers) * features[grid].itemsize)
    order = torch.randperm(len(cells), generator=torch.Generator().manual_seed(0))
    return cells[order[: max(1, most)].sort().values]


def samples_in(tile: Tile, features: Mapping[str, Tensor], chosen: Tensor) -> dict[str, Samples]:
    """What a tile's own features have of the chosen cells, by layer."""
    grid = deepest(features)
    own = tile.owned_at(grid)
    width = positions_of(tile.size, grid).width
    rows, columns = chosen // width, chosen % width
    inside = (rows >= own.top) & (rows < own.bottom) & (columns >= own.left) & (columns < own.right)
    rows, columns = rows[inside] - own.top, columns[inside] - own.left
    found = {}
    for layer, maps in features.items():
        side = stride(grid) // stride(layer)
        place = rows.to(maps.device), columns.to(maps.device)
        whole = maps[:, : own.size.height * side, : own.size.width * side]
        blocks = whole.reshape(len(maps), own.size.height, side, own.size.width, side)
        pieces = blocks.permute(1, 3, 2, 4, 0)[place]
        cells = Cells(pieces.flatten(0, 2), pieces.mean(dim=(1, 2)))
        found[layer] = Samples((cells,), (1.0,))
    return found


class Totals(NamedTuple):
    """Sums over cells by their shares: of descriptions (K), and of the squares of their numbers (K)."""

    values: Tensor
    squares: Tensor

    @staticmethod
    def of(described: Tensor, share: Tensor | float) -> Totals:
        """Those of n×K descriptions; share: one for all, or n×1."""
        weighted = described * share
        return Totals(weighted.sum(dim=0), (weighted * described).sum(dim=0))

    @staticmethod
    def joined(parts: Sequence[Totals]) -> Totals:
        """Those of all the parts' cells."""
        return Totals(*(torch.stack(column).sum(dim=0) for column in zip(*parts, strict=True)))


class Directions:
    """Descriptions as directions: counted from their mean, and so that all layers have the same say."""

    def __init__(self, totals: Totals, channels: Sequence[int]) -> None:
        """``totals`` are those of all cells, whose shares add up to one; K is the sum of the layers' ``channels``."""
        self.mean = totals.values
        spreads = [part.sum() for part in torch.split(totals.squares - self.mean.square(), list(channels))]
        units = [
            (spread.clamp(min=0) + LEAST_SPREAD).rsqrt().expand(count)
            for spread, count in zip(spreads, channels, strict=True)
        ]
        self.units = torch.cat(units)

    def of(self, described: Tensor) -> Tensor:
        """The direction of each of n×K descriptions, of length one."""
        return F.normalize((described - self.mean) * self.units)


def described(features: Mapping[str, Tensor]) -> Tensor:
    """Descriptions, n×K, of the cells of features (C×h×w) by layer: the means over each cell of all of them."""
    grid = deepest(features)
    means = [F.avg_pool2d(maps[None], stride(grid) // stride(layer))[0] for layer, maps in features.items()]
    return torch.cat([feature_matrix(mean) for mean in means], dim=1)


class Matches:
    """Which cell of each style each cell of a picture takes after; ``size`` is the picture's."""

    def __init__(self, samples: Mapping[str, Samples], size: Size) -> None:
        self.samples = samples
        self.grid = deepest(samples)
        self.positions = positions_of(size, self.grid)
        self.weights = samples[self.grid].weights
        cells = [[layer.cells[number].described for layer in samples.values()] for number in range(len(self.weights))]
        self.channels = [part.shape[1] for part in cells[0]]
        self.there = [self._directions_among(torch.cat(parts, dim=1)) for parts in cells]
        self.nearest = self.there[0].new_zeros((len(cells), *self.positions), dtype=torch.int64)
        """The number of a cell among those that are known of the style, for each style and each cell."""

    def renew(self, totals: Totals, parts: Iterable[tuple[Box, Tensor]]) -> None:
        """Match a picture anew, of which these are the totals, and in each of these parts the cells' descriptions."""
        directions = Directions(totals, self.channels)
        for box, cells in parts:
            wanted = directions.of(cells)
            for found, there in zip(self.nearest, self.there, strict=True):
                box.of(found).copy_(nearest(wanted, there).view(*box.size))

    def _directions_among(self, cells: Tensor) -> Tensor:
        return Directions(Totals.of(cells, 1 / len(cells)), self.channels).of(cells)

    def distance(self, layer: str, features: Tensor, box: Box, share: Tensor | float) -> Amount:
        """What a part of a picture, its C×h×w features at the positions in this box, adds to the mean square distance
        to the targets; positions count by their share, a number or h×w."""
        shares = share.reshape(-1, 1) if isinstance(share, Tensor) else features.new_full((), share)
        value: Tensor = _SquaredDistance.apply(features, shares, lambda: self.targets(layer, box).to(features.device))
        return Amount(value)

    def targets(self, layer: str, box: Box) -> Tensor:
        """The features (n×C) that the positions in this box are to have."""
        side = stride(self.grid) // stride(layer)
        device = self.nearest.device
        rows, columns = (torch.arange(*ends, device=device) for ends in ((box.top, box.bottom), (box.left, box.right)))
        cells = self.nearest[:, (rows // side).clamp(max=self.positions.height - 1)]
        cells = cells[:, :, (columns // side).clamp(max=self.positions.width - 1)]
        within = (rows % side * side)[:, None] + columns % side
        numbers = (cells * side**2 + within).flatten(1)
        parts = zip(self.samples[layer].cells, self.weights, numbers, strict=True)
        first, *others = (cells.features[number] * weight for cells, weight, number in parts)
        for other in others:
            first += other
        return first


def nearest(wanted: Tensor, there: Tensor) -> Tensor:
    """For each of the m×K directions the number of that among n×K which has the greatest cosine with it."""
    parts = torch.split(wanted, max(1, AT_ONCE // len(there)))
    return torch.cat([(part @ there.T).argmax(dim=1) for part in parts])


class _SquaredDistance(torch.autograd.Function):
    """Σ S |F − T|² of C×h×w features. Targets are gathered twice, so that memory need not hold them in between."""

    @staticmethod
    def forward(ctx: Any, features: Tensor, shares: Tensor, targets: Callable[[], Tensor]) -> Tensor:
        ctx.save_for_backward(features, shares)
        ctx.targets = targets
        squares = (feature_matrix(features) - targets()).square_()
        return (squares * shares).sum()

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor, None, None]:
        features, shares = ctx.saved_tensors
        by_features = (feature_matrix(features) - ctx.targets()).mul_(2 * gradients[0] * shares)
        return by_features.view(*features.shape[1:], -1).permute(2, 0, 1), None, None
