"""Picture files → arrays: H×W×4 float32, sRGB-encoded RGB in [0, 1] and straight alpha."""

from __future__ import annotations

import io
import logging
import struct
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageCms, UnidentifiedImageError

from nst_engine.errors import PictureError
from nst_engine.files import exif as exifs

logging.getLogger("PIL").addHandler(logging.NullHandler())  # of damaged files we speak ourselves

Floats = NDArray[np.float32]

TURNS = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
"""EXIF's number of an orientation → what makes the picture upright."""


@dataclass(frozen=True)
class Picture:
    """What a file holds: upright sRGB pixels, H×W×4 in [0, 1]; 8 or 16 bits per channel; EXIF to write beside them."""

    pixels: Floats
    depth: int = 8
    exif: bytes = b""


def load(path: str | Path) -> Floats:
    """Only the pixels of a file, as :func:`read` reads them."""
    return read(path).pixels


def read(path: str | Path) -> Picture:
    """The picture in a file, upright (EXIF orientation) and in sRGB (from its ICC profile).

    Raises :class:`PictureError` for a file that is missing, not a picture, damaged, or too large.
    """
    with _read_errors(path), warnings.catch_warnings(), open(path, "rb") as file:
        warnings.simplefilter("ignore")  # Pillow's on odd files, which are read all the same
        return _read_with_libvips(file) if _is_deep(file) else _read_with_pillow(file)


@contextmanager
def _read_errors(path: str | Path) -> Iterator[None]:
    """Whatever goes wrong with a file, in a sentence."""
    try:
        yield
    except FileNotFoundError:
        raise PictureError(f"There is no file {path}.", "Check the path.") from None
    except IsADirectoryError:
        raise PictureError(f"{path} is a folder.", "Give a picture in it.") from None
    except PermissionError:
        raise PictureError(f"{path} may not be read.", "Check its permissions.") from None
    except UnidentifiedImageError:
        raise PictureError(
            f"{path} is not a picture that can be read.", "Give a PNG, JPEG, TIFF or WebP file."
        ) from None
    except Image.DecompressionBombError:
        raise PictureError(f"{path} is larger than 178 megapixels.", "Scale it down first.") from None
    except MemoryError:
        raise PictureError(f"{path} does not fit into memory.", "Scale it down first.") from None
    except (OSError, SyntaxError, ValueError, LookupError, TypeError, EOFError, struct.error) as error:
        remedy = "Open it in an editor and save it anew, as PNG with 8 or 16 bits per channel."
        raise PictureError(f"{path} cannot be read ({error}).", remedy) from None


def _is_deep(file: BinaryIO) -> bool:
    """Whether it is a PNG or TIFF file of more than 8 bits per channel (or of over 4 GB, unknown to Pillow)."""
    head = file.read(25)
    if head.startswith(b"\x89PNG"):
        return head[24:] == b"\x10"
    if head.startswith((b"II+\0", b"MM\0+")):
        return True
    return max(exifs.read(file).numbers(exifs.BITS_PER_SAMPLE), default=8) > 8


def _read_with_libvips(file: BinaryIO) -> Picture:
    from nst_engine.files import vips  # libvips is large, and most pictures have 8 bits

    tags = exifs.read(file)
    if tags.numbers(exifs.PLANES) == (2,) and len(tags.numbers(exifs.BITS_PER_SAMPLE)) == 2:
        raise ValueError("it keeps gray and alpha in separate planes")  # libvips reads the first row only
    file.seek(0)
    pixels, depth, block = vips.read(file.read())
    return Picture(pixels, depth, exifs.kept(exifs.of_block(block) if block else tags))


def _read_with_pillow(file: BinaryIO) -> Picture:
    file.seek(0)
    with Image.open(file) as image:
        image.load()
        if image.format == "TIFF":  # which Pillow has turned already
            exif = exifs.read(file)
            return Picture(_pixels(_in_srgb(image)), exif=exifs.kept(exif))
        exif = exifs.of_block(_exif_block(image))
        turn = TURNS.get(exif.orientation)
        upright = image if turn is None else image.transpose(turn)
        return Picture(_pixels(_in_srgb(upright)), exif=exifs.kept(exif))


def _exif_block(image: Image.Image) -> bytes:
    """The EXIF of a JPEG, PNG or WebP file. Many programs write PNG's as text: a name, a length, hexadecimal digits."""
    text = image.info.get("Raw profile type exif", "")
    try:
        return image.info.get("exif") or bytes.fromhex("".join(text.split()[2:]))
    except ValueError:
        return b""


def _in_srgb(image: Image.Image) -> Image.Image:
    """The image in the mode RGB or RGBA with sRGB values."""
    if image.mode.startswith(("I", "F")):
        raise ValueError("its channels are not of 8 bits")
    profile = image.info.get("icc_profile")
    alpha = image.convert("RGBA").getchannel("A") if image.has_transparency_data else None
    if image.mode not in ("RGB", "L", "CMYK"):
        image = image.convert("L" if image.mode in ("1", "LA", "La") else "RGB")
    if profile:
        image = _from_profile(image, profile)
    image = image.convert("RGB")
    if alpha is not None:
        image.putalpha(alpha)
    return image


def _from_profile(image: Image.Image, profile: bytes) -> Image.Image:
    try:
        converted = ImageCms.profileToProfile(
            image,
            ImageCms.ImageCmsProfile(io.BytesIO(profile)),
            ImageCms.createProfile("sRGB"),
            renderingIntent=ImageCms.Intent.RELATIVE_COLORIMETRIC,
            outputMode="RGB",
            flags=ImageCms.Flags.BLACKPOINTCOMPENSATION,
        )
    except (ImageCms.PyCMSError, OSError):
        return image  # a damaged profile, or one of another color model: the values are taken as sRGB, as browsers do
    return converted or image


def _pixels(image: Image.Image) -> Floats:
    return np.asarray(image.convert("RGBA")).astype(np.float32) / np.float32(255)
