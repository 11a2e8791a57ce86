"""Arrays → picture files: H×W×4 float32, sRGB-encoded RGB in [0, 1] and straight alpha."""

from __future__ import annotations

import functools
import io
import os
import secrets
import struct
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageCms

from nst_engine.errors import PictureError
from nst_engine.files import exif as exifs
from nst_engine.files import formats
from nst_engine.files.formats import Format

if TYPE_CHECKING:
    from nst_engine.files.reading import Floats


def save(path: str | Path, pixels: Floats, force: bool = False, depth: int = 8, exif: bytes = b"") -> None:
    """Write H×W×4 pixels to a file whose ending names the format; whole or not at all.

    ``depth`` is 8 or 16 bits per channel (16 where the format has them), ``exif`` comes from :func:`reading.read`.
    Raises :class:`PictureError` when the file exists and ``force`` is not set, or cannot be written.
    """
    path = Path(path)
    check_output(path, force)
    try:
        _write_whole(path, _encoded(pixels, formats.OF_ENDING[path.suffix.lower()], depth, exif))
    except OSError as error:
        raise PictureError(f"{path} cannot be written ({error.strerror or error}).", "Choose another place.") from None
    except ValueError as error:
        raise PictureError(f"{path} cannot be written ({error}).", "Choose another format.") from None


def check_output(path: Path, force: bool) -> None:
    """Raise :class:`PictureError` now rather than after minutes of work if ``path`` cannot be written."""
    folder = path.absolute().parent
    if formats.of_name(path) is None:
        raise PictureError(f"The ending of {path} names no picture format.", "Use .png, .jpg, .tif or .webp.")
    if not os.path.isdir(folder):
        raise PictureError(f"There is no folder {folder}.", "Make it first, or choose another place.")
    if os.path.isdir(path):
        raise PictureError(f"{path} is a folder.", "Choose another name.")
    if os.path.lexists(path) and not force:
        raise PictureError(f"{path} exists already.", "Choose another name, or add --force to replace it.")
    if not os.access(folder, os.W_OK):
        raise PictureError(f"Nothing can be written to the folder {folder}.", "Choose another place.")


def to_bytes(pixels: Floats) -> NDArray[np.uint8]:
    """Pixels in [0, 1] as rounded 8-bit values; what lies outside is clipped."""
    return np.clip(np.rint(pixels * 255), 0, 255).astype(np.uint8)


def _encoded(pixels: Floats, into: Format, depth: int, exif: bytes) -> bytes:
    """The picture as a whole file, tagged as sRGB, with an alpha channel only if something is transparent."""
    height, width = pixels.shape[:2]
    has_alpha = into.has_alpha and bool((pixels[..., 3] < 1).any())
    shown = pixels if has_alpha else pixels[..., :3]
    exif = exifs.fitted(exif, width, height, into.exif_room)
    if depth == 16 and into.has_16_bits:
        from nst_engine.files import vips

        values = np.clip(np.rint(shown * 65535), 0, 65535).astype(np.uint16)
        data = vips.encode(values, into.name)
    else:
        data = _encoded_with_pillow(to_bytes(shown), into, exif)
    if into is formats.PNG:
        return exifs.into_png(data, exif)
    return exifs.into_tiff(data, exif) if into is formats.TIFF else data


def _encoded_with_pillow(values: NDArray[np.uint8], into: Format, exif: bytes) -> bytes:
    options = {**into.options, **({"exif": exif} if into in (formats.JPEG, formats.WEBP) else {})}
    file = io.BytesIO()
    Image.fromarray(values).save(file, into.name, icc_profile=_srgb_profile(), **options)
    return file.getvalue()


@functools.cache
def _srgb_profile() -> bytes:
    """An ICC profile. It carries its date, which is made a fixed one: the same picture is to make the same file."""
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    date = slice(24, 36)
    return profile[: date.start] + struct.pack(">6H", 2000, 1, 1, 0, 0, 0) + profile[date.stop :]


def _write_whole(path: Path, data: bytes) -> None:
    """Write a file beside ``path`` and put it in its place when it is complete."""
    unfinished = path.with_name(f".nst-{secrets.token_hex(8)}")
    try:
        with open(unfinished, "xb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        os.replace(unfinished, path)
    except BaseException:
        unfinished.unlink(missing_ok=True)
        raise
