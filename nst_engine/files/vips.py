"""What Pillow cannot do: PNG and TIFF with 16 bits per channel, all of them, and their ICC profiles; by libvips."""

from __future__ import annotations

import numpy as np
import pyvips  # type: ignore[import-untyped]
from numpy.typing import NDArray
from PIL import Image

Floats = NDArray[np.float32]

WHITE = {"uchar": 255, "ushort": 65535}
DOTS_PER_MM = 72 / 25.4

pyvips.cache_set_max(0)  # every picture is read once: what libvips remembers of it would only take memory


def read(data: bytes) -> tuple[Floats, int, bytes]:
    """A PNG or TIFF file's pixels (upright, sRGB, H×W×4 in [0, 1]), bits per channel, and EXIF if it is a PNG.

    Raises ``ValueError`` for a damaged file, and for channels that are not of 8 or 16 bits.
    """
    try:
        image = pyvips.Image.new_from_buffer(data, "", access="sequential", fail_on="error")
        if Image.MAX_IMAGE_PIXELS and image.width * image.height > 2 * Image.MAX_IMAGE_PIXELS:
            raise Image.DecompressionBombError
        if image.format not in WHITE:
            raise ValueError(f"its channels are of the kind {image.format}, not of 8 or 16 bits")
        image = image.copy_memory()
        exif = image.get("exif-data") if "exif-data" in image.get_fields() else b""
        return _pixels(image.autorot()), 8 if image.format == "uchar" else 16, exif
    except pyvips.Error as error:
        raise ValueError(error.detail.strip().split("\n")[0]) from None


def encode(values: NDArray[np.uint16], image_format: str) -> bytes:
    """A PNG or TIFF file, tagged as sRGB, of H×W×3 or H×W×4 values; ``ValueError`` if there can be none."""
    image = pyvips.Image.new_from_array(values, interpretation="rgb16").copy(xres=DOTS_PER_MM, yres=DOTS_PER_MM)
    image.set_type(pyvips.GValue.blob_type, "icc-profile-data", pyvips.Operation.call("profile_load", "srgb"))
    try:
        if image_format == "PNG":
            return bytes(image.pngsave_buffer(keep="icc"))
        return bytes(image.tiffsave_buffer(keep="icc", compression="deflate", predictor="horizontal", resunit="inch"))
    except pyvips.Error as error:
        raise ValueError(error.detail.strip().split("\n")[0]) from None


def _pixels(image: pyvips.Image) -> Floats:
    """The pixels of gray, RGB or CMYK, with or without alpha. Alpha takes no part in the change of color space."""
    is_cmyk = image.interpretation == "cmyk"
    channels = 4 if is_cmyk else 3 if image.bands >= 3 else 1
    pixels = np.ones((image.height, image.width, 4), np.float32)
    if image.bands > channels:
        pixels[..., 3:] = _fractions(image.extract_band(channels))
    colors = image.extract_band(0, n=channels)
    if "icc-profile-data" in image.get_fields():
        colors = _in_srgb(colors)
    values = _fractions(colors)
    pixels[..., :3] = (1 - values[..., :3]) * (1 - values[..., 3:]) if colors.interpretation == "cmyk" else values
    return pixels


def _in_srgb(colors: pyvips.Image) -> pyvips.Image:
    try:
        return colors.icc_transform("srgb", embedded=True, depth=16, intent="relative", black_point_compensation=True)
    except pyvips.Error:
        return colors  # a damaged profile: the values are taken as sRGB, as browsers do


def _fractions(image: pyvips.Image) -> Floats:
    """The values as H×W×channels in [0, 1]."""
    values = np.atleast_3d(image.numpy())
    return values.astype(np.float32) / np.float32(WHITE[image.format])
