"""The pictures that commands read, with a word on what is odd about them."""

from __future__ import annotations

import argparse
import itertools
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from nst_engine import paintings
from nst_engine.commands.streams import say
from nst_engine.errors import OptionError, PictureError

if TYPE_CHECKING:
    from nst_engine.files.reading import Picture
    from nst_engine.pixels import Floats, Pixels, StylePicture


SHORT_SIDE = 64
"""Pixels of a picture's short side below which it is not made smaller when it is read."""


def file_name(given: str) -> Path:
    """What an argument names; a variable that a shell does not know leaves no name."""
    if not given:
        raise argparse.ArgumentTypeError("no name is given")
    return Path(given)


def read(path: Path, say: Callable[[str], None] = say, long_side: int | None = None) -> Picture:
    """The picture in a file, at most so long, but large enough for the network if it was."""
    from nst_engine.files import reading

    picture = reading.read(path, long_side, SHORT_SIDE)
    for warning in picture.warnings:
        say(f"WARNING {warning}")
    return picture


def load(path: Path) -> Floats:
    """The pixels of a picture in a file, H×W×4 in [0, 1]."""
    from nst_engine.files import reading

    return reading.floats(read(path).pixels)


def style_files(given: list[Path], names: list[str]) -> list[Path]:
    """The files to take the style from: those that are given, then the paintings of these names."""
    if not given and not names:
        raise OptionError(
            "There is no style.",
            "Name a picture file with --style, or with --painting what 'nst-engine paintings' lists.",
        )
    return [*given, *(painting.path for painting in paintings.named(names))]


def read_styles(
    paths: list[Path], weights: list[float], regions: list[Pixels | None], wanted: float | None = None
) -> list[StylePicture]:
    """The style pictures in files, with a weight each and perhaps a region.

    ``wanted`` is the longest side at which they are looked at, if that is known: more than twice of it is not held.
    """
    from nst_engine.pixels import StylePicture

    for option, given in (("blend", weights), ("region", regions)):
        if given and len(given) != len(paths):
            raise OptionError(
                f"There are {len(paths)} styles and {len(given)} values of --{option}.", "Give one for each style."
            )
    if not all(0 < weight < float("inf") for weight in weights):
        raise OptionError("A value of --blend is no positive number.", "Leave a style out that is not to count.")
    long_side = None if wanted is None else round(2 * wanted)
    return [
        StylePicture(path.stem, read(path, long_side=long_side).pixels, weight, region)
        for path, weight, region in zip(paths, weights or itertools.repeat(1.0), regions or itertools.repeat(None))  # noqa: B905
    ]


def read_mask(path: Path, size: tuple[int, int]) -> Pixels:
    """The lightness of a picture file as a mask in its own depth, H×W×1, scaled to a content of its proportions."""
    import numpy as np
    from PIL import Image

    from nst_engine.pixels import lightness

    pixels = read(path).pixels
    height, width = pixels.shape[:2]
    if abs(width * size[0] - height * size[1]) > max(width, height, *size):
        raise PictureError(
            f"{path} is {width}×{height} pixels, the content {size[1]}×{size[0]}.", "Give a mask of its proportions."
        )
    light = lightness(pixels)
    if light.shape != size:
        light = np.asarray(Image.fromarray(light).resize(size[::-1], Image.Resampling.BILINEAR))
    return np.asarray(np.rint(light)[..., None], dtype=pixels.dtype)
