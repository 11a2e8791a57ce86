"""What callers of the library may give as a picture, as the arrays that the engine works with."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from nst_engine.protocol import StylePicture

Given = NDArray[Any] | Image.Image
"""An array or a Pillow image."""


def pixels(picture: Given) -> NDArray[Any]:
    """H×W×3|4 from an array, which is taken as it is, or an image, which becomes uint8 RGBA."""
    return np.asarray(picture.convert("RGBA")) if isinstance(picture, Image.Image) else picture


def mask(picture: Given | None) -> NDArray[Any] | None:
    """H×W×1 from an H×W or H×W×1 array or an image, whose lightness counts."""
    if picture is None:
        return None
    array = np.asarray(picture.convert("L")) if isinstance(picture, Image.Image) else picture
    return array[..., None] if array.ndim == 2 else array


def styles(given: Given | StylePicture | Sequence[Given | StylePicture]) -> list[StylePicture]:
    """One style or several, each with a name."""
    several = [given] if isinstance(given, (np.ndarray, Image.Image, StylePicture)) else list(given)
    return [
        style if isinstance(style, StylePicture) else StylePicture(f"style {number}", pixels(style))
        for number, style in enumerate(several, start=1)
    ]
