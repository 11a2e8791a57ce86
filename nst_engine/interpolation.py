"""Values between the pixels of a picture, by Lanczos' kernel.

Cubic convolution leaves mirror images of fine strokes around the frequency of the old pixels, which the eye takes for a
lattice. The sinc function under a window of three lobes (C. Duchon: Lanczos Filtering, 1979) leaves next to none.
"""

from __future__ import annotations

import torch
from torch import Tensor

from nst_engine.pixels import Size

LOBES = 3
"""How many pixels on each side of a place count."""


def places(before: int, after: int) -> Tensor:
    """Where the middles of so many pixels lie among those of the side that they replace."""
    return (torch.arange(after, dtype=torch.float64, device="cpu") + 0.5) * (before / after) - 0.5


def larger(image: Tensor, size: Size) -> Tensor:
    """N×C×H×W in a size that is no smaller in either direction."""
    height, width = image.shape[2:]
    return at(at(image, places(width, size.width), 3), places(height, size.height), 2)


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
