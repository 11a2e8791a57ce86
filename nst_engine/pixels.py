"""Pictures as all rooms speak of them: sizes, pixels and their kinds of numbers, styles, masks."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import DTypeLike, NDArray

SMALLEST_SIDE = 16
"""Pixels that a picture's short side needs so that relu5_1, after four poolings, still has a position."""

Floats = NDArray[np.float32]
"""Numbers of pictures or networks."""

Pixels = NDArray[Any]
"""H×W×C, sRGB-encoded: float32 with 0…1 as the visible range, or uint8 or uint16. C is 4 (RGBA, not premultiplied), 3
(RGB) or 1 for a mask, which has the content's height and width."""

LARGEST = {"uint8": 255, "uint16": 65535}
"""The value of white in each kind of whole numbers; in others it is 1."""


class Size(NamedTuple):
    """Height and width in pixels."""

    height: int
    width: int

    @property
    def pixels(self) -> int:
        """Their product."""
        return self.height * self.width

    def scaled_to(self, long_side: float) -> Size:
        """The size in the same proportions whose longer side is ``long_side``, at least one pixel a side."""
        factor = long_side / max(self)
        return Size(max(1, round(self.height * factor)), max(1, round(self.width * factor)))


BAND_PIXELS = 2**19
"""Pixels of a band of rows: some 50 MB while it is worked on."""


def bands(size: Size, share: float = 1.0, on_band: Callable[[], None] = lambda: None) -> Iterator[slice]:
    """Runs of rows that cover a picture of this size, of so much of the usual number of pixels.

    ``on_band`` hears between them: what is done with those of a large picture takes seconds.
    """
    height = max(1, int(share * BAND_PIXELS) // size.width)
    for top in range(0, size.height, height):
        if top:
            on_band()
        yield slice(top, min(top + height, size.height))


@dataclasses.dataclass(frozen=True)
class StylePicture:
    """One style: the name to show, its pixels, its weight among several (any positive number), and the mask of the
    region that it is for; None for wherever no other style's region is."""

    name: str
    pixels: Pixels
    weight: float = 1.0
    region: Pixels | None = None


class Masks(NamedTuple):
    """Maps on the content, H×W×1 or None. ``protection``: what stays as it is; ``selection``: what is painted."""

    protection: Pixels | None = None
    selection: Pixels | None = None


def fractions(pixels: Pixels) -> Floats:
    """Values of any kind as float32 with [0, 1] as the visible range."""
    values: Floats = pixels.astype(np.float32, copy=False)
    largest = LARGEST.get(pixels.dtype.name)
    return values if largest is None else values / np.float32(largest)


def as_kind(values: Floats, kind: DTypeLike) -> Pixels:
    """Values as numbers of this kind; where these are whole, rounded and what lies outside [0, 1] clipped."""
    largest = LARGEST.get(np.dtype(kind).name)
    return values.astype(kind) if largest is None else np.rint(values.clip(0, 1) * np.float32(largest)).astype(kind)


def lightness(pixels: Pixels) -> Floats:
    """A picture (H×W×3|4, whole or float32) as a mask: the mean of its colors times alpha, H×W, 0 to their most."""
    light: Floats = pixels[..., :3].mean(axis=2, dtype=np.float32)
    if pixels.shape[2] == 4:
        light *= pixels[..., 3] / np.float32(np.iinfo(pixels.dtype).max if pixels.dtype.kind == "u" else 1)
    return light
