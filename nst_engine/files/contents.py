"""What the structure of a picture file tells before a pixel is decoded."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from nst_engine.files import exif as exifs
from nst_engine.files.exif import Exif
from nst_engine.files.sources import Pieces

LARGEST_NOTE = 1 << 26
"""Bytes that any one thing beside the pixels may have: a profile, a block of EXIF or XMP."""

OLD_ELEMENTS = (
    *(b"xmp:Thumbnails", b"xap:Thumbnails", b"Container:Directory", b"GContainer:Directory"),
    *(b"GImage:Data", b"GDepth:Data", b"GAudio:Data"),
)
OLD_ATTRIBUTES = re.compile(
    rb"""\s(?:xmpNote:HasExtendedXMP|G(?:Image|Depth|Audio):\w+|hdrgm:\w+)\s*=\s*(?:"[^"]*"|'[^']*')"""
)
"""What in XMP is another picture, or sound, or says how one that is not here goes with this one. Phones keep there what
a photograph was before it was retouched."""

OLD_ORIENTATION = re.compile(rb"""(<tiff:Orientation\s*>)\s*\d\s*(?=</)|(\btiff:Orientation\s*=\s*["'])\d(?=["'])""")

RESOURCE_MARKS = (b"8BIM", b"MeSa", b"AgHg", b"PHUT", b"DCSR")
"""How Photoshop's resources begin: most with the first, those of older programs with one of the others."""

LEAST_PADDING = 64
"""Spaces before the end of a packet from which on they are room that programs leave for changes."""

DECODERS_WORDS = re.compile(
    "(?i)libpng|truncat|scanline|bogus|corrupt|frame data|code not|unable to parse|check|unexpected end|marker"
    "|code word|seek error|open source|decoder error|not enough|byte count|predictor|load error|decompress|palette"
    "|invalid input"
)
"""What decoders have in their complaints on pictures that were cut off or damaged on their way."""

OUR_WORDS = ("it ", "its ")
"""How what we say of files begins; all else is decoders', and for nobody who never heard of them."""

RARE_WORDS = re.compile("(?i)unsupported|unknown raw mode|cannot load")
"""What they have in those on pictures of a kind that they do not know."""


def in_plain_words(reason: str) -> str:
    """Why a picture cannot be decoded, for somebody who never heard of decoders."""
    if "not configured" in reason:
        return "it is compressed in a way that is unknown here"
    if RARE_WORDS.search(reason):
        return "it is written in a way that is unknown here"
    if DECODERS_WORDS.search(reason):
        return "its data are damaged or cut off"
    return reason if reason.startswith(OUR_WORDS) else "it is damaged or of a kind that is unknown here"


class Foreign(Exception):
    """A file of a kind that is not read: which kind, and perhaps what to do instead."""

    def __init__(self, kind: str, remedy: str = "") -> None:
        super().__init__(kind)
        self.kind = kind
        self.remedy = remedy


@dataclass(frozen=True)
class Metadata:
    """What goes along with a picture into the file of its result: nothing in it speaks of the old pixels.

    ``exif`` is a whole block (``Exif\\0\\0`` and a TIFF header first) without orientation, thumbnail and color space,
    ``xmp`` a packet of XML in UTF-8 without the same, ``iptc`` the records of IPTC-IIM without previews, ``dpi``
    pixels per inch across and down, ``comment`` a text of the owner's or a program's.
    """

    exif: bytes = b""
    xmp: bytes = b""
    iptc: bytes = b""
    dpi: tuple[float, float] | None = None
    comment: str = ""


NOTHING = Metadata()


@dataclass
class Contents:
    """A picture file taken apart: what a decoder needs, and what stands beside it.

    ``width`` and ``height`` are the stored picture's, which ``exif.orientation`` turns upright. Either ``loader``, a
    name of libvips', decodes ``stream`` (or each of ``planes``, of a file whose channels lie apart), or ``decode``
    gives H×W×channels. Where ``folded`` is more than 1, ``stream`` is a gray picture so much wider, each pixel's
    channels side by side, or with ``doubles`` (the order of bytes, :mod:`struct`'s sign) the halves of each number of
    64 bits. In the last three cases the first ``colors`` of the channels are gray, RGB or CMYK.
    ``alpha`` is the place of the transparency among those behind the colors, -1 for none; ``is_premultiplied`` says
    that the colors are multiplied with it, ``is_on_white`` that they are mixed with white where it lets that through.
    ``lab`` is how TIFF numbers the kind of CIELAB, 0 for another color model. ``white`` is the value of white where it
    is not the largest that the depth has, 0 where it is; ``is_floating`` says that it is 1, and that there may be more;
    ``is_inverse`` that gray counts from white. ``held`` is how many bytes the decoder has to hold besides the pixels.
    """

    width: int
    height: int
    channels: int
    depth: int = 8
    loader: str = ""
    stream: Pieces | None = None
    planes: Sequence[Pieces] = ()
    decode: Callable[[], NDArray[np.uint8]] | None = None
    alpha: int = 0
    is_premultiplied: bool = False
    is_on_white: bool = False
    folded: int = 1
    doubles: str = ""
    colors: int = 3
    lab: int = 0
    white: int = 0
    is_floating: bool = False
    is_inverse: bool = False
    held: int = 0
    repair: Callable[[], Pieces] | None = None
    """What gives a stream with right checksums, for files that have wrong ones or no end."""

    is_cut: bool = False
    rows: int | None = None
    """How many rows are whole, where the file is cut off and the decoder would not tell."""

    bears_cutting: bool = False
    """Whether a missing end costs sharpness only, as in a progressive JPEG."""

    is_shown_in_part: bool = False
    """Whether editors show what there is of such a file, however little that is; we do as well."""

    profile: bytes = b""
    exif: Exif = field(default_factory=Exif)
    xmp: bytes = b""
    iptc: bytes = b""
    dpi: tuple[float, float] | None = None
    comment: str = ""
    warnings: list[str] = field(default_factory=list)

    @property
    def metadata(self) -> Metadata:
        """What of it goes along with a result."""
        return Metadata(
            exifs.kept(self.exif),
            cleaned_xmp(self.xmp),
            cleaned_iptc(self.iptc),
            self.dpi or self.exif.dpi,
            self.comment,
        )


