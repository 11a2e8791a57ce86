"""The styles of one picture: their statistics, and where each is wanted."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor

from nst_engine import color, regions
from nst_engine.canvas import Canvas, flat
from nst_engine.errors import PictureError
from nst_engine.objective import Region, Statistics, blended, style_statistics
from nst_engine.protocol import StylePicture
from nst_engine.pyramid import Size
from nst_engine.tensors import Floats, as_floats, at_size, opaque, resize, to_image
from nst_engine.vgg import SMALLEST_SIDE

if TYPE_CHECKING:
    from nst_engine.painting import Painter


class Palette:
    """The styles of one picture: their statistics and where each is wanted."""

    def __init__(self, painter: Painter, canvas: Canvas, styles: Sequence[StylePicture]) -> None:
        if not styles:
            raise PictureError("There is no style picture.", "Give at least one.")
        self.painter, self.canvas, self.styles = painter, canvas, styles
        self.pictures = [self._prepared(style) for style in styles]
        self.masks = [canvas.mask(f"region of style '{style.name}'", style.region) for style in styles]

    def regions_at(self, size: Size) -> list[Region]:
        """The parts of a picture of this size, and the statistics that each is to have."""
        statistics = [self._statistics(index, size) for index in range(len(self.styles))]
        weighted = list(zip(statistics, (style.weight for style in self.styles), strict=True))
        styled = self.canvas.styled_at(size)
        everywhere = [pair for pair, mask in zip(weighted, self.masks, strict=True) if mask is None]
        if len(everywhere) == len(weighted):
            return [Region(blended(weighted), styled)]
        parts = [
            (*pair, at_size(mask, size)) for pair, mask in zip(weighted, self.masks, strict=True) if mask is not None
        ]
        if everywhere:
            parts.append((blended(everywhere), sum(weight for _, weight in everywhere), None))
        masks = regions.shared_out([flat(mask) for *_, mask in parts], [weight for _, weight, _ in parts])
        wanted = [mask if styled is None else mask * styled for mask in masks]
        return [Region(part[0], mask) for part, mask in zip(parts, wanted, strict=True) if mask.sum() > 0]

    def first_picture(self) -> Tensor:
        """The first style's picture, 1×3×H×W."""
        return to_image(opaque(self.pictures[0]), self.canvas.device)

    def _prepared(self, style: StylePicture) -> Floats:
        pixels = as_floats(f"style '{style.name}'", style.pixels)
        return pixels if self.painter.options.color == "style" else _recolored(pixels, self.canvas.source)

    def _statistics(self, index: int, size: Size) -> Statistics:
        """A style's statistics for a picture of this size, from what is known already where it can be."""
        target = self._size(Size(*self.pictures[index].shape[:2]), size)
        key = (id(self.styles[index]), target)
        if key in self.painter.known_styles:
            return self.painter.known_styles[key][1]
        pixels, device = self.pictures[index], self.canvas.device
        image = resize(to_image(opaque(pixels), device), target).clamp(0, 1)
        opacity = None
        if (pixels[..., 3] < 1).any():
            opacity = resize(torch.from_numpy(pixels[None, None, ..., 3]).to(device), target)[0, 0].clamp(0, 1)
        found = style_statistics(self.painter.vgg, image, opacity, self.painter.recipe.style_layers)
        if self.painter.options.color == "style":
            self.painter.known_styles[key] = self.styles[index], found
        return found

    def _size(self, own: Size, picture: Size) -> Size:
        """A style's size for a picture: its long side is the picture's times the style scale, never enlarged."""
        target = own.scaled_to(min(max(own), max(picture) * self.painter.options.style_scale))
        if min(target) < SMALLEST_SIDE:
            target = own.scaled_to(min(max(own), SMALLEST_SIDE * max(own) / min(own)))
        return target


def _recolored(style: Floats, content: Floats) -> Floats:
    """The style, H×W×4, in the content's colors."""
    matched = color.match_colors(opaque(style), opaque(content), style[..., 3].clip(0, 1), content[..., 3].clip(0, 1))
    return np.concatenate([matched, style[..., 3:]], axis=2)
