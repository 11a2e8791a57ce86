"""What callers of the library may give as a picture, as the arrays that the engine works with.

Programs keep pictures in many ways: channels last or first, alone or in a batch, in 8 or 16 bits or fractions, as
arrays, tensors or images. What can mean only one thing is understood; of what cannot a sentence says so.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image

from nst_engine.errors import PictureError
from nst_engine.pixels import SMALLEST_SIDE, StylePicture, lightness

Given = NDArray[Any] | Image.Image | torch.Tensor | Sequence[Any]
"""An array, an image, a tensor, or nested lists of numbers."""

WHITES: dict[int, type[np.floating[Any] | np.unsignedinteger[Any]]] = {
    1: np.float32,
    255: np.uint8,
    65535: np.uint16,
}
"""What white may be, and the numbers that have it so."""

DIMMEST, BRIGHTEST, DARKEST = 1 / 8, 1.25, -0.25
"""In parts of white: where the largest number of a picture lies, and the smallest. One without white would be black
to the eye below, and resizing makes some numbers a little too large or small."""

ACCEPTED = "Give numbers from 0 to 1 (float32), 0 to 255 (uint8) or 0 to 65535 (uint16)."

UNDONE = {"La": "LA", "RGBa": "RGBA"}
"""Pillow's modes with colors multiplied by alpha, and those without."""


def pixels(picture: Given) -> NDArray[Any]:
    """H×W×3|4 from H×W, H×W×1…4, 1…4×H×W, or a batch of one such: uint8, uint16 or float32."""
    values = _values(picture)
    if values.shape[2] > 2:
        return values
    return np.concatenate([values[..., :1]] * 3 + [values[..., 1:]], axis=2)


def mask(picture: Given | None) -> NDArray[Any] | None:
    """H×W×1 from the same; of colors the lightness counts, and whole numbers may be just 0 and 1."""
    if picture is None:
        return None
    given = _array(picture)
    if given.dtype.kind in "iu" and given.size and given.max() == 1:
        given = given.astype(bool)
    values = _values(given)
    if values.shape[2] == 1:
        return values
    light = lightness(pixels(values))[..., None]
    return light if values.dtype.kind == "f" else np.rint(light).astype(values.dtype)


def styles(given: Given | StylePicture | Sequence[Given | StylePicture]) -> list[StylePicture]:
    """One style or several, each with a name; a batch is several."""
    several = [given] if _is_one(given) else list(given)  # type: ignore[arg-type]
    return [
        dataclasses.replace(style, pixels=pixels(style.pixels), region=mask(style.region))
        if isinstance(style, StylePicture)
        else StylePicture(f"style {number}", pixels(style))
        for number, style in enumerate(several, start=1)
    ]


def _is_one(given: Any) -> bool:
    """Whether it is a single style, neither a batch nor a sequence."""
    is_single = isinstance(given, (Image.Image, StylePicture, str, bytes)) or getattr(given, "ndim", 4) < 4
    return is_single or not hasattr(given, "__iter__")


def _values(picture: Given) -> NDArray[Any]:
    """H×W×1…4 in numbers that the engine knows; either colors or alpha may be fractions where the other is not."""
    values = _channels_last(_array(picture))
    if values.dtype.kind == "f" and values.shape[2] in (2, 4):
        parts = values[..., :-1], values[..., -1:]
        if len({_is_possible(1, *_range(part)) for part in parts}) > 1:
            return np.concatenate([_in_known_numbers(part) for part in parts], axis=2)
    return _in_known_numbers(values)


def _array(picture: Given) -> NDArray[Any]:
    """Whatever it is as an array of its own numbers; PictureError for what holds no numbers."""
    if isinstance(picture, torch.Tensor):
        picture = _array_of_tensor(picture)
    if isinstance(picture, Image.Image):
        return _array_of_image(picture)
    try:
        array = np.asarray(picture)
    except (ValueError, TypeError, RuntimeError):  # lists of different lengths, or arrays of a card that are not copied
        array = np.asarray(None)
    if array.dtype.kind not in "biuf":
        what = f"an array of {array.dtype}" if isinstance(picture, np.ndarray) else f"a {type(picture).__name__}"
        raise PictureError(f"A picture is given as {what}.", "Give an array or a tensor of numbers, or a Pillow image.")
    return array


