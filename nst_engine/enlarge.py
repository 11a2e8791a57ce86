"""A picture painted smaller than it is shown: enlarged so that edges of strokes stay edges."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from nst_engine.pyramid import Size

SHARPENING = 0.8
"""How much of the difference from a blurred copy is added after each doubling."""

REACH = 5
"""Side of the neighborhood, in pixels, whose darkest and lightest values are the limits: no halos."""


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
    margin = REACH // 2
    padded = F.pad(image, (margin,) * 4, mode="replicate")
    lightest = F.max_pool2d(padded, REACH, stride=1)
    darkest = -F.max_pool2d(-padded, REACH, stride=1)
    sharper = image + SHARPENING * (image - _blurred(padded))
    return torch.minimum(torch.maximum(sharper, darkest), lightest)


def _blurred(padded: Tensor) -> Tensor:
    """A 5×5 binomial filter, without the frame that it needs."""
    taps = torch.tensor([1.0, 4.0, 6.0, 4.0, 1.0], device=padded.device) / 16
    across = F.conv2d(padded, taps.view(1, 1, 1, 5).expand(3, 1, 1, 5), groups=3)
    return F.conv2d(across, taps.view(1, 1, 5, 1).expand(3, 1, 5, 1), groups=3)
