"""The picture as it is seen: painted, with the content's protected parts, colors and transparency."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import DTypeLike
from torch import Tensor

from nst_engine import color
from nst_engine.canvas import Canvas, inverse
from nst_engine.enlarge import enlarged
from nst_engine.objective import constrained
from nst_engine.pixels import Floats, Pixels, Size, as_kind, bands, fractions
from nst_engine.tensors import resize, to_pixels


def composed(
    painted: Tensor,
    canvas: Canvas,
    size: Size,
    keeps_colors: bool,
    kind: DTypeLike = np.float32,
    on_band: Callable[[float], None] = lambda share: None,
    band_share: float = 1.0,
) -> Pixels:
    """The picture, H×W×4, in the content's size or in one of its proportions that is at most the size painted at.

    ``painted`` is 1×3×h×w; ``keeps_colors`` gives it the content's hue and chroma. ``kind`` is that of its
    numbers: float32 in [0, 1], uint8 or uint16. It is made band by band: no memory is taken but for the result.
    ``on_band`` hears after each of several how much is done, 0…1; they have so much of the usual number of pixels.
    """
    picture = np.empty((*size, 4), kind)
    own = Size(*painted.shape[2:])
    is_larger = size.pixels > own.pixels
    whole = painted if is_larger or size == own else resize(painted, size)
    for band in bands(size, band_share):
        if band.start:
            on_band(band.start / size.height)
        rows = enlarged(whole, size, band) if is_larger else whole[:, :, band]
        picture[band] = as_kind(_composed(rows.cpu().clamp(0, 1), canvas, size, band, keeps_colors), picture.dtype)
    if band.start:
        on_band(1.0)
    return picture


def _composed(painted: Tensor, canvas: Canvas, size: Size, band: slice, keeps_colors: bool) -> Floats:
    """Rows of the picture, h×W×4, from those painted."""
    constraints = canvas.constraints_rows(size, band)
    content = painted
    if keeps_colors or constraints.protection is not None:
        content = canvas.content.rows(size, band)[:, :3]
    rgb = to_pixels(constrained(painted, content, inverse(constraints.protection)))
    if keeps_colors:
        rgb = color.keep_colors(rgb, to_pixels(content))
    if size == canvas.size and not canvas.original.is_opaque:  # what nobody sees stays what it was
        given = canvas.original.pixels[band]
        rgb = np.where(given[..., 3:] > 0, rgb, fractions(given[..., :3]))
    opacity = np.ones_like(rgb[..., :1]) if constraints.area is None else constraints.area[..., None].numpy()
    return np.concatenate([rgb, opacity], axis=2)
