"""Formats that Pillow decodes: BMP, PSD and AVIF; and HEIC, by the library that its author made for Pillow."""

from __future__ import annotations

import functools
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray
from PIL import Image, features

from nst_engine.files import exif as exifs
from nst_engine.files.contents import LARGEST_NOTE, Contents, Foreign, add_dpi, add_photoshop, text

PLAIN_MODES = ("L", "LA", "RGB", "RGBA", "CMYK")

PHOTOSHOP_XMP = 1060
PHOTOSHOP_EXIF = 1058

NO_LIBRARY = "Open it in GIMP and export it as PNG, or run: pip install pi-heif"


def contents(file: BinaryIO, name: str) -> Contents:
    """What a file of one of these formats holds: ``name`` is BMP, PSD, AVIF or HEIC."""
    image = _heic(file) if name == "HEIC" else _opened(file, name)
    width, height = image.size
    found = Contents(width, height, 4, decode=functools.partial(_decoded, image), held=5 * width * height)
    found.colors = {"L": 1, "LA": 1, "CMYK": 4}.get(image.mode, 3)
    info = {key: value for key, value in image.info.items() if not _is_excessive(value)}
    found.profile, found.xmp = info.get("icc_profile") or b"", info.get("xmp") or b""
    found.exif = exifs.of_block(info.get("exif") or b"")
    if name == "HEIC":
        found.exif.main.pop(exifs.ORIENTATION, None)  # the format has a way of its own to say it, which is obeyed
    if isinstance(info.get("comment"), bytes):
        found.comment = text(info["comment"])
    if "dpi" in info:
        across, down = map(float, info["dpi"])
        add_dpi(found, across, down)
    if name == "PSD":
        _add_resources(found, image)
    if getattr(image, "n_frames", 1) > 1 and name == "AVIF":
        found.warnings.append("is animated; its first picture is taken")
    return found


def _opened(file: BinaryIO, name: str) -> Any:
    if name == "AVIF" and not features.check("avif"):
        raise Foreign("an AVIF picture")
    file.seek(0)
    limit, Image.MAX_IMAGE_PIXELS = Image.MAX_IMAGE_PIXELS, None  # the size is looked at before it is decoded
    try:
        return Image.open(file, formats=[name])
    finally:
        Image.MAX_IMAGE_PIXELS = limit


def _heic(file: BinaryIO) -> Any:
    try:
        import pi_heif  # type: ignore[import-untyped]
    except ImportError:
        raise Foreign("a HEIC picture", NO_LIBRARY) from None
    file.seek(0)
    return pi_heif.open_heif(file)


def _decoded(image: Any) -> NDArray[np.uint8]:
    """H×W×channels: gray, RGB or CMYK, the first two perhaps with alpha."""
    plain = image if isinstance(image, Image.Image) else image.to_pillow()
    if plain.mode.startswith(("I", "F")):
        raise ValueError("its channels are not of 8 bits")
    if plain.mode not in PLAIN_MODES:
        plain = plain.convert("RGBA" if plain.has_transparency_data else "RGB")
    pixels = np.asarray(plain)
    return pixels[..., None] if pixels.ndim == 2 else pixels


def _add_resources(found: Contents, image: Any) -> None:
    for number, _, data in image.resources:
        if number == PHOTOSHOP_XMP:
            found.xmp = data
        elif number == PHOTOSHOP_EXIF:
            found.exif = exifs.of_block(data)
        else:
            head = b"8BIM" + number.to_bytes(2, "big") + b"\0\0" + len(data).to_bytes(4, "big")
            add_photoshop(found, head + data)


def _is_excessive(value: object) -> bool:
    return isinstance(value, (bytes, str)) and len(value) > LARGEST_NOTE
