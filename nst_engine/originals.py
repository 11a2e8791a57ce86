"""Pictures and masks as they were given, and as tensors at the size that is asked for.

Nothing is copied at full size: 8 or 16 bits become float32 in one band of rows after the other, and each band is made
as narrow as the result before the next one comes.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from functools import cached_property

import numpy as np
import torch
from torch import Tensor

from nst_engine.errors import PictureError
from nst_engine.pixels import LARGEST, SMALLEST_SIDE, Floats, Pixels, Size, bands, fractions
from nst_engine.tensors import resize, to_image
from nst_engine.words import Words


class Original(ABC):
    """Something that was given, of this size and with so many channels."""

    size: Size
    channels: int

    @abstractmethod
    def rows(self, band: slice) -> Tensor:
        """These rows, 1×C×h×W float32 in [0, 1]."""

    def at(self, size: Size, on_band: Callable[[], None] = lambda: None) -> Tensor:
        """All of it in another size, 1×C×H×W in [0, 1]: without the frequencies that do not fit. ``on_band`` is as of
        :func:`nst_engine.pixels.bands`."""
        narrow = torch.empty(1, self.channels, self.size.height, size.width, dtype=torch.float32, device="cpu")
        for band in bands(self.size, on_band=on_band):
            narrow[:, :, band] = resize(self.rows(band), Size(band.stop - band.start, size.width))
        return (narrow if size.height == self.size.height else resize(narrow, size)).clamp_(0, 1)


class OriginalPicture(Original):
    """A picture, H×W×3|4: 8 or 16 bits, or float32 with [0, 1] as the visible range; sRGB-encoded, alpha straight.

    Its first three channels are opaque: what is transparent takes the mean color of what is not. The fourth is
    alpha, and not there where all is opaque. Raises :class:`PictureError` when there is nothing to work with.
    """

    def __init__(self, what: Words, pixels: Pixels) -> None:
        if pixels.ndim != 3 or pixels.shape[2] not in (3, 4):
            raise PictureError(Words("The {what} is not an H×W×3 or H×W×4 array.", what=what), "Convert it first.")
        self.pixels, self.size = pixels, Size(*pixels.shape[:2])
        check_size(what, self.size)
        if pixels.dtype.kind == "f" and not all(np.isfinite(pixels[band]).all() for band in bands(self.size)):
            raise PictureError(Words("The {what} has values that are not numbers.", what=what), "Repair it first.")
        alpha = pixels[..., 3:]
        if alpha.size and not (alpha > 0).any():
            told = Words("The {what} is fully transparent.", what=what)
            raise PictureError(told, "Choose one with something to see on it.")
        self.is_opaque = not alpha.size or bool(alpha.min() >= LARGEST.get(pixels.dtype.name, 1))
        self.channels = 3 if self.is_opaque else 4

    def rows(self, band: slice) -> Tensor:
        """These rows, 1×3|4×h×W in [0, 1]: opaque RGB, and alpha if there is any."""
        values = fractions(self.pixels[band]).clip(0, 1)
        if self.is_opaque:
            return to_image(values[..., :3])
        alpha = values[..., 3:]
        values[..., :3] = alpha * values[..., :3] + (1 - alpha) * self.mean
        return to_image(values)

    @cached_property
    def mean(self) -> Floats:
        """The mean color of what is not transparent."""
        colors, weight = np.zeros(3), 0.0
        for band in bands(self.size):
            values = fractions(self.pixels[band]).clip(0, 1)
            colors += (values[..., :3] * values[..., 3:]).sum(axis=(0, 1), dtype=np.float64)
            weight += float(values[..., 3].sum(dtype=np.float64))
        return (colors / weight).astype(np.float32)


class OriginalMask(Original):
    """A mask, H×W×1 in whole numbers or [0, 1]; PictureError for one that has not the content's ``size``."""

    channels = 1

    def __init__(self, what: Words, pixels: Pixels, size: Size) -> None:
        if pixels.shape[:2] != tuple(size) or pixels.size != size.pixels:
            shown = "×".join(str(length) for length in pixels.shape[1::-1])
            raise PictureError(
                Words(
                    "The {what} is {shown} pixels, the content {width}×{height}.",
                    what=what,
                    shown=shown,
                    width=size.width,
                    height=size.height,
                ),
                "Give a mask of the content's size.",
            )
        self.pixels, self.size = pixels.reshape(*size, 1), size

    def rows(self, band: slice) -> Tensor:
        """These rows, 1×1×h×W in [0, 1]; what is no number is 0."""
        return to_image(np.nan_to_num(fractions(self.pixels[band])).clip(0, 1))


def check_size(what: Words, size: Size) -> None:
    """Raise PictureError for what is too small for the network."""
    if min(size) < SMALLEST_SIDE:
        raise PictureError(
            Words("The {what} is only {width}×{height} pixels.", what=what, width=size.width, height=size.height),
            Words("It needs at least {least} on each side.", least=SMALLEST_SIDE),
        )
