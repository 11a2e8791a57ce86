"""Formats that Pillow decodes: BMP and AVIF; and HEIC, by the library that its author made for Pillow."""

from __future__ import annotations

import functools
import io
import struct
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray
from PIL import Image, UnidentifiedImageError, features

from nst_engine.files import exif as exifs
from nst_engine.files import profiles, sources, vips
from nst_engine.files.contents import LARGEST_NOTE, Contents, Foreign, add_dpi, text
from nst_engine.files.sources import Pieces

PLAIN_MODES = ("L", "LA", "RGB", "RGBA", "CMYK")

BY_NUMBERS, LONGEST_HEAD = b"colrnclx", 1 << 18
"""How the box begins in which an HEIF file has numbers in place of a profile, and where it is looked for."""

NO_LIBRARY = "Open it in GIMP and export it as PNG, or run: pip install pi-heif"


def contents(file: BinaryIO, name: str) -> Contents:
    """What a file of one of these formats holds: ``name`` is BMP, AVIF or HEIC."""
    try:
        image = _heic(file) if name == "HEIC" else _opened(file, name)
    except UnidentifiedImageError:
        if name != "AVIF":
            raise
        return _avif_of_libvips(file)
    width, height = image.size
    found = Contents(width, height, 4, decode=functools.partial(_decoded, image), held=5 * width * height)
    found.colors = {"L": 1, "LA": 1, "CMYK": 4}.get(image.mode, 3)
    info = {key: value for key, value in image.info.items() if not _is_excessive(value)}
    found.profile, found.xmp = info.get("icc_profile") or b"", info.get("xmp") or b""
    found.exif = exifs.of_block(info.get("exif") or b"")
    if name in ("AVIF", "HEIC"):
        found.profile = found.profile or _by_numbers(file)
    if name == "HEIC":
        found.exif.main.pop(exifs.ORIENTATION, None)  # the format has a way of its own to say it, which is obeyed
    if isinstance(info.get("comment"), bytes):
        found.comment = text(info["comment"])
    if "dpi" in info:
        across, down = map(float, info["dpi"])
        add_dpi(found, across, down)
    if name == "BMP":
        _mend_end(found, file, image)
    if name == "AVIF" and image.n_frames > 1:
        found.warnings.append("is animated; its first picture is taken")
    return found


def _avif_of_libvips(file: BinaryIO) -> Contents:
    """An AVIF file that says less of its transparency than Pillow wants to hear, as early programs wrote it."""
    stream = Pieces(file, [range(sources.size(file))])
    width, height, channels, depth, notes = vips.header("heif", stream)
    found = Contents(width, height, channels, depth, loader="heif", stream=stream)
    profile, exif, found.xmp = (b"" if _is_excessive(note) else note for note in notes)
    found.profile, found.exif = profile or _by_numbers(file), exifs.of_block(exif)
    found.exif.main.pop(exifs.ORIENTATION, None)  # libvips has turned it
    found.held = width * height * channels * depth // 8
    return found


def _by_numbers(file: BinaryIO) -> bytes:
    """The profile that an HEIF file names by numbers of primaries and of a curve; empty for sRGB and unknown ones."""
    file.seek(0)
    numbers = file.read(LONGEST_HEAD).partition(BY_NUMBERS)[2][:4]
    primaries, transfer = struct.unpack(">HH", numbers) if len(numbers) == 4 else (0, 0)
    return profiles.of_code_points(primaries, transfer, 0, 1) or b""


def decoded(file: BinaryIO, name: str, page: int = 0) -> NDArray[np.uint8]:
    """The pixels of one page alone, as they are stored: H×W×channels."""
    image = _opened(file, name)
    image.seek(page)
    return _decoded(image)


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


def _mend_end(found: Contents, file: BinaryIO, image: Any) -> None:
    """Where the last rows of a BMP file are missing say how many there are, and take the others for black."""
    kind, _, start, arguments = image.tile[0]
    row, there = (arguments[1], max(0, sources.size(file) - start)) if kind == "raw" else (0, 0)
    if row and (missing := max(0, row * found.height - there)):
        padding = row - (found.width * _bits_of_bmp(file) + 7) // 8
        found.is_shown_in_part = True
        found.is_cut, found.rows = missing > padding, (there + padding) // row
        found.decode = lambda: decoded(io.BytesIO(_whole(file) + bytes(missing)), "BMP")


def _bits_of_bmp(file: BinaryIO) -> int:
    """Bits of a pixel; the first header that there was, of 12 bytes, has them elsewhere."""
    file.seek(0)
    head = file.read(30)
    place = 24 if head[14] == 12 else 28
    return int.from_bytes(head[place : place + 2], "little")


def _whole(file: BinaryIO) -> bytes:
    file.seek(0)
    return file.read()


def _is_excessive(value: object) -> bool:
    return isinstance(value, (bytes, str)) and len(value) > LARGEST_NOTE
