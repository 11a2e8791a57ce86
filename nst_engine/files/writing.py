"""Pixels → picture files, whole or not at all: tagged as sRGB, with what is to go along."""

from __future__ import annotations

import functools
import io
import struct
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageCms

from nst_engine.errors import PictureError
from nst_engine.files import formats, notes, places
from nst_engine.files.contents import NOTHING, Metadata
from nst_engine.files.formats import Format
from nst_engine.pixels import LARGEST, Floats, Pixels, as_kind, fractions

Color = tuple[float, float, float]

WHITE: Color = (1.0, 1.0, 1.0)

ROWS = 256
"""Rows of a picture that are brought to whole numbers at a time: more would double the memory it takes."""


def save(
    path: str | Path,
    pixels: Pixels,
    force: bool = False,
    depth: int = 8,
    metadata: Metadata = NOTHING,
    background: Color = WHITE,
) -> None:
    """Write pixels to a file whose ending names the format; whole or not at all.

    ``depth`` is 8 or 16 bits per channel (16 where the format has them), ``metadata`` what :func:`reading.read` found
    to go along, ``background`` what shows through where the format has no alpha and is to be seen of what is
    transparent altogether.
    Raises :class:`PictureError` when the file exists and ``force`` is not set, or cannot be written.
    """
    path = Path(path)
    check_output(path, force)
    check_size(path, pixels.shape, depth)
    try:
        places.put(path, _encoded(pixels, _format(path), depth, metadata, background), force)
    except (OSError, ValueError) as error:
        raise PictureError(f"{path} cannot be written ({places.reason(error)}).", "Choose another place.") from None


class File(NamedTuple):
    """A whole picture file; where libraries could not make what was asked for, why, and it is a PNG."""

    data: bytes
    trouble: str = ""


def deliver(path: Path, pixels: Pixels, force: bool, depth: int, metadata: Metadata, background: Color) -> None:
    """Like :func:`save` for what hours of work may have gone into, and after :func:`check_output` and `check_size`.

    If it cannot be written now, it is kept elsewhere, and the :class:`PictureError` says where.
    """
    put(path, made(path, pixels, depth, metadata, background), force)


def made(path: Path, pixels: Pixels, depth: int, metadata: Metadata, background: Color) -> File:
    """The file for ``path``, whatever libraries of formats raise."""
    try:
        return File(_encoded(pixels, _format(path), depth, metadata, background))
    except Exception as error:
        return File(_encoded(pixels, formats.PNG, 8, NOTHING, background), str(error) or type(error).__name__)


def put(path: Path, file: File, force: bool) -> None:
    """Put what was made for ``path`` there, or elsewhere, and then raise :class:`PictureError` that says where."""
    if file.trouble:
        raise places.kept(path.with_suffix(".png"), file.data, f"{path} cannot be written ({file.trouble})")
    places.deliver(path, file.data, force)


def check_output(path: Path, force: bool) -> None:
    """Raise :class:`PictureError` now rather than after minutes of work if no picture can be put at ``path``."""
    places.check(path, force)
    _format(path)


def check_depth(path: Path, depth: int | None) -> None:
    """Raise :class:`PictureError` if the format of ``path`` has not so many bits per channel; None is any number."""
    image_format = _format(path)
    if depth == 16 and not image_format.has_16_bits:
        raise PictureError(
            f"{path} cannot have 16 bits per channel: {image_format.name} has 8.", "Choose .png or .tif."
        )


def check_size(path: Path, shape: tuple[int, ...], depth: int = 8) -> None:
    """Raise :class:`PictureError` if an H×W×… picture does not fit into the format of ``path``, or onto its disk."""
    height, width = shape[:2]
    image_format = _format(path)
    if max(height, width) > image_format.longest_side:
        raise PictureError(
            f"{path} cannot be written: {image_format.name} has no room for {width}×{height} pixels, only for sides of "
            f"{image_format.longest_side}.",
            "Choose .png or .tif.",
        )
    depth = depth if image_format.has_16_bits else 8
    places.check_room(path, int(height * width * 3 * depth / 8 * image_format.share))


