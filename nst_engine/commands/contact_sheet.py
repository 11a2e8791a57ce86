"""A contact sheet: contents down the left side, styles along the top, and the pictures made of each two."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path

import numpy as np
from PIL import Image

from nst_engine.errors import PictureError
from nst_engine.files import reading, writing
from nst_engine.files.contents import NOTHING

CELL = 240
"""Side of the square that each picture has, in pixels."""

GAP = 8

ROWS = 200
"""Contents that one sheet has; more would not fit into a JPEG."""

PAPER = (255, 255, 255)


def save(path: Path, styles: Sequence[Path], rows: Iterable[tuple[Path, Sequence[Path]]], force: bool) -> None:
    """Write the sheet of all pictures that can be read; the place of the others stays empty.

    Raises :class:`PictureError` like :func:`writing.deliver`.
    """
    table: list[list[Path | None]] = [[None, *styles]]
    table += [[content, *results] for content, results in rows]
    height, width = size(len(styles), len(table) - 1)
    sheet = Image.new("RGB", (width, height), PAPER)
    for y, row in enumerate(table):
        for x, file in enumerate(row):
            if file is not None and (picture := thumbnail(file)):
                sheet.paste(
                    picture, (_start(x) + (CELL - picture.width) // 2, _start(y) + (CELL - picture.height) // 2)
                )
    pixels = np.asarray(sheet.convert("RGBA"), dtype=np.float32) / np.float32(255)
    writing.deliver(path, pixels, force, 8, NOTHING, writing.WHITE)


def size(styles: int, contents: int) -> tuple[int, int]:
    """Height and width of a sheet in pixels."""
    return _start(contents + 1), _start(styles + 1)


def thumbnail(file: Path) -> Image.Image | None:
    """A picture file on paper, at most CELL wide and high."""
    try:
        pixels = reading.load(file, CELL)
    except PictureError:
        return None
    picture = Image.fromarray(writing.to_bytes(writing.flattened(pixels)))
    picture.thumbnail((CELL, CELL), Image.Resampling.LANCZOS)
    return picture


def _start(cells: int) -> int:
    """Where the cell after so many others begins."""
    return GAP + (CELL + GAP) * cells
