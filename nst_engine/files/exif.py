"""EXIF: what a camera and its owner wrote beside the picture.

A block of EXIF is ``Exif\\0\\0`` and then a TIFF file without a picture: a header, and directories of fields. Fields
are copied as the bytes they are, never decoded and encoded again: accents and makers' notes stay as they were.
"""

from __future__ import annotations

import io
import struct
from collections.abc import Container
from dataclasses import dataclass, field
from typing import BinaryIO, Literal, NamedTuple

from nst_engine.files import sources

PREFIX = b"Exif\0\0"

UNITS = {1: 1, 2: 1, 3: 2, 4: 4, 5: 4, 6: 1, 7: 1, 8: 2, 9: 4, 10: 4, 11: 4, 12: 8, 13: 4, 16: 8, 17: 8, 18: 8}
"""Kind of a field → how many of its bytes change places between the two orders."""

BYTE, SHORT, LONG, LONG8, RATIONALS = 1, 3, 4, 16, (5, 10)

WHOLE_NUMBERS = {1: "B", 3: "H", 4: "I", 13: "I", 16: "Q", 18: "Q"}
"""Kinds of fields that hold whole numbers from 0, and how :mod:`struct` names them."""

LARGEST = 1 << 24
"""Bytes of the largest field that is believed; a damaged file may claim any size."""

DESCRIPTIVE = {
    *(0x010E, 0x010F, 0x0110, 0x0131, 0x0132, 0x013B, 0x013C, 0x8298),  # title, camera, software, date, artist, rights
    *(0x011A, 0x011B, 0x0128),  # resolution
    *(0x4746, 0x4749, 0x9C9B, 0x9C9C, 0x9C9D, 0x9C9E, 0x9C9F),  # rating, and what Windows writes
}
"""The fields of the first directory that speak of the photograph; the others say how the old file was laid out."""

ORIENTATION, CAMERA, PLACE = 0x0112, 0x8769, 0x8825
X_RESOLUTION, Y_RESOLUTION, RESOLUTION_UNIT = 0x011A, 0x011B, 0x0128
COLOR_SPACE, WIDTH, HEIGHT, INTEROPERABILITY, GAMMA, MAKER_NOTE = 0xA001, 0xA002, 0xA003, 0xA005, 0xA500, 0x927C

RULES, OF_ADOBE_RGB = 0x0001, b"R03\0"
"""The field of the directory INTEROPERABILITY that names the rules of the file (DCF), and those for Adobe RGB."""

ADOBE_RGB, UNCALIBRATED = 2, 0xFFFF
"""What COLOR_SPACE may say: the first is no standard but usual, the second is settled by the rules."""


class Field(NamedTuple):
    """One entry of a directory: the kind of its values, how many there are, and their bytes."""

    kind: int
    many: int
    value: bytes


Directory = dict[int, Field]


@dataclass(frozen=True)
class Layout:
    """How a TIFF file writes numbers: in which order of bytes (:mod:`struct`'s sign), and whether as a BigTIFF."""

    order: str = "<"
    is_big: bool = False

    @property
    def header(self) -> bytes:
        """The beginning of a file, up to the offset of its first directory."""
        mark = {"<": b"II", ">": b"MM"}[self.order]
        return mark + struct.pack(self.order + ("HHH" if self.is_big else "H"), *((43, 8, 0) if self.is_big else (42,)))

    @property
    def offset(self) -> struct.Struct:
        """An offset, which is as wide as the number of a field's values and as the place for values in an entry."""
        return struct.Struct(self.order + ("Q" if self.is_big else "I"))

    @property
    def length(self) -> struct.Struct:
        """How many entries a directory has."""
        return struct.Struct(self.order + ("Q" if self.is_big else "H"))

    @property
    def entry(self) -> struct.Struct:
        """One entry: tag, kind, number of values, and the values or their offset."""
        return struct.Struct(self.order + ("HHQ8s" if self.is_big else "HHI4s"))


LAYOUTS = {each.header: each for each in (Layout(order, is_big) for order in "<>" for is_big in (False, True))}
"""How a file begins → its layout."""


