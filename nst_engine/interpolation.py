"""Values between the pixels of a picture, by Lanczos' kernel.

Cubic convolution leaves mirror images of fine strokes around the frequency of the old pixels, which the eye takes for a
lattice. The sinc function under a window of three lobes (C. Duchon: Lanczos Filtering, 1979) leaves next to none.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from nst_engine.pixels import Size, bands

LOBES = 3
"""How many pixels on each side of a place count."""


def places(before: int, after: int) -> Tensor:
    """Where the middles of so many pixels lie among those of the side that they replace."""
    return (torch.arange(after, dtype=torch.float64, device="cpu") + 0.5) * (before / after) - 0.5


def larger(image: Tensor, size: Size, on_band: Callable[[], None] = lambda: None) -> Tensor:
    """N×C×H×W in a size that is no smaller in either direction.

    It is made in bands of rows, and ``on_band`` hears between them: all of it at once would take three times as long.
    """
    before = Size(*image.shape[2:])
    found = image.new_empty((*image.shape[:2], *size))
    for band in bands(size, on_band=on_band):
        found[:, :, band] = rows(image[:, :, seen(before, size, band)], before, size, band)
    return found


def seen(before: Size, size: Size, band: slice) -> slice:
    """Which rows of a picture of the size ``before`` count for these rows of the larger one."""
    wanted = places(before.height, size.height)[band]
    return slice(max(0, int(wanted[0]) - LOBES), min(before.height, int(wanted[-1]) + LOBES + 1))


def rows(source: Tensor, before: Size, size: Size, band: slice) -> Tensor:
    """These rows of a picture in a larger size, from those :func:`seen` of the one ``before``."""
    wanted = places(before.height, size.height)[band] - seen(before, size, band).start
    return at(at(source, places(before.width, size.width), 3), wanted, 2)


def at(image: Tensor, wanted: Tensor, axis: int) -> Tensor:
    """The values of N×C×H×W at these places between its rows (axis 2) or columns (3); beyond its border the last of
    them counts."""
    first = wanted.floor().long() - (LOBES - 1)
    offsets = torch.arange(2 * LOBES, device="cpu")[:, None]
    weights = _kernel(wanted - first - offsets)
    weights = (weights / weights.sum(dim=0)).to(image)
    shape = [*image.shape]
    shape[axis] = len(wanted)
    found = image.new_zeros(shape)
    for lines, weight in zip(first + offsets, weights, strict=True):
        seen = image.index_select(axis, lines.clamp(0, image.shape[axis] - 1).to(image.device))
        found.addcmul_(seen, weight[:, None] if axis == 2 else weight)
    return found


def _kernel(distance: Tensor) -> Tensor:
    """Weight of a pixel at this distance, -LOBES…LOBES, from the place asked for."""
    return torch.sinc(distance) * torch.sinc(distance / LOBES) * (distance.abs() < LOBES)
