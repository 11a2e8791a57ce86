"""Photoshop's files taken apart (PSD, and PSB for the largest): the merged picture that they keep beside the layers.

Its channels lie apart, each packed as TIFF can have it, too: so each is decoded as a TIFF file of one channel.
"""

from __future__ import annotations

import struct
from typing import BinaryIO, NamedTuple

import numpy as np
from numpy.typing import NDArray

from nst_engine.files import exif as exifs
from nst_engine.files import profiles, sources, tiff
from nst_engine.files.contents import LARGEST_NOTE, Contents, Foreign, add_photoshop, photoshop_resources
from nst_engine.files.exif import LONG, LONG8, SHORT, Directory, Field, Layout

PSB = 2
"""The version of a file whose lengths have more room."""

BITMAP, GRAY, PALETTE, RGB, CMYK, DUOTONE, LAB = 0, 1, 2, 3, 4, 8, 9
COLORS = {BITMAP: 1, GRAY: 1, PALETTE: 1, RGB: 3, CMYK: 4, DUOTONE: 1, LAB: 3}
"""Color model → channels of colors."""

FROM_WHITE = (BITMAP, CMYK)
"""Models whose numbers are the other way round than TIFF has them."""

BITS, FLOATING = (1, 8, 16, 32), 32
"""Bits of a channel. The last are fractions, in proportion to the light."""
LONGEST_SIDE, MOST_CHANNELS, SIZE_OF_PALETTE = 300_000, 56, 768

NAMES, PROFILE, VERSION, EXIF, XMP = 1006, 1039, 1057, 1058, 1060
"""Numbers of resources: the names of the channels beyond the colors, a profile, what of the file is true, notes."""

MERGED = 4
"""The byte of VERSION that is 0 where the one picture beside the layers is only white."""

TRANSPARENCY = b"\x0cTransparency"
"""The first of NAMES, with its length, where that channel is no selection that somebody kept."""

MARKS, ENOUGH_OF_LAYERS = (b"Mt16", b"Mt32", b"Mtrn"), 64
"""What says the same in files of more than 8 bits, and in how many bytes of what there is of layers."""

PACKED = 1
COMPRESSIONS = {0: tiff.UNCOMPRESSED, PACKED: tiff.PACKBITS}
"""How the rows are compressed → TIFF's number for the same."""

LAYOUT = Layout(">", is_big=True)


class Header(NamedTuple):
    """The beginning of a file. ``bits`` are of a channel."""

    version: int
    channels: int
    height: int
    width: int
    bits: int
    model: int


HEADER = struct.Struct(">4xH6xHIIHH")


def contents(file: BinaryIO) -> Contents:
    """What such a file holds. Raises ``ValueError`` for a damaged one, :class:`Foreign` for one that is not read."""
    file.seek(0)
    header = Header(*HEADER.unpack(file.read(HEADER.size).ljust(HEADER.size, b"\0")))
    _check(header)
    palette, beside = _section(file), _section(file)
    wide = header.version == PSB
    layers = _section(file, wide, most=ENOUGH_OF_LAYERS)
    colors = COLORS[header.model]
    found = Contents(header.width, header.height, colors, 8 if header.bits <= 8 else 16, loader="tiff", colors=colors)
    found.is_floating, found.is_shown_in_part = header.bits == FLOATING, True
    _add_beside(found, beside, header, _has_transparency(layers, wide))
    _add_planes(found, file, header, palette)
    return found


def _check(header: Header) -> None:
    if not (0 < header.width <= LONGEST_SIDE and 0 < header.height <= LONGEST_SIDE):
        raise ValueError("its header is damaged")
    if not COLORS.get(header.model, MOST_CHANNELS + 1) <= header.channels <= MOST_CHANNELS:
        raise Foreign("a PSD picture of an unusual color model")
    if header.bits not in BITS or (header.bits == FLOATING and header.model not in (GRAY, RGB)):
        raise Foreign(f"a PSD picture with {header.bits} bits per channel")


def _section(file: BinaryIO, wide: bool = False, most: int = LARGEST_NOTE) -> bytes:
    """The next part of a file, which has its length in front; of one that is very long the beginning."""
    length = int.from_bytes(file.read(8 if wide else 4), "big")
    start = file.tell()
    found = file.read(min(length, most))
    file.seek(min(start + length, sources.size(file)))
    return found


