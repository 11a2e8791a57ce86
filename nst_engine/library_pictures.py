"""What callers of the library may give as a picture, as the arrays that the engine works with."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from nst_engine.errors import PictureError
from nst_engine.pixels import StylePicture, lightness

Given = NDArray[Any] | Image.Image
"""An array or a Pillow image."""


def pixels(picture: Given) -> NDArray[Any]:
    """H×W×3|4 from an array, which is taken as it is, or an image: uint8 RGBA, or uint16 RGB if it is deep."""
    if not isinstance(picture, Image.Image):
        return picture
    return np.repeat(_deep(picture), 3, axis=2) if _is_deep(picture) else np.asarray(picture.convert("RGBA"))


def mask(picture: Given | None) -> NDArray[Any] | None:
    """H×W×1 from an H×W or H×W×1 array or an image, whose lightness counts."""
    if isinstance(picture, Image.Image):
        given = pixels(picture)
        picture = np.asarray(np.rint(lightness(given)), dtype=given.dtype)
    return picture[..., None] if picture is not None and picture.ndim == 2 else picture


def styles(given: Given | StylePicture | Sequence[Given | StylePicture]) -> list[StylePicture]:
    """One style or several, each with a name."""
    several = [given] if isinstance(given, (np.ndarray, Image.Image, StylePicture)) else list(given)
    return [
        style if isinstance(style, StylePicture) else StylePicture(f"style {number}", pixels(style))
        for number, style in enumerate(several, start=1)
    ]


def _is_deep(image: Image.Image) -> bool:
    """Whether it is gray with 16 bits, which Pillow would turn white; PictureError where nobody knows what white is."""
    if image.mode in ("I", "F"):
        raise PictureError(f"An image has numbers of the mode {image.mode}.", "Convert it to RGB, or give an array.")
    return image.mode.startswith("I;16")


def _deep(image: Image.Image) -> NDArray[np.uint16]:
    return np.asarray(image).astype(np.uint16)[..., None]
