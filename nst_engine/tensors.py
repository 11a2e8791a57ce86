"""Pictures as arrays and as tensors, and both in other sizes."""

from __future__ import annotations

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor

from nst_engine.errors import PictureError
from nst_engine.protocol import Pixels
from nst_engine.pyramid import Size
from nst_engine.vgg import SMALLEST_SIDE

Floats = NDArray[np.float32]


def resize(image: Tensor, size: Size) -> Tensor:
    """N×C×H×W in another size: bicubic, with the frequencies that do not fit removed first."""
    if tuple(image.shape[2:]) == tuple(size):
        return image.clone()
    return F.interpolate(image, size, mode="bicubic", antialias=True, align_corners=False)


def at_size(mask: Tensor | None, size: Size) -> Tensor | None:
    """A mask, 1×1×H×W, in another size; it stays in [0, 1]."""
    return None if mask is None else resize(mask, size).clamp_(0, 1)


def covering(image: Tensor, size: Size) -> Tensor:
    """A picture, 1×3×H×W, scaled so that it covers this size, and its middle cut out."""
    height, width = image.shape[2:]
    factor = max(size.height / height, size.width / width)
    scaled = resize(image, Size(max(size.height, round(height * factor)), max(size.width, round(width * factor))))
    top, left = (scaled.shape[2] - size.height) // 2, (scaled.shape[3] - size.width) // 2
    return scaled[:, :, top : top + size.height, left : left + size.width].clamp(0, 1).contiguous()


def as_floats(what: str, pixels: Pixels) -> Floats:
    """H×W×4 float32, or PictureError when there is nothing to work with."""
    floats = pixels.astype(np.float32) / np.float32(255 if pixels.dtype == np.uint8 else 1)
    if floats.ndim != 3 or floats.shape[2] not in (3, 4):
        raise PictureError(f"The {what} is not an H×W×3 or H×W×4 array.", "Convert it first.")
    if floats.shape[2] == 3:
        floats = np.concatenate([floats, np.ones_like(floats[..., :1])], axis=2)
    height, width = floats.shape[:2]
    if min(height, width) < SMALLEST_SIDE:
        raise PictureError(
            f"The {what} is only {width}×{height} pixels.", f"It needs at least {SMALLEST_SIDE} on each side."
        )
    if not np.isfinite(floats).all():
        raise PictureError(f"The {what} has values that are not numbers.", "Repair it first.")
    if not floats[..., 3].any():
        raise PictureError(f"The {what} is fully transparent.", "Choose one with something to see on it.")
    return floats


def opaque(pixels: Floats) -> Floats:
    """H×W×3 in [0, 1]: what is transparent takes the mean color of what is not."""
    alpha = pixels[..., 3:].clip(0, 1)
    rgb = pixels[..., :3].clip(0, 1)
    mean = (rgb * alpha).sum(axis=(0, 1)) / alpha.sum()
    return np.asarray(rgb * alpha + mean * (1 - alpha), dtype=np.float32)


def to_image(rgb: Floats, device: torch.device) -> Tensor:
    """H×W×3 → 1×3×H×W."""
    return torch.from_numpy(np.ascontiguousarray(rgb.transpose(2, 0, 1)))[None].to(device)


def to_pixels(image: Tensor) -> Floats:
    """1×C×H×W → H×W×C."""
    return np.asarray(image[0].permute(1, 2, 0).cpu().numpy(), dtype=np.float32)
