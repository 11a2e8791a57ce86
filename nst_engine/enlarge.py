"""A picture painted smaller than it is shown: enlarged so that edges of strokes stay edges."""

from __future__ import annotations

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor

from nst_engine import interpolation
from nst_engine.pixels import Size

SHARPENING = 0.8
"""How much of the difference from a blurred copy is added after each doubling."""

REACH = 2
"""Pixels on each side by which sharpening looks beyond a pixel."""


def enlarged(image: Tensor, size: Size, band: slice | None = None) -> Tensor:
    """The picture (1×3×h×w in [0, 1]) in a larger ``size``, whole or only these of its rows.

    It at most doubles at a time. Each time edges are made as steep as they were before, by unsharp masking within the
    range of values that the neighborhood has: soft ramps become edges, noise none. The rows are the same however the
    picture is cut, and memory is taken for them alone.
    """
    return _rows(image, _doublings(Size(*image.shape[2:]), size), band or slice(0, size.height))


def _doublings(own: Size, size: Size) -> list[Size]:
    """The sizes on the way, each at most twice the one before."""
    steps = [own]
    while steps[-1] != size:
        steps.append(Size(min(2 * steps[-1].height, size.height), min(2 * steps[-1].width, size.width)))
    return steps[1:]


def _rows(image: Tensor, steps: Sequence[Size], band: slice) -> Tensor:
    """Rows of the picture after these steps, from as many rows of the one before the last step as they need."""
    if not steps:
        return image[:, :, band]
    *earlier, size = steps
    before = earlier[-1] if earlier else Size(*image.shape[2:])
    seen = slice(max(0, band.start - REACH), min(size.height, band.stop + REACH))
    source = _rows(image, earlier, interpolation.seen(before, size, seen))
    larger = interpolation.rows(source, before, size, seen).clamp_(0, 1)
    return _sharpened(larger, band.start - seen.start, seen.stop - band.stop)


def _sharpened(image: Tensor, above: int, below: int) -> Tensor:
    """Lightness moves away from its 5×5 neighborhood's mean, but not out of its range: no halos.

    Of the rows so many above and below are there to be looked at only; beyond the picture's border its last row counts.
    Rows and columns are worked on one after the other, by whole shifted pictures: pooling and convolution would take
    ten times as long for the same numbers.
    """
    inner = slice(above, image.shape[2] - below)
    lightness = image.mean(dim=1, keepdim=True)
    padded = F.pad(lightness, (REACH, REACH, REACH - above, REACH - below), mode="replicate")
    lightest, darkest, blurred = (
        over(over(padded, 2), 3) for over in (_largest_of_five, _smallest_of_five, _binomial_of_five)
    )
    image, lightness = image[:, :, inner], lightness[:, :, inner]
    sharper = lightness + SHARPENING * (lightness - blurred)
    change = torch.minimum(torch.maximum(sharper, darkest), lightest).sub_(lightness)
    return (image + change).clamp_(0, 1)


def _largest_of_five(image: Tensor, axis: int) -> Tensor:
    length = image.shape[axis]
    two = torch.maximum(image.narrow(axis, 0, length - 1), image.narrow(axis, 1, length - 1))
    four = torch.maximum(two.narrow(axis, 0, length - 3), two.narrow(axis, 2, length - 3))
    return torch.maximum(four.narrow(axis, 0, length - 4), image.narrow(axis, 4, length - 4))


def _smallest_of_five(image: Tensor, axis: int) -> Tensor:
    return -_largest_of_five(-image, axis)


def _binomial_of_five(image: Tensor, axis: int) -> Tensor:
    """The average of five neighbors, weighted 1 : 4 : 6 : 4 : 1."""
    count = image.shape[axis] - 4
    first, second, third, fourth, fifth = (image.narrow(axis, start, count) for start in range(5))
    return (first + fifth).add_(second + fourth, alpha=4).add_(third, alpha=6).div_(16)