def _has_transparency(layers: bytes, wide: bool) -> bool:
    """Whether the first channel behind the colors is transparency: a number of layers below 0 says so, or a mark."""
    length = 8 if wide else 4
    many = int.from_bytes(layers[length : length + 2], "big", signed=True) if any(layers[:length]) else 0
    return many < 0 or any(mark in layers for mark in MARKS)


def _add_beside(found: Contents, beside: bytes, header: Header, has_transparency: bool) -> None:
    """What the resources say; raises :class:`Foreign` where the merged picture is not what the layers show."""
    resources = dict(photoshop_resources(beside))
    if resources.get(VERSION, b"")[MERGED : MERGED + 1] == b"\0":
        raise Foreign("a PSD picture of layers alone (saved without maximal compatibility)")
    found.exif = exifs.of_block(resources.get(EXIF, b""))
    linear = profiles.of_gamma(1.0, None) if found.is_floating else b""
    found.profile = resources.get(PROFILE) or profiles.of_exif(found.exif) or linear
    found.xmp = resources.get(XMP, b"")
    add_photoshop(found, beside)
    has_transparency = has_transparency or resources.get(NAMES, b"").startswith(TRANSPARENCY)
    if has_transparency and header.channels > found.channels:
        found.channels += 1
        found.is_on_white = header.model in (GRAY, RGB, DUOTONE)
        found.is_premultiplied = header.model == CMYK
    if header.model == LAB:
        found.lab = tiff.LABS[1]


def _add_planes(found: Contents, file: BinaryIO, header: Header, palette: bytes) -> None:
    """Say where the rows of each channel lie, and what the numbers in them mean."""
    compression = int.from_bytes(file.read(2), "big")
    if compression not in COMPRESSIONS:
        raise ValueError("it is compressed in a way that is unknown here")
    sizes = _sizes(file, header, compression, found.channels)
    starts = file.tell() + np.cumsum(sizes).reshape(sizes.shape) - sizes
    found.is_cut = bool(starts[-1, -1] + sizes[-1, -1] > sources.size(file))
    plain = {
        tiff.WIDTH: _field(LONG, header.width),
        tiff.HEIGHT: _field(LONG, header.height),
        tiff.BITS: _field(SHORT, header.bits),
        tiff.FORMAT: _field(SHORT, tiff.FLOATING if header.bits == FLOATING else tiff.FROM_ZERO),
        tiff.COMPRESSION: _field(SHORT, COMPRESSIONS[compression]),
        tiff.ROWS_PER_STRIP: _field(LONG, 1),
    }
    found.planes = []
    for channel in range(found.channels):
        rows = {tiff.STRIPS: _field(LONG8, starts[channel]), tiff.STRIP_SIZES: _field(LONG8, sizes[channel])}
        found.planes.append(tiff.stream(file, LAYOUT, plain | rows | _model(header, channel, palette)))
    if header.model == PALETTE:
        found.channels += 2


def _sizes(file: BinaryIO, header: Header, compression: int, channels: int) -> NDArray[np.int64]:
    """Channels×height numbers: the bytes of each row. Where they are packed, that is told in front of all of them."""
    if compression != PACKED:
        return np.full((channels, header.height), (header.width * header.bits + 7) // 8)
    kind = np.dtype(">u4" if header.version == PSB else ">u2")
    table = file.read(header.channels * header.height * kind.itemsize)
    if len(table) < header.channels * header.height * kind.itemsize:
        raise ValueError("it ends before its pixels")
    return np.frombuffer(table, kind).reshape(header.channels, header.height)[:channels].astype(np.int64)


def _model(header: Header, channel: int, palette: bytes) -> Directory:
    """What the numbers of one channel mean."""
    if header.model == PALETTE and channel < COLORS[PALETTE]:
        if len(palette) != SIZE_OF_PALETTE:
            raise ValueError("its table of colors is damaged")
        colors = np.frombuffer(palette, np.uint8).astype(np.int64)
        return {tiff.COLORS: _field(SHORT, tiff.PALETTE), tiff.PALETTE_COLORS: _field(SHORT, 257 * colors)}
    is_inverse = header.model in FROM_WHITE and channel < COLORS[header.model]
    return {tiff.COLORS: _field(SHORT, tiff.INVERSE_GRAY if is_inverse else tiff.GRAY)}


def _field(kind: int, numbers: int | NDArray[np.int64]) -> Field:
    """Whole numbers as TIFF has them."""
    values = np.atleast_1d(numbers)
    return Field(kind, len(values), values.astype(f">u{exifs.UNITS[kind]}").tobytes())
