"""The styles of one picture: what is known of each, and where it is wanted."""

from __future__ import annotations

import hashlib
import math
import numbers
from collections import OrderedDict
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor

from nst_engine import color, regions
from nst_engine.canvas import Canvas, Scaled, flat
from nst_engine.errors import PictureError
from nst_engine.network.vgg import VGG19
from nst_engine.objective import Region
from nst_engine.options import Options
from nst_engine.originals import OriginalPicture
from nst_engine.pixels import SMALLEST_SIDE, Floats, Size, StylePicture
from nst_engine.pyramid import Scale
from nst_engine.recipes import Recipe
from nst_engine.style_statistics import Statistics, blended, statistics_of
from nst_engine.tensors import covered, resize, to_image, to_pixels
from nst_engine.words import Words

SEEN_AT_LEAST = 0.5
"""Share of the size wanted of a style with which its brushwork still shows."""


def size_for(own: Size, picture: int, style_scale: float) -> Size:
    """A style's size for a picture of this long side: its own is that times the style scale, but never enlarged."""
    size = own.scaled_to(min(max(own), picture * style_scale))
    if min(size) < SMALLEST_SIDE:
        size = own.scaled_to(min(max(own), SMALLEST_SIDE * max(own) / min(own)))
    return size


def originals_of(styles: Sequence[StylePicture]) -> list[OriginalPicture]:
    """The styles' pictures as they were given; PictureError for one that nothing can be learned from, or for none."""
    if not styles:
        raise PictureError("There is no style picture.", "Give at least one.")
    return [OriginalPicture(Words("style '{name}'", name=style.name), style.pixels) for style in styles]


class KnownStatistics:
    """What a network has found of styles: the newest, up to MOST bytes.

    A style is known by what the network is shown: a hash of its numbers at the size looked at.
    """

    MOST = 64 * 2**20
    """Two megabytes and a half are the statistics of the usual layers of a style at one size."""

    def __init__(self, vgg: VGG19) -> None:
        self.vgg = vgg
        self.found: OrderedDict[bytes, Statistics] = OrderedDict()

    def of(
        self,
        style: Tensor,
        layers: Collection[str],
        sampled: Collection[str] = (),
        on_tile: Callable[[float], None] = lambda share: None,
    ) -> Statistics:
        """The statistics of a style at these layers, with samples at some of them. It is 1×3×H×W in main memory, or
        1×4×H×W with the alpha that says what counts."""
        shape = hashlib.sha256(repr((tuple(style.shape), sorted(layers), list(sampled))).encode())
        shape.update(style.numpy().data)
        key = shape.digest()
        if key in self.found:
            self.found.move_to_end(key)
        else:
            style = style.to(self.vgg.device)
            opacity = style[0, 3] if style.shape[1] == 4 else None
            self.found[key] = statistics_of(self.vgg, style[:, :3], opacity, layers, sampled, on_tile)
            self._forget_but(1)
        return self.found[key]

    def take(self, found: Mapping[bytes, Statistics]) -> None:
        """Know as well all that another one has found, and of what was known before the newest."""
        for key, statistics in _on(self.vgg.device, found).items():
            self.found[key] = statistics
            self.found.move_to_end(key)
        self._forget_but(len(found))

    def told(self) -> dict[bytes, Statistics]:
        """All that is known, in main memory, for another one of the same network in the same number format."""
        return dict(_on(torch.device("cpu"), self.found))

    def _forget_but(self, newest: int) -> None:
        """Let go of the oldest, beyond so many of the newest, where all take more than MOST bytes."""
        while len(self.found) > newest and self.bytes > self.MOST:
            self.found.popitem(last=False)

    @property
    def bytes(self) -> int:
        """Bytes that all of them take."""
        return sum(layer.nbytes for known in self.found.values() for layer in known.values())


def _on(device: torch.device, known: Any) -> Any:
    """What is known, or a part of it, on a device."""
    if isinstance(known, torch.Tensor):
        return known.to(device)
    if isinstance(known, Mapping):
        return {key: _on(device, part) for key, part in known.items()}
    if isinstance(known, tuple):
        parts = [_on(device, part) for part in known]
        return type(known)(*parts) if hasattr(known, "_fields") else tuple(parts)
    return [_on(device, part) for part in known] if isinstance(known, list) else known


class _Style(NamedTuple):
    """A style's own size, and what it looks like at the largest size wanted: 1×3|4×H×W in main memory."""

    own: Size
    finest: Tensor


