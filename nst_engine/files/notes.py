"""What goes along with a picture, put into finished files: EXIF, XMP, IPTC, a comment.

What a format has no place for is left out, and so is what is larger than the place that it has.
"""

from __future__ import annotations

import hashlib
import io
import struct
import zlib
from dataclasses import replace

from nst_engine.files import exif as exifs
from nst_engine.files import jpeg, png, tiff
from nst_engine.files.contents import Metadata
from nst_engine.files.exif import BYTE, Exif, Field

ASCII, RATIONAL, UNDEFINED = 2, 5, 7
DESCRIPTION = 0x010E
INCH = 2

END_OF_HEADER = 8 + 25
"""In a PNG file, where the chunk IHDR always comes first and has 13 bytes."""

LINE = 72
"""Hexadecimal digits in a line of PNG's raw profiles."""


def fitted(notes: Metadata, shape: tuple[int, ...], exif_room: int) -> Metadata:
    """The notes beside an sRGB picture of H×W×… values, of whose EXIF the maker's note makes way first."""
    height, width = shape[:2]
    exif = exifs.of_block(notes.exif)
    if exif.camera:
        exif.camera[exifs.COLOR_SPACE] = Field(exifs.SHORT, 1, struct.pack(exif.order + "H", 1))
        exif.camera[exifs.WIDTH] = Field(exifs.LONG, 1, struct.pack(exif.order + "I", width))
        exif.camera[exifs.HEIGHT] = Field(exifs.LONG, 1, struct.pack(exif.order + "I", height))
    if notes.dpi:
        exif.main[exifs.X_RESOLUTION], exif.main[exifs.Y_RESOLUTION] = (_rational(exif, each) for each in notes.dpi)
        exif.main[exifs.RESOLUTION_UNIT] = Field(exifs.SHORT, 1, struct.pack(exif.order + "H", INCH))
    if len(exif.block()) > exif_room:
        exif.camera.pop(exifs.MAKER_NOTE, None)
    return replace(notes, exif=exif.block() if len(exif.block()) <= exif_room else b"")


def into_jpeg(file: bytes, notes: Metadata) -> bytes:
    """The JPEG file with the notes behind its first segment, which is JFIF's; it has its EXIF already."""
    start = 4 + int.from_bytes(file[4:6], "big")
    made = _xmp_segments(notes.xmp)
    made += _segments(jpeg.PHOTOSHOP, _photoshop(notes.iptc), jpeg.RESOURCES)
    made += _segments(jpeg.COMMENT, notes.comment.encode())
    return file[:start] + made + file[start:]


def into_png(file: bytes, notes: Metadata) -> bytes:
    """The PNG file with the notes behind its header."""
    made = b""
    if notes.exif:
        made += png.made(b"eXIf", notes.exif.removeprefix(exifs.PREFIX))
    for keyword, text in ((png.XMP, notes.xmp), (png.COMMENT, notes.comment.encode())):
        if text:
            made += png.made(b"iTXt", keyword + bytes(5) + text)
    if notes.iptc:
        digits = _photoshop(notes.iptc).hex()
        lines = "\n".join(digits[at : at + LINE] for at in range(0, len(digits), LINE))
        raw = f"\niptc\n{len(digits) // 2:8}\n{lines}\n".encode()
        made += png.made(b"zTXt", png.RAW + b"iptc" + bytes(2) + zlib.compress(raw))
    return file[:END_OF_HEADER] + made + file[END_OF_HEADER:]


def into_tiff(file: bytes, notes: Metadata) -> bytes:
    """The TIFF file with the notes as fields of its first directory, which moves to the end."""
    picture = exifs.read(io.BytesIO(file))
    exif = exifs.of_block(notes.exif).in_order(picture.order)
    comment = notes.comment.encode().replace(b"\0", b"") + b"\0"
    own = {DESCRIPTION: Field(ASCII, len(comment), comment)} if notes.comment else {}
    for tag, kind, data in ((tiff.XMP, BYTE, notes.xmp), (tiff.IPTC, UNDEFINED, notes.iptc)):
        if data:
            own[tag] = Field(kind, len(data), data)
    file += bytes(len(file) % 2)
    whole = Exif(picture.order, picture.main | own | exif.main, exif.camera, exif.place)
    return file[:4] + struct.pack(picture.order + "I", len(file)) + file[8:] + whole.written(len(file))


def _xmp_segments(packet: bytes) -> bytes:
    """The packet, or where a segment has no room for it, one that announces it and the segments that have it."""
    if len(jpeg.XMP + packet) <= jpeg.SEGMENT_ROOM:
        return _segments(jpeg.EXIF, packet, jpeg.XMP)
    digest = hashlib.md5(packet, usedforsecurity=False).hexdigest().upper().encode()
    head = jpeg.EXTENSION + digest + struct.pack(">I", len(packet))
    return _segments(jpeg.EXIF, jpeg.announcement(packet), jpeg.XMP) + _segments(
        jpeg.EXIF, packet, head, is_placed=True
    )


def _segments(marker: int, data: bytes, head: bytes = b"", is_placed: bool = False) -> bytes:
    """As many segments as the data take, each with the head, and perhaps with the place of its part in the data."""
    part = jpeg.SEGMENT_ROOM - len(head) - 4 * is_placed
    made = b""
    for at in range(0, len(data), part):
        whole = head + (struct.pack(">I", at) if is_placed else b"") + data[at : at + part]
        made += struct.pack(">BBH", 0xFF, marker, 2 + len(whole)) + whole
    return made


def _photoshop(iptc: bytes) -> bytes:
    """The records as one of Photoshop's resources."""
    return b"8BIM" + struct.pack(">HHI", 0x0404, 0, len(iptc)) + iptc + bytes(len(iptc) % 2) if iptc else b""


def _rational(exif: Exif, value: float) -> Field:
    return Field(RATIONAL, 1, struct.pack(exif.order + "II", round(value * 1000), 1000))