def _format(path: Path) -> Format:
    found = formats.of_name(path)
    if found is None:
        raise PictureError(f"The ending of {path} names no picture format.", "Use .png, .jpg, .tif or .webp.")
    return found


def flattened(pixels: Pixels, background: Color = WHITE) -> Floats:
    """H×W×3 in [0, 1] of H×W×3|4 on a background."""
    pixels = fractions(pixels)
    if pixels.shape[2] == 3:
        return pixels
    alpha = pixels[..., 3:]
    return pixels[..., :3] * alpha + np.array(background, np.float32) * (1 - alpha)


def to_bytes(pixels: Pixels) -> NDArray[np.uint8]:
    """Pixels as rounded 8-bit values; what lies outside of [0, 1] is clipped."""
    return as_kind(fractions(pixels), np.uint8)


def _encoded(pixels: Pixels, into: Format, depth: int, metadata: Metadata, background: Color) -> bytes:
    """The picture as a whole file, tagged as sRGB, with an alpha channel only if something is transparent."""
    kind = np.uint16 if depth == 16 and into.has_16_bits else np.uint8
    values = _visible(pixels, into, background, kind)
    try:
        return _file(values, into, notes.fitted(metadata, pixels.shape, into.exif_room))
    except Exception:  # because of what somebody wrote beside the picture: then it has to do without
        if metadata == NOTHING:
            raise
        return _file(values, into, NOTHING)


def _file(values: NDArray[Any], into: Format, beside: Metadata) -> bytes:
    if values.dtype == np.uint16:
        from nst_engine.files import vips  # libvips is large, and most pictures have 8 bits

        data = vips.encode(values, into.name, beside.dpi)
    else:
        data = _encoded_with_pillow(values, into, beside)
    put_in = {"JPEG": notes.into_jpeg, "PNG": notes.into_png, "TIFF": notes.into_tiff}.get(into.name)
    return put_in(data, beside) if put_in else data


def _visible(pixels: Pixels, into: Format, background: Color, kind: type[np.unsignedinteger[Any]]) -> NDArray[Any]:
    """The values to write, H×W×3|4. What nobody sees is not in them: it may have been erased for a reason."""
    height, width, channels = pixels.shape
    opaque = LARGEST.get(pixels.dtype.name, 1)
    has_alpha = channels == 4 and into.has_alpha and bool((pixels[..., 3] < opaque).any())
    values = np.empty((height, width, 4 if has_alpha else 3), kind)
    for rows in (slice(top, top + ROWS) for top in range(0, height, ROWS)):
        part = pixels[rows]
        values[rows] = as_kind(fractions(part) if has_alpha else flattened(part, background), kind)
    if has_alpha:
        values[values[..., 3] == 0, :3] = as_kind(np.array(background, np.float32), kind)
    return values


def _encoded_with_pillow(values: NDArray[np.uint8], into: Format, beside: Metadata) -> bytes:
    options: dict[str, Any] = {**into.options, "dpi": beside.dpi} if beside.dpi else {**into.options}
    if into is formats.JPEG:
        options |= {"exif": beside.exif}
    if into is formats.WEBP:
        options |= {"exif": beside.exif, "xmp": beside.xmp}
    file = io.BytesIO()
    Image.fromarray(values).save(file, into.name, icc_profile=_srgb_profile(), **options)
    return file.getvalue()


@functools.cache
def _srgb_profile() -> bytes:
    """An ICC profile. It carries its date, which is made a fixed one: the same picture is to make the same file."""
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    date = slice(24, 36)
    return profile[: date.start] + struct.pack(">6H", 2000, 1, 1, 0, 0, 0) + profile[date.stop :]
