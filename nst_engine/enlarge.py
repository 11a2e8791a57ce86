"""A picture painted smaller than it is shown: enlarged so that edges of strokes stay edges."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from nst_engine.pyramid import Size

SHARPENING = 0.8
"""How much of the difference from a blurred copy is added after each doubling."""


def enlarged(image: Tensor, size: Size) -> Tensor:
    """The picture (1×3×h×w in [0, 1]) in a larger ``size``.

    It at most doubles at a time, by bicubic interpolation. Each time edges are made as steep as they were before, by
    unsharp masking within the range of values that the neighborhood has: soft ramps become edges, noise none.
    """
    while tuple(image.shape[2:]) != tuple(size):
        height, width = image.shape[2:]
        step = (min(2 * height, size.height), min(2 * width, size.width))
        image = _sharpened(F.interpolate(image, step, mode="bicubic", align_corners=False).clamp_(0, 1))
    return image


def _sharpened(image: Tensor) -> Tensor:
    """Lightness moves away from its 5×5 neighborhood's mean, but not out of its range: no halos.

    Rows and columns are worked on one after the other, by whole shifted pictures: pooling and convolution would take
    ten times as long for the same numbers.
    """
    lightness = image.mean(dim=1, keepdim=True)
    padded = F.pad(lightness, (2, 2, 2, 2), mode="replicate")
    lightest, darkest, blurred = (
        over(over(padded, 2), 3) for over in (_largest_of_five, _smallest_of_five, _binomial_of_five)
    )
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
