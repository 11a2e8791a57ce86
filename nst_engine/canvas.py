"""The content and the maps on it, at any size."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from nst_engine.errors import PictureError
from nst_engine.objective import Frame
from nst_engine.protocol import Pixels
from nst_engine.pyramid import Size
from nst_engine.tensors import as_floats, at_size, opaque, resize, to_image


class Masks(NamedTuple):
    """Maps on the content, H×W×1 or None. ``protection``: what stays as it is; ``selection``: what is painted."""

    protection: Pixels | None = None
    selection: Pixels | None = None


class Canvas:
    """The content and the maps on it, at any size. Masks are 1×1×H×W in [0, 1], or None where all is alike."""

    def __init__(self, content: Pixels, masks: Masks, device: torch.device) -> None:
        self.source = as_floats("content", content)
        self.size = Size(*self.source.shape[:2])
        self.device = device
        self.content = to_image(opaque(self.source), device)
        self.smaller: dict[Size, Tensor] = {}
        self.alpha = None if (self.source[..., 3] >= 1).all() else self.mask("alpha", self.source[..., 3:])
        self.protection = self.mask("protection map", masks.protection)
        self.selection = self.mask("selection", masks.selection)
        if not self._paintable():
            raise PictureError("Nothing of the content is left to paint.", "Select or unprotect some of it.")

    def mask(self, what: str, pixels: Pixels | None) -> Tensor | None:
        """A mask of the content's size; PictureError for one of another size."""
        if pixels is None:
            return None
        if pixels.shape[:2] != tuple(self.size) or pixels.size != self.size.pixels:
            shown = "×".join(str(length) for length in pixels.shape[1::-1])
            raise PictureError(
                f"The {what} is {shown} pixels, the content {self.size.width}×{self.size.height}.",
                "Give a mask of the content's size.",
            )
        floats = pixels.reshape(self.size).astype(np.float32) / np.float32(255 if pixels.dtype == np.uint8 else 1)
        return torch.from_numpy(np.nan_to_num(floats).clip(0, 1))[None, None].to(self.device)

    def content_at(self, size: Size) -> Tensor:
        """The content, 1×3×H×W in [0, 1]. Smaller copies are kept: every preview needs one."""
        if size == self.size:
            return self.content
        if size not in self.smaller:
            self.smaller[size] = resize(self.content, size).clamp_(0, 1)
        return self.smaller[size]

    def frame_at(self, size: Size) -> Frame:
        """What may change at a scale, and what is held there."""
        protection = at_size(self.protection, size)
        selection = at_size(self.selection, size)
        return Frame(
            free=flat(product(inverse(protection), selection)),
            protection=flat(protection),
            area=flat(product(at_size(self.alpha, size), selection)),
        )

    def styled_at(self, size: Size) -> Tensor | None:
        """Where the picture is to have a style, H×W; None for everywhere."""
        frame = self.frame_at(size)
        return product(frame.area, inverse(frame.protection))

    def _paintable(self) -> bool:
        styled = self.styled_at(self.size)
        return styled is None or bool(styled.max() > 0.01)


def flat(mask: Tensor | None) -> Tensor | None:
    """1×1×H×W → H×W."""
    return None if mask is None else mask[0, 0]


def product(first: Tensor | None, second: Tensor | None) -> Tensor | None:
    """Two masks as one; None is a mask of ones."""
    return second if first is None else first if second is None else first * second


def inverse(mask: Tensor | None) -> Tensor | None:
    return None if mask is None else 1 - mask