def photoshop_resources(data: bytes) -> Iterator[tuple[int, bytes]]:
    """Number and data of each of Photoshop's resources: a mark, number, name, length and data."""
    position = 0
    while data[position : position + 4] in RESOURCE_MARKS and position + 12 <= len(data):
        number = int.from_bytes(data[position + 4 : position + 6], "big")
        position += 6 + (data[position + 6] + 2) // 2 * 2
        size = int.from_bytes(data[position : position + 4], "big")
        yield number, data[position + 4 : position + 4 + size]
        position += 4 + (size + 1) // 2 * 2


def add_photoshop(contents: Contents, data: bytes) -> None:
    """Take IPTC and resolution out of Photoshop's resources."""
    for number, value in photoshop_resources(data):
        if number == 0x0404:
            contents.iptc = value
        if number == 0x03ED and len(value) >= 12 and not contents.dpi:
            contents.dpi = _plausible(*(int.from_bytes(value[at : at + 4], "big") / 65536 for at in (0, 8)))


def add_dpi(contents: Contents, across: float, down: float, per_inch: float = 1.0) -> None:
    """Take the resolution where it may be true; an inch has so many of the units that it is given in."""
    contents.dpi = contents.dpi or _plausible(across * per_inch, down * per_inch)


def text(data: bytes) -> str:
    """A comment, whatever its encoding is."""
    data = data.rstrip(b"\0 \r\n")
    try:
        return data.decode()
    except UnicodeDecodeError:
        return data.decode("latin-1")


def cleaned_xmp(packet: bytes) -> bytes:
    """The packet without what speaks of the old file: pictures, orientation, a second part elsewhere, padding."""
    if not (b"<x:xmpmeta" in packet or b"<rdf:RDF" in packet):
        return b""
    for name in OLD_ELEMENTS:
        packet = _without_element(packet, name)
    packet = OLD_ATTRIBUTES.sub(b"", packet)
    packet = OLD_ORIENTATION.sub(_upright, packet)
    padded, mark, end = packet.rpartition(b"<?xpacket")
    return padded.rstrip() + b"\n" + mark + end if padded[-LEAST_PADDING:].isspace() else packet


def cleaned_iptc(records: bytes) -> bytes:
    """The records without a preview of the old picture (2:200 to 2:202); up to the first damaged one."""
    kept, position = [], 0
    while records[position : position + 1] == b"\x1c" and position + 5 <= len(records):
        size = int.from_bytes(records[position + 3 : position + 5], "big")
        end = position + 5 + size
        if size > 0x7FFF or end > len(records):
            break
        if not (records[position + 1] == 2 and 200 <= records[position + 2] <= 202):
            kept.append(records[position:end])
        position = end
    return b"".join(kept)


def _plausible(across: float, down: float) -> tuple[float, float] | None:
    return (across, down) if 1 <= across <= 100_000 and 1 <= down <= 100_000 else None


def _without_element(packet: bytes, name: bytes) -> bytes:
    """The packet without the elements of this name, each from its own beginning to its own end."""
    starts: list[int] = []
    kept, position = [], 0
    for tag in re.finditer(rb"<(/?)" + name + rb"(?=[\s/>])[^<>]*>", packet):
        if not tag[1]:
            starts.append(tag.start())
        if starts and (tag[1] or tag[0].endswith(b"/>")):
            start = starts.pop()
            if not starts:
                kept.append(packet[position:start])
                position = tag.end()
    return b"".join(kept) + packet[position:]


def _upright(found: re.Match[bytes]) -> bytes:
    return (found[1] or found[2]) + b"1"
