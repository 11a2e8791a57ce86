"""GIF files taken apart (version 89a)."""

from __future__ import annotations

import functools
import struct
from typing import BinaryIO

from nst_engine.files.contents import Contents, text
from nst_engine.files.sources import Pieces

HEADER = 13
"""Bytes of ``GIF89a`` and of the screen's description."""

EXTENSION, PICTURE, END = b"\x21", b"\x2c", b"\x3b"
CONTROL, COMMENT = b"\xf9", b"\xfe"

MOST_BLOCKS = 4_000_000
"""Of at most 255 bytes each."""


def contents(file: BinaryIO) -> Contents:
    """What a GIF file holds: of an animation the first picture. Raises ``ValueError`` for a damaged one."""
    reader = _Reader(file)
    file.seek(0)
    head = file.read(HEADER)
    if len(head) < HEADER:
        raise ValueError("it has no header")
    width, height, flags = struct.unpack("<HHB", head[6:11])
    found = Contents(width, height, 4, loader="gif", held=4 * width * height)
    parts: list[bytes | range] = [head, reader.take(_palette(flags))]
    while kind := file.read(1):
        start = file.tell() - 1
        if kind == PICTURE:
            if found.stream:
                found.warnings.append("is animated; its first picture is taken")
                break
            place = reader.picture(start)
            found.stream = Pieces(file, [*parts, place, END])
            if reader.is_cut:
                found.is_cut, found.rows = True, reader.rows(place)
                found.repair = functools.partial(Pieces, file, [*parts, place, b"\0", END])
                break
        elif kind == EXTENSION:
            label = file.read(1)
            block = reader.blocks(start)
            if label == CONTROL and not found.stream:
                parts.append(block)
            elif label == COMMENT and not found.comment:
                found.comment = reader.first_text(block)
        else:
            break
    if not found.stream:
        raise ValueError("it has no pixels")
    return found


class _Reader:
    """Walks over blocks of a length and so many bytes, the last of length 0."""

    def __init__(self, file: BinaryIO) -> None:
        self.file = file
        self.left = MOST_BLOCKS
        self.is_cut = False

    def take(self, count: int) -> range:
        """The next bytes."""
        start = self.file.tell()
        self.file.seek(start + count)
        return range(start, start + count)

    def blocks(self, start: int) -> range:
        """From ``start`` to the end of the blocks that follow here, or of those of them that are whole."""
        end = self.file.tell()
        while length := self.file.read(1):
            self.left -= 1
            if self.left < 0:
                raise ValueError("it is made of too many pieces")
            if length == b"\0":
                return range(start, end + 1)
            if len(self.file.read(length[0])) < length[0]:
                break
            end += 1 + length[0]
        self.is_cut = True
        return range(start, end)

    def picture(self, start: int) -> range:
        """The picture that starts there: its description, perhaps a palette, the least size of codes, the blocks."""
        description = self.file.read(9)
        self.take(_palette(description[8]) + 1 if len(description) == 9 else 0)
        return self.blocks(start)

    def rows(self, place: range) -> int:
        """How many of the screen's rows, from the top, are whole of a picture whose blocks have no end."""
        self.file.seek(place.start)
        _, _, top, width, height, flags = struct.unpack("<cHHHHB", self.file.read(10))
        self.take(_palette(flags))
        least = self.file.read(1)[0]
        blocks = iter(lambda: self.file.read(1), b"")
        codes = b"".join(self.file.read(length[0]) for length in blocks if self.file.tell() <= place.stop)
        rows: int = top + min(height, _pixels_in(codes, least) // max(1, width))
        return rows

    def first_text(self, place: range) -> str:
        """The first block of a comment."""
        here = self.file.tell()
        self.file.seek(place.start + 2)
        data = self.file.read(min(256, len(place) - 2))
        self.file.seek(here)
        return text(data[1 : 1 + data[0]]) if data else ""


def _pixels_in(codes: bytes, least: int) -> int:
    """How many pixels codes stand for, of which the shortest have ``least`` and one bits (LZW)."""
    clear, most = 1 << least, 1 << 12
    runs = [1] * clear + [0, 0]
    bits, before, count, value, have = least + 1, 0, 0, 0, 0
    for byte in codes:
        value |= byte << have
        have += 8
        while have >= bits:
            code, value, have = value & ((1 << bits) - 1), value >> bits, have - bits
            if code == clear:
                del runs[clear + 2 :]
                bits, before = least + 1, 0
                continue
            if code == clear + 1 or code > len(runs) or not (before or code < clear):
                return count
            if before and len(runs) < most:
                runs.append(before + 1)
                bits = max(bits, min(12, len(runs).bit_length()))
            before = runs[code] if code < len(runs) else 1
            count += before
    return count


def _palette(flags: int) -> int:
    """Bytes of a palette, by the flags before it."""
    return 3 << (flags & 7) + 1 if flags & 0x80 else 0
