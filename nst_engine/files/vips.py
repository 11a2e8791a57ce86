"""Pixels by libvips: decoded in bands, scaled, brought to sRGB in 8 or 16 bits, and turned upright.

libvips works through a picture from top to bottom and holds no more of it than it must.
"""

from __future__ import annotations

import dataclasses
import io
import logging
import os
import re
import sys
from collections.abc import Callable
from typing import Any

import numpy as np
import pyvips  # type: ignore[import-untyped]
from numpy.typing import NDArray
from PIL import ImageCms

from nst_engine.files.contents import Contents, in_plain_words
from nst_engine.files.sources import Pieces

Integers = NDArray[np.uint8] | NDArray[np.uint16]

MM_PER_INCH = 25.4
USUAL_DPI = 72, 72

WHITE = {"uchar": 255, "ushort": 65535}

OTHER_NUMBERS = {
    "char": ("uchar", -128, 127),
    "short": ("ushort", -(1 << 15), (1 << 15) - 1),
    "int": ("ushort", -(1 << 31), (1 << 31) - 1),
    "uint": ("ushort", 0, (1 << 32) - 1),
    "float": ("ushort", 0, 1),
}
"""libvips' names of numbers that only TIFF has → what they become, and what is black and white in them, as in GIMP."""

TOLD_GLARE = 0.01
"""The share of numbers beyond white from which it is said."""

MODELS = {"b-w": 1, "grey16": 1, "cmyk": 4}
"""libvips' names of color models → channels; the others have three."""

RGB_SPACE = b"RGB "
PILLOWS_MODES = {1: "L", 3: "RGB", 4: "CMYK"}
"""Channels of colors → how Pillow calls the model."""

SIGNED_LAB = 8

SHRINKS = (1, 2, 4, 8)
"""How many times smaller a JPEG decoder can make a picture by leaving out its high frequencies."""

TURNS: dict[int, Callable[[NDArray[Any]], NDArray[Any]]] = {
    1: lambda values: values,
    2: lambda values: values[:, ::-1],
    3: lambda values: values[::-1, ::-1],
    4: lambda values: values[::-1],
    5: lambda values: values.swapaxes(0, 1),
    6: lambda values: np.rot90(values, -1),
    7: lambda values: values[::-1, ::-1].swapaxes(0, 1),
    8: lambda values: np.rot90(values),
}
"""EXIF's number of an orientation → what makes the picture upright."""

BAND = 8
"""Rows that are read at once when it is to be found how many of a damaged file are sound."""

ALLOWED_LOSS = 24
"""Rows that may be missing of a small picture, up to its half: decoders lose up to so many with one bit."""

NOTES = "icc-profile-data", "exif-data", "xmp-data"
"""libvips' names of what stands beside a picture."""

NO_MEMORY = "out of memory"
"""What libvips says of the machine rather than of a picture."""

pyvips.cache_set_max(0)  # every picture is read once: what libvips remembers of it would only take memory
pyvips.block_untrusted_set(True)
logging.getLogger("pyvips").setLevel(logging.CRITICAL)  # of damaged files we speak ourselves