class Styles:
    """The styles of one picture, held no larger than they are looked at, and the regions that they are for."""

    def __init__(
        self,
        styles: Sequence[StylePicture],
        originals: Sequence[OriginalPicture],
        canvas: Canvas,
        options: Options,
        recipe: Recipe,
        known: KnownStatistics,
    ) -> None:
        """``originals`` are those of the styles' pictures, as :func:`originals_of` makes them."""
        self.canvas, self.options, self.recipe, self.known = canvas, options, recipe, known
        self.names = [style.name for style in styles]
        self.weights = _relative([style.weight for style in styles])
        self.pictures = [self._read(original) for original in originals]
        self.masks = [canvas.mask(Words("region of style '{name}'", name=style.name), style.region) for style in styles]

    def regions_at(
        self,
        size: Size,
        recipe: Recipe,
        share: float = 1.0,
        on_tile: Callable[[float], None] = lambda share: None,
    ) -> list[Region]:
        """The parts of a picture of this size, and the statistics that each is to have by this recipe.

        They are the styles' by this share, and the content's own by what is left. ``on_tile`` hears when something
        large is looked at.
        """
        if share == 1:
            return self._regions_at(size, recipe, on_tile)
        content = self._known(self.canvas.content.at(size).cpu(), recipe, on_tile)
        return [
            Region(blended([(region.statistics, share), (content, 1 - share)]), region.mask)
            for region in self._regions_at(size, recipe, on_tile)
        ]

    def _regions_at(self, size: Size, recipe: Recipe, on_tile: Callable[[float], None]) -> list[Region]:
        """The parts, and the statistics of their styles."""
        weighted = [
            (self._statistics(index, size, recipe, on_tile), weight) for index, weight in enumerate(self.weights)
        ]
        styled = self.canvas.styled_at(size)
        everywhere = [pair for pair, mask in zip(weighted, self.masks, strict=True) if mask is None]
        if len(everywhere) == len(weighted):
            return [Region(blended(weighted), styled)]
        parts: list[tuple[Statistics, float, Scaled | None]] = [
            (*pair, mask) for pair, mask in zip(weighted, self.masks, strict=True) if mask is not None
        ]
        if everywhere:
            parts.append((blended(everywhere), sum(weight for _, weight in everywhere), None))
        given = [None if mask is None else flat(mask.at(size)) for *_, mask in parts]
        masks = regions.shared_out(given, [weight for _, weight, _ in parts])
        wanted = [mask if styled is None else mask * styled for mask in masks]
        return [Region(part[0], mask) for part, mask in zip(parts, wanted, strict=True) if mask.sum() > 0]

    def look(self, scales: Sequence[Scale]) -> None:
        """See all styles as they are seen at these scales, so that it is known when it is asked for."""
        for scale in scales:
            for index in range(len(self.pictures)):
                self._statistics(index, scale.size, self.recipe.at(scale.is_finish), lambda share: None)

    def too_small_for(self, size: Size) -> Iterator[Words]:
        """A sentence for each style with too few pixels for its strokes to show at 1:1 in a picture of this size."""
        wanted = round(max(size) * self.options.style_scale)
        for name, picture in zip(self.names, self.pictures, strict=True):
            if max(picture.own) < SEEN_AT_LEAST * wanted:
                yield Words(
                    "The style '{name}' has {pixels} pixels on its long side: "
                    "for its own brushwork to show at 1:1, give it with about {wanted}.",
                    name=name,
                    pixels=max(picture.own),
                    wanted=wanted,
                )

    def first_picture(self, size: Size) -> Tensor:
        """The first style, 1×3×H×W, scaled so that it covers this size, and its middle."""
        return covered(self.pictures[0].finest[:, :3], size).to(self.canvas.device)

    def _read(self, original: OriginalPicture) -> _Style:
        size = size_for(original.size, max(self.canvas.painted), self.options.style_scale)
        finest = original.at(size, self.canvas.on_band)
        if self.options.color == "match":
            finest[:, :3] = _recolored(finest, self.canvas.content.at(self.canvas.painted).cpu(), self.canvas.on_band)
        return _Style(original.size, finest)

    def _statistics(self, index: int, size: Size, recipe: Recipe, on_tile: Callable[[float], None]) -> Statistics:
        """A style's statistics by this recipe for a picture of this size."""
        self.canvas.on_band()
        picture = self.pictures[index]
        wanted = size_for(picture.own, max(size), self.options.style_scale)
        seen = without_border(resize(picture.finest, wanted).clamp_(0, 1), self.recipe.style_border)
        return self._known(seen.contiguous(), recipe, on_tile)

    def _known(self, seen: Tensor, recipe: Recipe, on_tile: Callable[[float], None]) -> Statistics:
        """What a picture has at the recipe's style layers."""
        return self.known.of(seen, recipe.style_layers, recipe.sampled_layers, on_tile)


def without_border(style: Tensor, percent: float) -> Tensor:
    """A style, 1×C×H×W, without so much of its sides all around, unless that makes it too small to look at.

    What stands along the border of a photographed painting, a frame or the bare edge of the canvas, would become
    straight lines in the middle of a sky.
    """
    top, left = (min(round(side * percent / 100), max(0, side - SMALLEST_SIDE) // 2) for side in style.shape[2:])
    return style[..., top : style.shape[2] - top, left : style.shape[3] - left]


def _relative(weights: Sequence[float]) -> list[float]:
    """The weights in parts of the largest; PictureError when one is no positive number."""
    for weight in weights:
        if not (isinstance(weight, numbers.Real) and 0 < weight < math.inf):
            told = Words("The weight of a style is {weight}.", weight=str(weight))
            raise PictureError(told, "Leave a style out that is not to count.")
    return [weight / max(weights) for weight in weights]


def _recolored(style: Tensor, content: Tensor, on_band: Callable[[], None]) -> Tensor:
    """A style in the colors of the content, 1×3×H×W; both 1×3|4×H×W, what is transparent does not count."""
    (colors, weights), (wanted, wanted_weights) = (_colors_and_weights(picture) for picture in (style, content))
    return to_image(color.match_colors(colors, wanted, weights, wanted_weights, on_band))


def _colors_and_weights(picture: Tensor) -> tuple[Floats, Floats]:
    """Colors, H×W×3, and how much each pixel counts, H×W, of 1×3|4×H×W."""
    values = to_pixels(picture)
    weights = values[..., 3] if values.shape[2] == 4 else np.ones(values.shape[:2], np.float32)
    return values[..., :3], weights
