"""EXIF: what a camera and its owner wrote beside the picture.

A block of EXIF is ``Exif\\0\\0`` and then a TIFF file without a picture: a header, and directories of fields. Fields
are copied as the bytes they are, never decoded and encoded again: accents and makers' notes stay as they were.
"""

from __future__ import annotations

import io
import struct
import zlib
from dataclasses import dataclass, field
from typing import BinaryIO, NamedTuple

PREFIX = b"Exif\0\0"

ORDERS = {b"II*\0": "<", b"MM\0*": ">"}
"""How a TIFF file begins → the order of its bytes, as :mod:`struct` names it."""

UNITS = {1: 1, 2: 1, 3: 2, 4: 4, 5: 4, 6: 1, 7: 1, 8: 2, 9: 4, 10: 4, 11: 4, 12: 8}
"""Kind of a field → how many of its bytes change places between the two orders."""

SHORT, LONG, RATIONALS = 3, 4, (5, 10)

LARGEST = 1 << 24
"""Bytes of the largest field that is believed; a damaged file may claim any size."""

DESCRIPTIVE = {
    *(0x010E, 0x010F, 0x0110, 0x0131, 0x0132, 0x013B, 0x013C, 0x8298),  # title, camera, software, date, artist, rights
    *(0x011A, 0x011B, 0x0128),  # resolution
    *(0x4746, 0x4749, 0x9C9B, 0x9C9C, 0x9C9D, 0x9C9E, 0x9C9F),  # rating, and what Windows writes
}
"""The fields of the first directory that speak of the photograph; the others say how the old file was laid out."""

BITS_PER_SAMPLE, ORIENTATION, PLANES, CAMERA, PLACE = 0x0102, 0x0112, 0x011C, 0x8769, 0x8825
COLOR_SPACE, WIDTH, HEIGHT, INTEROPERABILITY, GAMMA, MAKER_NOTE = 0xA001, 0xA002, 0xA003, 0xA005, 0xA500, 0x927C


class Field(NamedTuple):
    """One entry of a directory: the kind of its values, how many there are, and their bytes."""

    kind: int
    many: int
    value: bytes


Directory = dict[int, Field]


@dataclass
class Exif:
    """The directories of a block, or of a TIFF file: the first (without pointers), the camera's, the place's (GPS)."""

    order: str = "<"
    main: Directory = field(default_factory=dict)
    camera: Directory = field(default_factory=dict)
    place: Directory = field(default_factory=dict)

    def numbers(self, tag: int) -> tuple[int, ...]:
        """The whole numbers of a field of the first directory; none if it is not there."""
        found = self.main.get(tag, Field(0, 0, b""))
        letter = {SHORT: "H", LONG: "I"}.get(found.kind)
        return struct.unpack(f"{self.order}{found.many}{letter}", found.value) if letter else ()

    @property
    def orientation(self) -> int:
        """How the picture has to be turned, as EXIF numbers it: 1 is not at all, 8 the highest."""
        number = self.numbers(ORIENTATION)
        return number[0] if number and number[0] in range(1, 9) else 1

    def block(self) -> bytes:
        """Written as a block; empty if there is nothing to say."""
        if not (self.main or self.camera or self.place):
            return b""
        mark = next(mark for mark, order in ORDERS.items() if order == self.order)
        return PREFIX + mark + struct.pack(self.order + "I", 8) + self.written(8)

    def written(self, offset: int) -> bytes:
        """The directories, for a place that is so many bytes into a TIFF file."""
        parts = {tag: part for tag, part in ((CAMERA, self.camera), (PLACE, self.place)) if part}
        main = self.main | {tag: Field(LONG, 1, bytes(4)) for tag in parts}
        end = offset + len(_written(self.order, main, offset))
        data = b""
        for tag, part in parts.items():
            main[tag] = Field(LONG, 1, struct.pack(self.order + "I", end + len(data)))
            data += _written(self.order, part, end + len(data))
        return _written(self.order, main, offset) + data

    def in_order(self, order: str) -> Exif:
        """The same with the bytes of all values in this order."""
        if order == self.order:
            return self
        parts = (self.main, self.camera, self.place)
        return Exif(order, *({tag: _turned(entry) for tag, entry in part.items()} for part in parts))


