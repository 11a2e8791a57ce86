"""JPEG files taken apart (ITU-T T.81, JFIF, Exif, and what Adobe adds)."""

from __future__ import annotations

import hashlib
import re
import struct
from collections.abc import Iterator
from typing import BinaryIO, NamedTuple

from nst_engine.files import exif as exifs
from nst_engine.files import profiles, sources
from nst_engine.files.contents import LARGEST_NOTE, Contents, add_dpi, add_photoshop, text
from nst_engine.files.sources import Pieces

START, SCAN, END = b"\xff\xd8", b"\xff\xda", b"\xff\xd9"

FRAMES = {*range(0xC0, 0xD0)} - {0xC4, 0xC8, 0xCC}
PROGRESSIVE = {0xC2, 0xC6, 0xCA, 0xCE}
WITHOUT_LENGTH = {0x00, 0x01, 0xFF, *range(0xD0, 0xD9)}
"""Second bytes that begin no segment: those of filling, of restarts, of a beginning."""

BETWEEN_SCANS = re.compile(rb"\xff[\x02-\xcf\xda-\xfe]")
"""How a segment begins among the pixels, where each byte of 255 that is none has a 0 behind it."""

JFIF, EXIF, ICC, PHOTOSHOP, ADOBE, COMMENT = 0xE0, 0xE1, 0xE2, 0xED, 0xEE, 0xFE
BESIDE = {*range(0xE0, 0xF0), COMMENT} - {JFIF, ADOBE}
"""Markers of segments that a decoder needs not see. From those of JFIF and Adobe it knows the color model."""

XMP = b"http://ns.adobe.com/xap/1.0/\0"
EXTENSION = b"http://ns.adobe.com/xmp/extension/\0"
"""What is larger than a segment is in segments of these (XMP specification, part 3): a digest of 32 letters, the whole
size, where the part begins, the part. The packet proper has the digest."""

ANNOUNCEMENT = b"""<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">\
<rdf:Description rdf:about="" xmlns:xmpNote="http://ns.adobe.com/xmp/note/" xmpNote:HasExtendedXMP="%s"/>\
</rdf:RDF></x:xmpmeta>"""
"""A packet that has nothing but the digest of the other."""

PROFILE = b"ICC_PROFILE\0"
RESOURCES = b"Photoshop 3.0\0"

SEGMENT_ROOM = 65533
"""Bytes of a segment's data."""

MOST_SEGMENTS = 200_000

MOST_SCANS = 100
"""Ten are usual; each one more takes the time of the whole picture again, however few bytes it has."""

ENOUGH_SCANS = 2
"""With so many begun, a progressive picture that is cut off lacks nothing but detail."""

BLOCK = 1 << 20


class Segment(NamedTuple):
    """A marker's second byte, and where in the file the segment lies, marker and all."""

    marker: int
    place: range


def contents(file: BinaryIO) -> Contents:
    """What a JPEG file holds; raises ``ValueError`` for a damaged one."""
    found = Contents(0, 0, 0, loader="jpeg", is_shown_in_part=True)
    beside = _Beside(file, found)
    parts: list[range] = []
    for segment in _segments(file, sources.size(file)):
        if segment.marker in BESIDE:
            beside.add(segment)
            continue
        if segment.marker in FRAMES:
            _add_frame(found, segment.marker, _data(file, segment))
        elif segment.marker == JFIF:
            _add_jfif(found, _data(file, segment))
        parts.append(segment.place)
    beside.tell()
    found.stream = Pieces(file, [START, *parts[:-1], _scans(file, parts[-1].start, found), END])
    return found


def announcement(packet: bytes) -> bytes:
    """The packet of XMP that says which one is in the extension."""
    return ANNOUNCEMENT % hashlib.md5(packet, usedforsecurity=False).hexdigest().upper().encode()


def _segments(file: BinaryIO, size: int) -> Iterator[Segment]:
    """All segments up to the first scan's. Bytes between them are passed over, as decoders do."""
    start = len(START)
    for _ in range(MOST_SEGMENTS):
        file.seek(start)
        head = file.read(4)
        if len(head) < 4 or head[:2] == END:
            raise ValueError("it ends before its pixels")
        if head[0] != 0xFF or head[1] in WITHOUT_LENGTH:
            start += 1
            continue
        end = start + 2 + int.from_bytes(head[2:], "big")
        yield Segment(head[1], range(start, min(end, size)))
        if head[:2] == SCAN:
            return
        start = end
    raise ValueError("it is made of too many pieces")


def _data(file: BinaryIO, segment: Segment) -> bytes:
    file.seek(segment.place.start + 4)
    return file.read(max(0, len(segment.place) - 4))


