"""The objective: targets computed once per scale, then value and gradient of a picture, whole or tile by tile.

Three steps: *gather* what is measured of each tile; compare the sums with the targets, which gives the value and its
derivatives by what was measured; *pull back* these derivatives to each tile's pixels. A picture in one tile keeps the
network's features from the first step to the last; with more tiles than devices they are computed twice, so that the
memory of each device holds one tile's features at a time. What is measured comes together on the first device.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import cached_property
from typing import Any, NamedTuple

import torch
from torch import Tensor

from nst_engine.lanes import Lanes
from nst_engine.losses import LOSS_OF, Amount, Losses, content_loss, photo_loss, total_variation
from nst_engine.neighbors import Matches, Totals, deepest, described
from nst_engine.network.layers import positions_of
from nst_engine.network.vgg import VGG19
from nst_engine.pixels import Size
from nst_engine.recipes import Recipe
from nst_engine.shares import Shares, resized_mask
from nst_engine.style_statistics import DISTANCES, Statistics, measured_in, share_of
from nst_engine.tiles import Box, Tile, tiles

PROTECTION = 20.0
"""How many times more the content counts where it is wholly protected."""


RENEWED_AFTER = 8
"""How many steps are made before what each place takes after is chosen anew."""


VALUE_WORK = 1 / 3
"""The work of a value, in parts of that of value and gradient."""


class Region(NamedTuple):
    """A part of the picture and the style it is to have. ``mask``: H×W in [0, 1], None for the whole picture."""

    statistics: Statistics
    mask: Tensor | None = None


class Constraints(NamedTuple):
    """What of the picture may change, and how firmly the content is held. Each is H×W, or None where all is alike.

    The picture that is judged is ``content + free·(image − content)``. ``protection`` in [0, 1] raises the content's
    weight; ``area`` in [0, 1] says where content counts at all.
    """

    free: Tensor | None = None
    protection: Tensor | None = None
    area: Tensor | None = None


Term = tuple[str, str, int]
"""Of what a value was measured: 'content', 'style', 'tv' or 'photo'; the layer, if any; the number of the region."""


Values = Mapping[Term, Any]
"""What was measured, or derivatives by it: an Amount, or what a statistic measures."""


class Part(NamedTuple):
    """What was measured of a tile, and the tensors (the tile's pixels, its features by layer) it was measured from."""

    pixels: Tensor
    features: Mapping[str, Tensor]
    values: Values


class Objective:
    """Content, style and total variation losses of a picture against fixed targets.

    ``content``: 1×3×H×W in [0, 1]; each of the ``regions`` counts as much as its mask covers. ``tile_side`` is about
    the side of the tiles in pixels, None for the whole picture in one. Weights are divided by ``unit``, with which a
    picture's loss is about 1: whatever the weights, neither values nor gradients nor their squares leave float32. It
    is a power of two, which rounds nothing. ``on_tile`` hears after each tile how far an evaluation is, 0…1;
    a value alone, which is asked for after one, goes on from 1 to 4/3.
    ``helpers`` are the same network on other devices, which share the tiles; all else is on the device of ``vgg``.
    """

    def __init__(
        self,
        vgg: VGG19,
        recipe: Recipe,
        content: Tensor,
        regions: Sequence[Region],
        constraints: Constraints = Constraints(),
        tile_side: int | None = None,
        on_tile: Callable[[float], None] = lambda share: None,
        helpers: Sequence[VGG19] = (),
    ) -> None:
        self.vgg, self.recipe, self.content, self.constraints, self.on_tile = vgg, recipe, content, constraints, on_tile
        self.size, self.device, self.layers = Size(*content.shape[2:]), content.device, recipe.layers
        self.tiles = tiles(self.size, tile_side, self.layers)
        self.lanes = Lanes([vgg, *helpers][: len(self.tiles)])
        self.masks = [None if region.mask is None else Shares(region.mask) for region in regions]
        self.matches = [self._matches(region.statistics) for region in regions] if recipe.sampled_layers else []
        self.is_matched = not self.matches
        with torch.no_grad():
            self.targets, energies = self._content_targets()
            self.content_maps = {layer: self._content_map(layer) for layer in recipe.content_layers}
            is_relative = recipe.normalize == "energy"
            self.distances = {
                layer: [
                    DISTANCES[statistic](region.statistics[layer], energies[layer], is_relative) for region in regions
                ]
                for layer, (_, statistic) in recipe.style_layers.items()
            }
            content_energies = {layer: energies[layer] + 1e-8 for layer in recipe.content_layers}
            self.content_scales = content_energies if is_relative else dict.fromkeys(recipe.content_layers, 1.0)
        self.unit = self._power_of_two(content_energies)
        if constraints.free is None and not recipe.photo_weight:
            self.content = content.new_empty(0)  # no more is asked of it, and it may be large

    def value(self, image: Tensor) -> Losses:
        """Losses of a picture (1×3×H×W): a third of the work of :meth:`value_and_gradient`."""
        with torch.no_grad():
            seen = self._seen(image)
            parts = self._parts(seen, before=1.0)
            return self._losses(_joined([self._here(part.values) for part in parts]))

    def value_and_gradient(self, image: Tensor) -> tuple[Losses, Tensor]:
        """Losses of a picture (1×3×H×W) and the gradient of their total by its pixels, in multiples of the unit."""
        seen = self._seen(image.detach())
        is_kept = len(self.tiles) <= len(self.lanes)
        with torch.set_grad_enabled(is_kept):
            gathered = self._parts(seen)
            kept = list(gathered) if is_kept else []
            values = [part.values for part in kept or gathered]
        losses, slopes = self._compared(values)
        if self.recipe.normalize == "gradient":
            slopes = self._normalized(slopes, kept or self._with_features_alone(seen))

        def pulled_back(vgg: VGG19, index: int) -> Tensor:
            part = kept[index] if kept else self._gathered(vgg, self.tiles[index], seen)
            return _pulled_back(part.values, slopes[index], part.pixels)

        gradient = torch.zeros_like(image)
        parts = self.lanes.map(pulled_back, range(len(self.tiles)))
        for number, (tile, part) in enumerate(zip(self.tiles, parts, strict=True), start=1):
            tile.shown.of(gradient).add_(part.to(self.device))
            self.on_tile(VALUE_WORK + (1 - VALUE_WORK) * number / len(self.tiles))
        return losses, gradient if self.constraints.free is None else gradient.mul_(self.constraints.free)

    def rounds(self, steps: int) -> list[int]:
        """So many steps in parts, before each of which matches are to be renewed."""
        if not self.matches:
            return [steps]
        return [min(RENEWED_AFTER, steps - done) for done in range(0, steps, RENEWED_AFTER)]

    def renew_matches(self, image: Tensor) -> None:
        """Let each place of a picture (1×3×H×W) take after what is most like it in the styles from now on."""
        if not self.matches:
            return
        with torch.no_grad():
            seen = constrained(image.detach(), self.content, self.constraints.free)
            parts = list(self._described(seen)) if len(self.tiles) == 1 else None
            totals = [
                Totals.joined(
                    [Totals.of(cells, self._share_of_cells(box, mask)) for box, cells in parts or self._described(seen)]
                )
                for mask in self.masks
            ]
            for matches, total in zip(self.matches, totals, strict=True):
                matches.renew(total, parts or self._described(seen))
        self.is_matched = True

    def _described(self, seen: Tensor) -> Iterator[tuple[Box, Tensor]]:
        """Tile by tile, which cells it owns and what describes them."""
        layers = self.recipe.sampled_layers

        def looked_at(vgg: VGG19, tile: Tile) -> Tensor:
            found = vgg(tile.shown.of(seen).to(vgg.device), layers)
            return described({layer: tile.owned_features(layer, found[layer]) for layer in layers})

        for tile, cells in zip(self.tiles, self.lanes.map(looked_at, self.tiles), strict=True):
            yield tile.owned_at(deepest(layers)), cells.to(self.device)
            self.on_tile(0.0)

    def _share_of_cells(self, box: Box, mask: Shares | None) -> Tensor | float:
        """How much each of the cells in this box counts: a number, or n×1."""
        positions = positions_of(self.size, deepest(self.recipe.sampled_layers))
        return 1 / positions.pixels if mask is None else box.of(mask.at(positions)).reshape(-1, 1)

    def _matches(self, statistics: Statistics) -> Matches:
        return Matches({layer: statistics[layer] for layer in self.recipe.sampled_layers}, self.size)

    def _seen(self, image: Tensor) -> Tensor:
        """The picture that is judged, of which it is known what it is to take after."""
        if not self.is_matched:
            self.renew_matches(image)
        return constrained(image, self.content, self.constraints.free)

    def _parts(self, seen: Tensor, before: float = 0.0) -> Iterator[Part]:
        """All tiles of a picture, gathered, after so much work."""
        parts = self.lanes.map(lambda vgg, tile: self._gathered(vgg, tile, seen), self.tiles)
        for number, part in enumerate(parts, start=1):
            yield part
            self.on_tile(before + VALUE_WORK * number / len(self.tiles))

    def _gathered(self, vgg: VGG19, tile: Tile, seen: Tensor) -> Part:
        """All that the losses have to know of a tile."""
        pixels = tile.shown.of(seen).to(vgg.device, copy=True).requires_grad_(torch.is_grad_enabled())
        found = vgg(pixels, self.layers)
        features = {layer: tile.owned_features(layer, maps) for layer, maps in found.items()}
        return Part(pixels, features, dict(self._values(tile, pixels, features)))

    def _with_features_alone(self, seen: Tensor) -> Iterator[Part]:
        """What is measured of each tile as it depends on its features, the network left out."""

        def part(vgg: VGG19, tile: Tile) -> Part:
            with torch.no_grad():
                pixels, features, _ = self._gathered(vgg, tile, seen)
            features = {layer: maps.detach().requires_grad_() for layer, maps in features.items()}
            return Part(pixels, features, dict(self._values(tile, pixels, features)))

        return self.lanes.map(part, self.tiles)

    def _values(self, tile: Tile, pixels: Tensor, features: Mapping[str, Tensor]) -> Iterator[tuple[Term, Any]]:
        """What is measured of a tile, term by term."""
        for layer in self.recipe.content_layers:
            yield ("content", layer, 0), Amount(self._content_loss(tile, layer, features[layer]))
        for layer in self.recipe.style_layers:
            for index in range(len(self.masks)):
                yield ("style", layer, index), self._of_style(tile, layer, features[layer], index)
        if self.recipe.tv_weight:
            exponent = 2 if self.recipe.tv_norm == "squared" else 1
            part = tile.owned_pixels(pixels, following=1)
            yield ("tv", "", 0), Amount(total_variation(part, exponent, tile.owned.size, self.size))
        if self.recipe.photo_weight:
            guide = tile.owned_pixels(tile.shown.of(self.content).to(pixels.device), following=2)
            yield ("photo", "", 0), Amount(photo_loss(tile.owned_pixels(pixels, following=2), guide, self.size))

    def _of_style(self, tile: Tile, layer: str, features: Tensor, region: int) -> Any:
        """What the style's loss has to know of a tile's features in a region."""
        mask = self.masks[region]
        if layer not in self.recipe.sampled_layers:
            return measured_in(tile, layer, features, mask)
        share = share_of(tile, layer, mask, features.device)
        return self.matches[region].distance(layer, features, tile.owned_at(layer), share)

    def _content_loss(self, tile: Tile, layer: str, features: Tensor) -> Tensor:
        weights = self.content_maps[layer]
        owned = tile.owned_at(layer)
        share = owned.size.pixels / positions_of(self.size, layer).pixels
        target = self.targets[tile][layer]
        counts = None if weights is None else owned.of(weights).to(features.device)
        loss = content_loss(features, target, counts, share)
        return loss / self.content_scales[layer]

    def _losses(self, values: Values) -> Losses:
        """The weighted losses of what was measured of the whole picture."""
        terms = dict.fromkeys(LOSS_OF.values(), self.content.new_zeros(()))
        for (term, layer, region), value in values.items():
            loss = self.distances[layer][region].of(value) if term == "style" else value.value
            terms[LOSS_OF[term]] = terms[LOSS_OF[term]] + self._weight(term, layer, region) * loss
        return Losses(terms, self.unit)

    def _weight(self, term: str, layer: str, region: int) -> float:
        """How much a term counts, over the unit."""
        if layer:
            return self._weights[term, layer] * (self._share(region) if term == "style" else 1.0)
        return {"tv": self.recipe.tv_weight, "photo": self.recipe.photo_weight}[term] / self.unit

    def _power_of_two(self, content_energies: Mapping[str, float]) -> float:
        """The one just above the loss of a picture that has no features and varies by 1, which is about the highest."""
        recipe = self.recipe
        content = sum(
            weight * content_energies[layer] / self.content_scales[layer]
            for layer, weight in recipe.content_layers.items()
        )
        style = sum(
            layer.weight * max((distance.energy for distance in self.distances[name]), default=0.0)
            for name, layer in recipe.style_layers.items()
        )
        loss = recipe.content_weight * content + recipe.style_weight * style + recipe.tv_weight + recipe.photo_weight
        return math.ldexp(1.0, math.frexp(loss)[1])

    def _compared(self, parts: Sequence[Values]) -> tuple[Losses, list[Values]]:
        """The losses of the whole picture, and their total's derivatives by what was measured of each tile."""
        leaves = [
            {term: type(value)(*(tensor.requires_grad_() for tensor in value)) for term, value in here.items()}
            for here in map(self._here, parts)
        ]
        with torch.enable_grad():
            losses = self._losses(_joined(leaves))
        tensors = [tensor for part in leaves for value in part.values() for tensor in value]
        slopes = iter(torch.autograd.grad(losses.total, tensors, allow_unused=True, materialize_grads=True))
        derivatives: list[Values] = [
            {term: type(value)(*(next(slopes) for _ in value)) for term, value in part.items()} for part in leaves
        ]
        return losses.detach(), derivatives

    def _here(self, values: Values) -> Values:
        """What was measured by any device, on the first, and without its origin."""
        return {
            term: type(value)(*(tensor.detach().to(self.device) for tensor in value)) for term, value in values.items()
        }

    def _normalized(self, slopes: Sequence[Values], parts: Iterable[Part]) -> list[Values]:
        """The derivatives scaled so that each layer's gradient by its features has the layer's weight as L1 norm."""
        norms = dict.fromkeys(self._weights, self.content.new_zeros(()))
        for part, by_value in zip(parts, slopes, strict=True):
            for term, layer in norms:
                chosen = {key: value for key, value in part.values.items() if key[:2] == (term, layer)}
                by_features = _pulled_back(chosen, by_value, part.features[layer], retain_graph=True)
                norms[term, layer] = norms[term, layer] + by_features.abs().sum().to(self.device)
        factors = {key: weight / (norms[key] + 1e-12) for key, weight in self._weights.items()}
        return [
            {
                key: type(value)(*(tensor * factors[key[:2]] for tensor in value)) if key[:2] in factors else value
                for key, value in part.items()
            }
            for part in slopes
        ]

    @cached_property
    def _weights(self) -> dict[tuple[str, str], float]:
        """The weight of every content and style layer, over the unit."""
        content_weight, style_weight = self.recipe.content_weight / self.unit, self.recipe.style_weight / self.unit
        content = {("content", layer): content_weight * weight for layer, weight in self.recipe.content_layers.items()}
        style = {("style", layer): style_weight * weight for layer, (weight, _) in self.recipe.style_layers.items()}
        return {**content, **style}

    def _share(self, region: int) -> float:
        """A region's share of the area that is to have a style."""
        mask = self.masks[region]
        return 1.0 if mask is None else mask.area / sum(other.area for other in self.masks if other is not None)

    def _content_targets(self) -> tuple[dict[Tile, dict[str, Tensor]], dict[str, float]]:
        """The content's features by tile and layer, and the mean square of each layer's features."""

        def looked_at(vgg: VGG19, tile: Tile) -> tuple[dict[str, Tensor], dict[str, float]]:
            found = vgg(tile.shown.of(self.content).to(vgg.device), self.layers)
            features = {layer: tile.owned_features(layer, maps) for layer, maps in found.items()}
            counted = {layer: len(maps) * positions_of(self.size, layer).pixels for layer, maps in features.items()}
            squares = {layer: float(maps.square().sum()) / counted[layer] for layer, maps in features.items()}
            return {layer: features[layer].clone() for layer in self.recipe.content_layers}, squares

        targets, energies = {}, dict.fromkeys(self.layers, 0.0)
        for tile, (features, squares) in zip(self.tiles, self.lanes.map(looked_at, self.tiles), strict=True):
            targets[tile] = features
            for layer, square in squares.items():
                energies[layer] += square
            self.on_tile(0.0)
        return targets, energies

    def _content_map(self, layer: str) -> Tensor | None:
        """How much each position's content counts (h×w): 1 on average over the area, more where it is protected."""
        area, protection = self.constraints.area, self.constraints.protection
        positions = positions_of(self.size, layer)
        weights: Tensor | None = None
        if area is not None:
            weights = resized_mask(area, positions)
            weights = weights / weights.mean()
        if protection is not None:
            held = 1 + PROTECTION * resized_mask(protection, positions)
            weights = held if weights is None else weights * held
        return weights


def _joined(parts: Sequence[Values]) -> Values:
    """What was measured of all tiles together."""
    return {term: type(value).joined([part[term] for part in parts]) for term, value in parts[0].items()}


def _pulled_back(values: Values, slopes: Values, source: Tensor, retain_graph: bool = False) -> Tensor:
    """The derivative of the losses by what the values were measured from, given those by the values."""
    pairs = [
        (tensor, slope.to(tensor.device))
        for term, value in values.items()
        for tensor, slope in zip(value, slopes[term], strict=True)
        if tensor.requires_grad
    ]
    tensors, derivatives = zip(*pairs, strict=True)
    (gradient,) = torch.autograd.grad(tensors, source, derivatives, retain_graph=retain_graph)
    return gradient


def constrained(image: Tensor, content: Tensor, free: Tensor | None) -> Tensor:
    """The picture as it is seen, 1×3×H×W: the content shows through where the image may not change."""
    return image if free is None else torch.lerp(content, image, free)