def read(tiff: BinaryIO) -> Exif:
    """The directories of a TIFF file, or of a block without its prefix; empty ones for anything else."""
    tiff.seek(0)
    order = ORDERS.get(tiff.read(4))
    if order is None:
        return Exif()
    main = _directory(tiff, order, tiff.read(4))
    pointers = [main.pop(tag, None) for tag in (CAMERA, PLACE)]
    camera, place = (_directory(tiff, order, pointer.value) if pointer else {} for pointer in pointers)
    return Exif(order, main, camera, place)


def of_block(block: bytes) -> Exif:
    """The directories of a block, which may lack its prefix."""
    return read(io.BytesIO(block.removeprefix(PREFIX)))


def kept(exif: Exif) -> bytes:
    """The block to write beside a picture made from this one: without orientation, thumbnail and color space."""
    main = {tag: entry for tag, entry in exif.main.items() if tag in DESCRIPTIVE}
    camera = {tag: entry for tag, entry in exif.camera.items() if tag not in (INTEROPERABILITY, GAMMA)}
    return Exif(exif.order, main, camera, exif.place).block()


def fitted(block: bytes, width: int, height: int, room: int) -> bytes:
    """The block for an sRGB picture of this size, in at most ``room`` bytes: the maker's note makes way first."""
    exif = of_block(block)
    if exif.camera:
        exif.camera[COLOR_SPACE] = Field(SHORT, 1, struct.pack(exif.order + "H", 1))
        exif.camera[WIDTH] = Field(LONG, 1, struct.pack(exif.order + "I", width))
        exif.camera[HEIGHT] = Field(LONG, 1, struct.pack(exif.order + "I", height))
    if len(exif.block()) > room:
        exif.camera.pop(MAKER_NOTE, None)
    return exif.block() if len(exif.block()) <= room else b""


def into_png(png: bytes, block: bytes) -> bytes:
    """The PNG file with the block in it."""
    if not block:
        return png
    end_of_header = 8 + 25
    data = block.removeprefix(PREFIX)
    chunk = struct.pack(">I", len(data)) + b"eXIf" + data + struct.pack(">I", zlib.crc32(b"eXIf" + data))
    return png[:end_of_header] + chunk + png[end_of_header:]


def into_tiff(tiff: bytes, block: bytes) -> bytes:
    """The TIFF file with the fields of the block in its first directory, which moves to the end."""
    if not block:
        return tiff
    picture = read(io.BytesIO(tiff))
    exif = of_block(block).in_order(picture.order)
    tiff += bytes(len(tiff) % 2)
    both = Exif(picture.order, picture.main | exif.main, exif.camera, exif.place)
    return tiff[:4] + struct.pack(picture.order + "I", len(tiff)) + tiff[8:] + both.written(len(tiff))


def _directory(tiff: BinaryIO, order: str, offset: bytes) -> Directory:
    """The fields of the directory at an offset; damaged ones are left out."""
    tiff.seek(_number(order, offset[:4]))
    entries = tiff.read(12 * _number(order, tiff.read(2)))
    found = {}
    for tag, kind, count, value in struct.iter_unpack(order + "HHI4s", entries[: len(entries) // 12 * 12]):
        size = UNITS.get(kind, 0) * count * (2 if kind in RATIONALS else 1)
        if 4 < size <= LARGEST:
            tiff.seek(_number(order, value))
            value = tiff.read(size)
        if 0 < size <= len(value):
            found[tag] = Field(kind, count, value[:size])
    return found


def _written(order: str, directory: Directory, offset: int) -> bytes:
    """One directory and, after it, its values of more than four bytes; no directory follows it."""
    entries, values = b"", b""
    start = offset + 2 + 12 * len(directory) + 4
    for tag, (kind, count, value) in sorted(directory.items()):
        if len(value) > 4:
            entries += struct.pack(order + "HHII", tag, kind, count, start + len(values))
            values += value + bytes(len(value) % 2)
        else:
            entries += struct.pack(order + "HHI4s", tag, kind, count, value)
    return struct.pack(order + "H", len(directory)) + entries + bytes(4) + values


def _turned(entry: Field) -> Field:
    """The field with its values in the other order of bytes."""
    unit = UNITS[entry.kind]
    turned = (entry.value[start : start + unit][::-1] for start in range(0, len(entry.value), unit))
    return entry._replace(value=b"".join(turned))


def _number(order: str, data: bytes) -> int:
    return int.from_bytes(data, "little" if order == "<" else "big")