class Reader:
    """Reads the directories of a TIFF file, or of a block of EXIF without its prefix.

    Values that do not overlap are together no larger than the file; of more, the file lies, and they are left out.
    So what is read takes no more time and memory than the file itself.
    """

    def __init__(self, tiff: BinaryIO) -> None:
        self.tiff = tiff
        self.size = self.left = sources.size(tiff)
        tiff.seek(0)
        head = tiff.read(8)
        self.layout = LAYOUTS.get(head, LAYOUTS.get(head[:4]))
        self.start = self._offset_at(len(self.layout.header)) if self.layout else 0

    def first(self, wanted: Container[int] | None = None) -> Directory:
        """The first directory; an empty one where this is no TIFF file."""
        return self.directory(self.start, wanted) if self.layout else {}

    def directory(self, offset: int, wanted: Container[int] | None = None) -> Directory:
        """The fields of the directory at an offset, or those ``wanted`` of them; damaged ones are left out."""
        assert self.layout is not None
        entry = self.layout.entry
        start = offset + self.layout.length.size
        many = int.from_bytes(self._at(offset, self.layout.length.size), self._endian)
        table = self._at(start, entry.size * min(many, 1 << 16))
        found: Directory = {}
        for tag, kind, count, value in entry.iter_unpack(table[: len(table) // entry.size * entry.size]):
            if tag not in found and (wanted is None or tag in wanted):
                value = self._value(kind, count, value)
                if value:
                    found[tag] = Field(kind, count, value)
        return found

    def numbers(self, directory: Directory, tag: int) -> tuple[int, ...]:
        """The whole numbers of a field; none if it is not there."""
        return _numbers(directory.get(tag), self.order)

    def number(self, directory: Directory, tag: int, default: int) -> int:
        """The first whole number of a field, or what it is where it is not there."""
        return (self.numbers(directory, tag) or (default,))[0]

    def following(self, offset: int) -> int:
        """Where the directory after the one at an offset lies; 0 for none."""
        assert self.layout is not None
        many = int.from_bytes(self._at(offset, self.layout.length.size), self._endian)
        return self._offset_at(offset + self.layout.length.size + self.layout.entry.size * many)

    @property
    def order(self) -> str:
        """The order of bytes, as :mod:`struct` names it."""
        return self.layout.order if self.layout else "<"

    def _value(self, kind: int, count: int, value: bytes) -> bytes:
        """The bytes of a field's values, of which the entry has the first or the offset; none where they are not."""
        size = UNITS.get(kind, 0) * count * (2 if kind in RATIONALS else 1)
        if size <= len(value):
            return value[:size]
        if size > min(LARGEST, self.left):
            return b""
        self.left -= size
        found = self._at(int.from_bytes(value, self._endian), size)
        return found if len(found) == size else b""

    def _offset_at(self, place: int) -> int:
        assert self.layout is not None
        return int.from_bytes(self._at(place, self.layout.offset.size), self._endian)

    def _at(self, offset: int, count: int) -> bytes:
        if offset >= self.size:
            return b""
        self.tiff.seek(offset)
        return self.tiff.read(min(count, self.size - offset))

    @property
    def _endian(self) -> Literal["little", "big"]:
        return "big" if self.order == ">" else "little"


@dataclass
class Exif:
    """The directories of a block, or of a TIFF file: the first (without pointers), the camera's, the place's (GPS).

    ``rules`` is of the directory that the camera's points to.
    """

    order: str = "<"
    main: Directory = field(default_factory=dict)
    camera: Directory = field(default_factory=dict)
    place: Directory = field(default_factory=dict)
    rules: Directory = field(default_factory=dict)

    @property
    def is_adobe_rgb(self) -> bool:
        """Whether the camera says that its colors are Adobe RGB's: it writes no profile then."""
        space = _numbers(self.camera.get(COLOR_SPACE), self.order)
        has_rules = RULES in self.rules and self.rules[RULES].value == OF_ADOBE_RGB
        return space == (ADOBE_RGB,) or (space == (UNCALIBRATED,) and has_rules)

    @property
    def orientation(self) -> int:
        """How the picture has to be turned, as EXIF numbers it: 1 is not at all, 8 the highest."""
        number = _numbers(self.main.get(ORIENTATION), self.order)
        return number[0] if number and number[0] in range(1, 9) else 1

    @property
    def is_sideways(self) -> bool:
        """Whether turning the picture upright makes its width its height."""
        return self.orientation >= 5

    @property
    def dpi(self) -> tuple[float, float] | None:
        """Pixels per inch, across and down, where both are told and may be true."""
        unit = _numbers(self.main.get(RESOLUTION_UNIT), self.order) or (2,)
        both = [_fraction(self.main.get(tag), self.order) for tag in (X_RESOLUTION, Y_RESOLUTION)]
        across, down = (value * {2: 1.0, 3: 2.54}.get(unit[0], 0.0) for value in both)
        return (across, down) if across > 0 and down > 0 else None

    def block(self) -> bytes:
        """Written as a block; empty if there is nothing to say."""
        if not (self.main or self.camera or self.place):
            return b""
        return PREFIX + Layout(self.order).header + struct.pack(self.order + "I", 8) + self.written(8)

    def written(self, offset: int) -> bytes:
        """The directories, for a place that is so many bytes into a TIFF file."""
        layout = Layout(self.order)
        parts = {tag: part for tag, part in ((CAMERA, self.camera), (PLACE, self.place)) if part}
        main = self.main | {tag: Field(LONG, 1, bytes(4)) for tag in parts}
        end = offset + len(written(layout, main, offset))
        data = b""
        for tag, part in parts.items():
            main[tag] = Field(LONG, 1, struct.pack(self.order + "I", end + len(data)))
            data += written(layout, part, end + len(data))
        return written(layout, main, offset) + data

    def in_order(self, order: str) -> Exif:
        """The same with the bytes of all values in this order."""
        if order == self.order:
            return self
        parts = (self.main, self.camera, self.place)
        return Exif(order, *({tag: _turned(entry) for tag, entry in part.items()} for part in parts))


def read(tiff: BinaryIO) -> Exif:
    """The directories of a TIFF file, or of a block without its prefix; empty ones for anything else."""
    reader = Reader(tiff)
    return of_directory(reader, reader.first())


def of_directory(reader: Reader, main: Directory) -> Exif:
    """The first directory with those that it points to."""
    if reader.layout is None:
        return Exif()
    parts = [reader.numbers(main, tag) for tag in (CAMERA, PLACE)]
    camera, place = (reader.directory(part[0]) if part else {} for part in parts)
    rules = [reader.directory(offset, {RULES}) for offset in reader.numbers(camera, INTEROPERABILITY)[:1]]
    rest = {tag: entry for tag, entry in main.items() if tag not in (CAMERA, PLACE)}
    return Exif(reader.layout.order, rest, camera, place, *rules)


def of_block(block: bytes) -> Exif:
    """The directories of a block, which may lack its prefix."""
    return read(io.BytesIO(block.removeprefix(PREFIX)))


def kept(exif: Exif) -> bytes:
    """The block to write beside a picture made from this one: without orientation, thumbnail and color space."""
    main = {tag: entry for tag, entry in exif.main.items() if tag in DESCRIPTIVE and entry.kind <= 12}
    camera = {tag: entry for tag, entry in exif.camera.items() if tag not in (INTEROPERABILITY, GAMMA)}
    return Exif(exif.order, main, camera, exif.place).block()


def written(layout: Layout, directory: Directory, offset: int) -> bytes:
    """One directory and, after it, the values that are too long for its entries; no directory follows it."""
    place = layout.offset
    start = offset + layout.length.size + layout.entry.size * len(directory) + place.size
    entries, values = [layout.length.pack(len(directory))], bytearray()
    for tag, (kind, count, value) in sorted(directory.items()):
        if len(value) > place.size:
            entries.append(layout.entry.pack(tag, kind, count, place.pack(start + len(values))))
            values += value + bytes(len(value) % 2)
        else:
            entries.append(layout.entry.pack(tag, kind, count, value))
    return b"".join(entries) + bytes(place.size) + values


def _numbers(found: Field | None, order: str) -> tuple[int, ...]:
    letter = WHOLE_NUMBERS.get(found.kind) if found else None
    return struct.unpack(f"{order}{found.many}{letter}", found.value) if found and letter else ()


def _fraction(found: Field | None, order: str) -> float:
    """The one rational number of a field; 0 where it has none."""
    if found is None or found.kind not in RATIONALS or len(found.value) != 8:
        return 0.0
    over, under = struct.unpack(order + "II", found.value)
    return over / under if under else 0.0


def _turned(entry: Field) -> Field:
    """The field with its values in the other order of bytes."""
    unit = UNITS[entry.kind]
    turned = (entry.value[start : start + unit][::-1] for start in range(0, len(entry.value), unit))
    return entry._replace(value=b"".join(turned))