def pixels(contents: Contents, scale: float = 1.0) -> Integers:
    """H×W×3 or H×W×4 in sRGB with straight alpha, upright, in the file's own depth: uint8 or uint16.

    It is scaled down by ``scale``, with its alpha as weight. Raises ``ValueError`` for a damaged file; one that lacks
    few of its rows, or any of those that editors do without, is read, and ``contents.warnings`` says so.
    """
    reason = "its end is missing"
    if contents.is_floating:
        contents.warnings += _glare(contents)
    if not contents.is_cut:
        try:
            return _decoded(contents, "error", scale)
        except pyvips.Error as error:
            reason = _reason(error)
    if contents.repair:
        contents.stream = contents.repair()
    rows = contents.rows if contents.rows is not None else _sound_rows(contents)
    rows = contents.height if contents.bears_cutting else rows
    if 0 < rows < contents.height:
        reason += f"; {rows} of its {contents.height} rows are whole"
    allowed = max(min(ALLOWED_LOSS, contents.height // 2), contents.height // 10)
    if not rows or contents.height - rows > (contents.height if contents.is_shown_in_part else allowed):
        raise ValueError(reason)
    contents.warnings.append(f"is damaged ({reason}); what is missing may show")
    try:
        return _decoded(contents, "none", scale)
    except pyvips.Error as error:
        raise ValueError(_reason(error)) from None


def header(loader: str, stream: Pieces) -> tuple[int, int, int, int, list[bytes]]:
    """Width, height, channels, depth and :data:`NOTES` of a file that nobody else takes apart.

    Raises ``ValueError`` for a damaged one.
    """
    try:
        image = _loader(loader)(_source(stream))
    except pyvips.Error as error:
        raise ValueError(_reason(error)) from None
    notes = [bytes(image.get(name)) if image.get_typeof(name) else b"" for name in NOTES]
    return image.width, image.height, image.bands, 8 if image.format == "uchar" else 16, notes


def is_whole(contents: Contents) -> bool:
    """Whether every row can be decoded."""
    return not contents.is_cut and _sound_rows(contents) == contents.height


def encode(values: NDArray[np.uint16], image_format: str, dpi: tuple[float, float] | None = None) -> bytes:
    """A PNG or TIFF file, tagged as sRGB, of H×W×3 or H×W×4 values; ``ValueError`` if there can be none."""
    across, down = (value / MM_PER_INCH for value in dpi or USUAL_DPI)
    image = pyvips.Image.new_from_array(values, interpretation="rgb16").copy(xres=across, yres=down)
    image = _tagged(image, pyvips.Operation.call("profile_load", "srgb"))
    try:
        if image_format == "PNG":
            return bytes(image.pngsave_buffer(keep="icc"))
        return bytes(image.tiffsave_buffer(keep="icc", compression="deflate", predictor="horizontal", resunit="inch"))
    except pyvips.Error as error:
        is_short = NO_MEMORY in error.detail
        raise ValueError("the memory is too small for it" if is_short else _last_line(error)) from None


def _decoded(contents: Contents, fail_on: str, scale: float) -> Integers:
    stored = _Stored(contents, fail_on, scale)
    image = _in_usual_numbers(stored.image)
    if contents.white:
        image = _whole(image * (WHITE[image.format] / contents.white), image)
    image = _straight(image, contents)
    if scale < 1:
        image = _scaled(image, max(1, round(contents.width * scale)), max(1, round(contents.height * scale)))
    colors = _colors(image)
    found = _in_srgb(image.extract_band(0, n=colors), contents)
    if image.bands > colors:
        found = found.bandjoin(image.extract_band(colors))
    upright: NDArray[Any] = np.ascontiguousarray(TURNS[contents.exif.orientation](found.numpy()))
    if fail_on == "error":
        stored.check()
    return upright


def _glare(contents: Contents) -> list[str]:
    """What to say of a picture with many numbers beyond white; nothing of any other, nor of a damaged one."""
    try:
        stored = _Stored(contents, "none")
        colors = stored.image.extract_band(0, n=_colors(stored.image))
        share = (colors > 1).avg() / WHITE["uchar"]
    except pyvips.Error:
        return []
    told = f"has numbers beyond 1 in {share:.0%} of its colors; they are shown as white"
    return [told] if share >= TOLD_GLARE else []


def _sound_rows(contents: Contents) -> int:
    """How many rows can be decoded before the first damage."""
    row_by_row = dataclasses.replace(contents, doubles="")  # the halves of numbers will do, and need not be held
    try:
        stored = _Stored(row_by_row, "warning" if contents.loader == "jpeg" else "error")
    except pyvips.Error:
        return 0
    image = stored.image
    region = pyvips.Region.new(image)
    for top in range(0, image.height, BAND):
        try:
            region.fetch(0, top, image.width, min(BAND, image.height - top))
            stored.check()
        except pyvips.Error:
            return top
    return int(image.height)


class _Stored:
    """The image as it is stored, with its sources, which have to live as long.

    A JPEG may be decoded at a half or less of its size, if that is still twice as large as ``scale`` asks for.
    """

    def __init__(self, contents: Contents, fail_on: str, scale: float = 1.0) -> None:
        self.contents = contents
        self.size = contents.width * contents.folded, contents.height
        self.sources: list[pyvips.SourceCustom] = []
        pyvips.Error("")  # takes with it what was said of other files
        if contents.decode:
            self.image = _of_array(contents.decode(), contents.colors)
        elif contents.planes:
            first, *others = [self._loaded(plane, fail_on) for plane in contents.planes]
            self.image = first
            if others:
                colors = 3 if first.bands == 3 else contents.colors  # those of a palette lie in one plane
                self.image = first.bandjoin(others).copy(interpretation=_model(colors, first.format))
        elif contents.stream:
            shrink = max(each for each in SHRINKS if each * scale <= 0.5 or each == 1)
            self.image = self._loaded(contents.stream, fail_on, shrink if contents.loader == "jpeg" else 1)
        if contents.is_inverse:
            self.image = _from_black(self.image)

    def check(self) -> None:
        """Raise for tiles of a TIFF file that could not be decoded: libvips says so and makes them black."""
        error = pyvips.Error("")
        if error.detail and self.contents.loader == "tiff":
            raise error

    def _loaded(self, stream: Pieces, fail_on: str, shrink: int = 1) -> pyvips.Image:
        source = _source(stream)
        self.sources.append(source)
        load = _loader(self.contents.loader)
        image = load(source, access="sequential", fail_on=fail_on, **({"shrink": shrink} if shrink > 1 else {}))
        if shrink == 1 and (image.width, image.height) != self.size:
            raise ValueError("its header is damaged")
        return _folded(image, self.contents) if self.contents.folded > 1 else image


def _source(stream: Pieces) -> pyvips.SourceCustom:
    stream.seek(0, os.SEEK_SET)
    source = pyvips.SourceCustom()
    source.on_read(stream.read)
    source.on_seek(stream.seek)
    return source


def _loader(name: str) -> Callable[..., pyvips.Image]:
    found: Callable[..., pyvips.Image] = getattr(pyvips.Image, f"{name}load_source")
    return found


def _folded(image: pyvips.Image, contents: Contents) -> pyvips.Image:
    """The image whose channels, or whose numbers' halves, lie side by side, as the wide image has them."""
    if contents.doubles:
        parts = image.numpy().reshape(contents.height, contents.width, -1, 2)
        lowest_first = parts if (contents.doubles == "<") == (sys.byteorder == "little") else parts[..., ::-1]
        values = np.ascontiguousarray(lowest_first).view(np.float64)[..., 0]
        found = np.clip(values, -1, 2, out=np.empty(values.shape, np.float32), casting="same_kind")
        return _of_array(found, contents.colors)
    folded = image.bandfold(factor=contents.folded)
    return folded.copy(interpretation=_model(contents.colors, folded.format))


def _from_black(image: pyvips.Image) -> pyvips.Image:
    """Gray that counts from white, and what lies behind it, in the same numbers with gray as it is elsewhere."""
    _, black, white = OTHER_NUMBERS[image.format]
    gray = (black + white - image.extract_band(0)).cast(image.format)
    return (gray.bandjoin(image[1:]) if image.bands > 1 else gray).copy(interpretation=image.interpretation)


def _in_usual_numbers(image: pyvips.Image) -> pyvips.Image:
    """The image in 8 or 16 bits; what is beyond black and white is cut off."""
    if image.format in WHITE:
        return image
    usual, black, white = OTHER_NUMBERS[image.format]
    scale = WHITE[usual] / (white - black)
    found = image.linear(scale, -black * scale).rint().cast(usual)
    return found.copy(interpretation=_model(_colors(image), usual))


def _of_array(values: NDArray[Any], colors: int) -> pyvips.Image:
    image = pyvips.Image.new_from_array(values)
    return image.copy(interpretation=_model(colors, image.format))


def _model(colors: int, image_format: str) -> str:
    """libvips' name of a color model with so many channels."""
    deep = image_format == "ushort"
    return {1: "grey16" if deep else "b-w", 3: "rgb16" if deep else "srgb", 4: "cmyk"}[colors]


def _colors(image: pyvips.Image) -> int:
    """How many channels of an image are colors; one more may be alpha."""
    return MODELS.get(image.interpretation, 3)


def _straight(image: pyvips.Image, contents: Contents) -> pyvips.Image:
    """The colors and, if there is one, straight alpha, without any other channels."""
    colors = _colors(image)
    if image.bands == colors:
        return image
    plain = image.extract_band(0, n=colors)
    if contents.alpha < 0:
        return plain
    plain = plain.bandjoin(image.extract_band(colors + contents.alpha))
    if contents.is_on_white:
        return _inverse(_unmultiplied(_inverse(plain)))
    return _unmultiplied(plain) if contents.is_premultiplied else plain


def _unmultiplied(image: pyvips.Image) -> pyvips.Image:
    return _whole(image.unpremultiply(max_alpha=WHITE[image.format]), image)


def _inverse(image: pyvips.Image) -> pyvips.Image:
    """The colors counted from white, in front of the alpha as it is."""
    many = image.bands - 1
    return _whole(image.linear([-1] * many + [1], [WHITE[image.format]] * many + [0]), image)


def _scaled(image: pyvips.Image, width: int, height: int) -> pyvips.Image:
    """The image in another size, antialiased; what is transparent lends its color to nothing."""
    factors = width / image.width, height / image.height
    if image.bands == _colors(image):
        return image.resize(factors[0], vscale=factors[1])
    white = WHITE[image.format]
    scaled = image.premultiply(max_alpha=white).resize(factors[0], vscale=factors[1])
    return _whole(scaled.unpremultiply(max_alpha=white), image)


def _in_srgb(colors: pyvips.Image, contents: Contents) -> pyvips.Image:
    """Gray, RGB, CMYK or CIELAB as sRGB, in the depth that it has."""
    if contents.lab:
        return _from_lab(colors, contents.lab)
    if contents.profile:
        if colors.bands == 1 and contents.profile[16:20] == RGB_SPACE:
            colors = _three_of(colors)
        if _is_usable(contents.profile, colors.bands):
            return _from_profile(colors, contents.profile)
        contents.warnings.append("has a color profile that cannot be used")  # it is as if there were none
    if colors.bands == 4:
        white = WHITE[colors.format]
        return _whole((white - colors.extract_band(0, n=3)) * (white - colors.extract_band(3)) / white, colors)
    return _three_of(colors)


def _is_usable(profile: bytes, channels: int) -> bool:
    """Whether a profile says of so many channels what their colors are; libvips would take another without a word."""
    try:
        given, wanted = ImageCms.ImageCmsProfile(io.BytesIO(profile)), ImageCms.createProfile("sRGB")
        ImageCms.buildTransform(given, wanted, PILLOWS_MODES[channels], "RGB")
    except (ImageCms.PyCMSError, OSError):
        return False
    return True


def _from_profile(colors: pyvips.Image, profile: bytes) -> pyvips.Image:
    depth = 8 if colors.format == "uchar" else 16
    tagged = _tagged(colors, profile)
    return tagged.icc_transform("srgb", embedded=True, depth=depth, intent="relative", black_point_compensation=True)


def _from_lab(colors: pyvips.Image, kind: int) -> pyvips.Image:
    """CIELAB as TIFF keeps it (1976, D50): with signed a and b (kind 8), or as profiles do (kind 9)."""
    white = WHITE[colors.format]
    unit = (white + 1) / 256
    lightness, a_and_b = colors.extract_band(0), colors.extract_band(1, n=2)
    if kind == SIGNED_LAB:
        lab = lightness * (100 / white)
        a_and_b = (a_and_b >= (white + 1) / 2).ifthenelse(a_and_b - (white + 1), a_and_b)
    else:
        lab = lightness * (100 / (255 * unit))
        a_and_b = a_and_b - 128 * unit
    lab = lab.bandjoin(a_and_b / unit).cast("float").copy(interpretation="lab")
    return lab.icc_export(output_profile="srgb", depth=8 if white == 255 else 16, intent="relative", pcs="lab")


def _three_of(colors: pyvips.Image) -> pyvips.Image:
    """Gray as RGB; anything else as it is."""
    if colors.bands == 3:
        return colors
    return colors.bandjoin([colors, colors]).copy(interpretation=_model(3, colors.format))


def _tagged(image: pyvips.Image, profile: bytes) -> pyvips.Image:
    tagged = image.copy()
    tagged.set_type(pyvips.GValue.blob_type, "icc-profile-data", profile)
    return tagged


def _whole(values: pyvips.Image, like: pyvips.Image) -> pyvips.Image:
    """Rounded values in another image's format and color model."""
    return values.rint().cast(like.format).copy(interpretation=like.interpretation)


def _reason(error: pyvips.Error) -> str:
    """Why a picture cannot be decoded; raises ``MemoryError`` where it is no fault of the picture."""
    if NO_MEMORY in error.detail:
        raise MemoryError
    last = _last_line(error)
    return in_plain_words(last) if last else "its data are damaged or cut off"


def _last_line(error: pyvips.Error) -> str:
    """The last thing that libvips says, without the name of the part that says it."""
    lines = [line.strip() for line in error.detail.split("\n") if line.strip()]
    return re.sub(r"^\w+: ", "", lines[-1]) if lines else ""