def _add_frame(found: Contents, marker: int, data: bytes) -> None:
    if len(data) < 6:
        raise ValueError("its header is damaged")
    _, found.height, found.width, found.channels = struct.unpack(">BHHB", data[:6])
    if marker in PROGRESSIVE:
        found.bears_cutting = True
        found.held = 2 * found.width * found.height * found.channels


def _add_jfif(found: Contents, data: bytes) -> None:
    per_inch = {1: 1.0, 2: 2.54}.get(data[7]) if len(data) >= 12 and data.startswith(b"JFIF\0") else None
    if per_inch:
        across, down = struct.unpack(">HH", data[8:12])
        add_dpi(found, across, down, per_inch)


def _scans(file: BinaryIO, start: int, found: Contents) -> range:
    """Where the scans are: up to the end marker, which cannot occur in them; it may be missing."""
    most = 8 * found.width * found.height * found.channels + BLOCK
    file.seek(start)
    stop, scans, before = start, 0, b""
    while stop - start < most and (data := file.read(BLOCK)):
        both = before + data
        end = both.find(END)
        scans += both.count(SCAN, 0, end if end >= 0 else len(both))
        if scans > MOST_SCANS:
            raise ValueError(f"it has more than {MOST_SCANS} scans")
        if end >= 0:
            found.bears_cutting = False
            return range(start, stop - len(before) + end)
        stop += len(data)
        before = data[-1:] if data[-1] == 0xFF else b""
    found.is_cut = True
    found.bears_cutting = found.bears_cutting and scans >= ENOUGH_SCANS
    return _without_torn_segment(file, range(start, stop))


def _without_torn_segment(file: BinaryIO, scans: range) -> range:
    """The scans up to a segment between them that the file breaks off in: decoders give up there, and not at an end."""
    tail = scans[-(SEGMENT_ROOM + 4) :]
    file.seek(tail.start)
    data = file.read(len(tail))
    last = max((found.start() for found in BETWEEN_SCANS.finditer(data)), default=len(data))
    length = int.from_bytes(data[last + 2 : last + 4], "big")
    is_torn = last + 4 > len(data) or last + 2 + length > len(data)
    return range(scans.start, tail.start + last) if is_torn else scans


class _Beside:
    """What stands beside the pixels; what is larger than a segment goes on in the next ones."""

    def __init__(self, file: BinaryIO, found: Contents) -> None:
        self.file = file
        self.found = found
        self.left = LARGEST_NOTE
        self.exif = b""
        self.profile: dict[int, bytes] = {}
        self.extension: dict[bytes, bytes] = {}
        self.comments: list[bytes] = []
        self.resources: list[bytes] = []

    def add(self, segment: Segment) -> None:
        """Keep what is wanted of a segment."""
        self.left -= len(segment.place)
        data = _data(self.file, segment) if self.left >= 0 else b""
        if segment.marker == COMMENT:
            if data and (not self.comments or len(self.comments[-1]) == SEGMENT_ROOM):
                self.comments.append(data)
        elif segment.marker == EXIF and data.startswith(exifs.PREFIX):
            self.exif = self.exif or data
        elif segment.marker == EXIF and data.startswith(XMP):
            self.found.xmp = self.found.xmp or data.removeprefix(XMP)
        elif segment.marker == EXIF and data.startswith(EXTENSION):
            place = len(EXTENSION) + 36
            self.extension.setdefault(data[place : place + 4], data[place + 4 :])
        elif segment.marker == ICC and data.startswith(PROFILE) and len(data) > len(PROFILE) + 2:
            self.profile.setdefault(data[len(PROFILE)], data[len(PROFILE) + 2 :])
        elif segment.marker == PHOTOSHOP and data.startswith(RESOURCES):
            self.resources.append(data.removeprefix(RESOURCES))

    def tell(self) -> None:
        """Say of the file what was kept."""
        self.found.exif = exifs.of_block(self.exif)
        self.found.profile = b"".join(part for _, part in sorted(self.profile.items()))
        self.found.profile = self.found.profile or profiles.of_exif(self.found.exif)
        self.found.comment = text(b"".join(self.comments))
        if b"HasExtendedXMP" in self.found.xmp:
            self._extend_xmp()
        add_photoshop(self.found, b"".join(self.resources))

    def _extend_xmp(self) -> None:
        """Take the second packet for the first that announces nothing else; together they are more than one can be."""
        second = b"".join(part for _, part in sorted(self.extension.items()))
        if self.found.xmp == announcement(second):
            self.found.xmp = second
        else:
            self.found.warnings.append("has a second packet of XMP, which is left out")