def _array_of_tensor(tensor: torch.Tensor) -> NDArray[Any]:
    """Of numbers that NumPy does not know, as bfloat16 is, as float32."""
    try:
        here = tensor.detach().cpu().resolve_neg()
        return (here.float() if here.is_floating_point() else here).numpy()
    except (TypeError, RuntimeError, NotImplementedError) as error:
        what = f"a tensor on {tensor.device} of {tensor.dtype} in the layout {tensor.layout}".replace("torch.", "")
        raise PictureError(f"A picture is given as {what}.", "Give an ordinary tensor of numbers.") from error


def _array_of_image(image: Image.Image) -> NDArray[Any]:
    """Gray numbers as they are, everything else as RGBA in 8 bits: Pillow would cut off what is above 255."""
    try:
        if image.mode in ("I", "F") or image.mode.startswith("I;16"):
            return np.asarray(image)
        straight = image.convert(UNDONE[image.mode]) if image.mode in UNDONE else image
        return np.asarray(straight.convert("RGBA"))
    except (OSError, ValueError, SyntaxError) as error:
        raise PictureError(f"An image of Pillow's cannot be read ({error}).", "Open a good file anew.") from error


def _channels_last(array: NDArray[Any]) -> NDArray[Any]:
    """H×W×1…4, of views only; PictureError for what has another shape."""
    alone = array[0] if array.ndim == 4 and len(array) == 1 else array
    if alone.ndim == 2:
        return alone[..., None]
    if alone.ndim == 3 and 1 <= len(alone) <= 4 and alone.shape[2] >= SMALLEST_SIDE:
        return alone.transpose(1, 2, 0)
    if alone.ndim == 3 and 1 <= alone.shape[2] <= 4:
        return alone
    shape = "×".join(map(str, array.shape)) or "one number"
    raise PictureError(f"A picture is an array of the shape {shape}.", "Give one picture of H×W×3 or H×W×4.")


def _in_known_numbers(array: NDArray[Any]) -> NDArray[Any]:
    """uint8, uint16, or float32 in [0, 1]; PictureError where nobody can know which number is white."""
    if array.dtype.kind == "b":
        return array.astype(np.uint8) * np.uint8(255)
    if array.dtype == np.uint8 or not array.size:
        return array
    return _with_white(array, _white(array), array.dtype.kind in "iu")


def _white(array: NDArray[Any]) -> int:
    """Which number is white; PictureError where nobody can know."""
    is_whole = array.dtype.kind in "iu"
    least, most = _range(array)
    possible = [65535] if array.dtype.name == "uint16" else [255, 65535] if is_whole else [1, 255, 65535]
    for white in possible:
        if _is_possible(white, least, most):
            return white
    raise PictureError(f"A picture has {array.dtype} numbers from {least:g} to {most:g}: any may be white.", ACCEPTED)


def _range(array: NDArray[Any]) -> tuple[float, float]:
    """The least and the largest number, or 0 where that is beyond; what is no number does not count."""
    numbers = True if array.dtype.kind in "iu" else np.isfinite(array)
    return float(np.min(array, where=numbers, initial=0)), float(np.max(array, where=numbers, initial=0))


def _is_possible(white: int, least: float, most: float) -> bool:
    """Whether numbers of this range may be of a picture with this white."""
    is_light = white == 1 or most >= DIMMEST * white or not most
    return DARKEST * white <= least and most <= BRIGHTEST * white and is_light


def _with_white(array: NDArray[Any], white: int, is_whole: bool) -> NDArray[Any]:
    """Numbers of which this one is white as uint8, uint16 or float32."""
    if is_whole:
        return array.clip(0, white).astype(WHITES[white], copy=False)
    return array.astype(np.float32, copy=False) if white == 1 else (array / np.float32(white)).astype(np.float32)
