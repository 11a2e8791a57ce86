"""The one table of picture formats: what is read and written, and what each of them can hold."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any


@dataclass(frozen=True)
class Format:
    """A format: its name (Pillow's as well), the endings of its files, and what it can hold."""

    name: str
    endings: tuple[str, ...]
    has_alpha: bool = True
    has_16_bits: bool = False
    exif_room: int = sys.maxsize
    """Bytes of EXIF that fit in; most formats have room for more than anyone writes."""

    options: Mapping[str, Any] = field(default_factory=dict)
    """How Pillow is to write it in 8 bits."""


PNG = Format("PNG", (".png",), has_16_bits=True)
JPEG = Format("JPEG", (".jpg", ".jpeg"), has_alpha=False, exif_room=65533, options={"quality": 95, "subsampling": 0})
TIFF = Format("TIFF", (".tif", ".tiff"), has_16_bits=True, options={"compression": "tiff_adobe_deflate"})
WEBP = Format("WEBP", (".webp",), options={"quality": 95})

OF_ENDING = {ending: each for each in (PNG, JPEG, TIFF, WEBP) for ending in each.endings}
"""Ending of a file's name, in small letters → its format."""


def of_name(path: Path) -> Format | None:
    """The format that a file's name promises."""
    return OF_ENDING.get(path.suffix.lower())
