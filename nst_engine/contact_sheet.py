"""A contact sheet: contents down the left side, styles along the top, and the pictures made of each two."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path

import numpy as np
from PIL import Image

from nst_engine.errors import PictureError
from nst_engine.files import reading, writing

CELL = 240
"""Side of the square that each picture has, in pixels."""

GAP = 8
PAPER = (255, 255, 255)


def save(path: Path, styles: Sequence[Path], rows: Iterable[tuple[Path, Sequence[Path]]]) -> None:
    """Write the sheet of all pictures that can be read; the place of the others stays empty."""
    table: list[list[Path | None]] = [[None, *styles]]
    table += [[content, *results] for content, results in rows]
    step = CELL + GAP
    sheet = Image.new("RGB", (GAP + step * len(table[0]), GAP + step * len(table)), PAPER)
    for y, row in enumerate(table):
        for x, file in enumerate(row):
            if file is not None and (picture := thumbnail(file)):
                corner = GAP + x * step + (CELL - picture.width) // 2, GAP + y * step + (CELL - picture.height) // 2
                sheet.paste(picture, corner)
    pixels = np.asarray(sheet.convert("RGBA"), dtype=np.float32) / np.float32(255)
    writing.save(path, pixels, force=True)


def thumbnail(file: Path) -> Image.Image | None:
    """A picture file on paper, at most CELL wide and high."""
    try:
        pixels = reading.load(file)
    except PictureError:
        return None
    rgb = pixels[..., :3] * pixels[..., 3:] + (1 - pixels[..., 3:])
    picture = Image.fromarray(writing.to_bytes(rgb))
    picture.thumbnail((CELL, CELL), Image.Resampling.LANCZOS)
    return picture
