"""Pictures as arrays and as tensors, and both in other sizes."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from nst_engine import interpolation
from nst_engine.pixels import Floats, Size


def resize(image: Tensor, size: Size, on_band: Callable[[], None] = lambda: None) -> Tensor:
    """N×C×H×W in another size: a smaller one bicubic, with the frequencies that do not fit removed first.

    ``on_band`` hears of parts of a larger one.
    """
    if tuple(image.shape[2:]) == tuple(size):
        return image.clone()
    if size.height >= image.shape[2] and size.width >= image.shape[3]:
        return interpolation.larger(image, size, on_band)
    return F.interpolate(image, size, mode="bicubic", antialias=True, align_corners=False)


def covering(own: Size, size: Size) -> Size:
    """The size of a picture when it is scaled so that it covers another."""
    factor = max(size.height / own.height, size.width / own.width)
    return Size(max(size.height, round(own.height * factor)), max(size.width, round(own.width * factor)))


def covered(image: Tensor, size: Size) -> Tensor:
    """The middle of a picture in [0, 1], 1×C×H×W, in this size: as much as has its proportions, no more is enlarged."""
    own = Size(*image.shape[2:])
    factor = max(size.height / own.height, size.width / own.width)
    height, width = (min(length, max(1, round(side / factor))) for length, side in zip(own, size, strict=True))
    top, left = (own.height - height) // 2, (own.width - width) // 2
    return resize(image[:, :, top : top + height, left : left + width], size).clamp_(0, 1)


def to_image(rgb: Floats) -> Tensor:
    """H×W×C → 1×C×H×W."""
    return torch.from_numpy(np.ascontiguousarray(rgb.transpose(2, 0, 1)))[None]


def to_pixels(image: Tensor) -> Floats:
    """1×C×H×W → H×W×C."""
    return np.asarray(image[0].permute(1, 2, 0).cpu().numpy(), dtype=np.float32)


def feature_matrix(features: Tensor) -> Tensor:
    """C×h×w features as an n×C matrix, n = h·w. No copy where the layout is channels-last."""
    return features.permute(1, 2, 0).reshape(-1, features.shape[0])
