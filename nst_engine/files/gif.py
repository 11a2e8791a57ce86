"""GIF files taken apart (version 89a)."""

from __future__ import annotations

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
            parts.append(reader.picture(start))
            found.stream = Pieces(file, [*parts, END])
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

    def take(self, count: int) -> range:
        """The next bytes."""
        start = self.file.tell()
        self.file.seek(start + count)
        return range(start, start + count)

    def blocks(self, start: int) -> range:
        """From ``start`` to the end of the blocks that follow here."""
        while length := self.file.read(1)[0:1]:
            self.left -= 1
            if self.left < 0:
                raise ValueError("it is made of too many pieces")
            if length == b"\0":
                break
            self.take(length[0])
        return range(start, self.file.tell())

    def picture(self, start: int) -> range:
        """The picture that starts there: its description, perhaps a palette, the least size of codes, the blocks."""
        description = self.file.read(9)
        self.take(_palette(description[8]) + 1 if len(description) == 9 else 0)
        return self.blocks(start)

    def first_text(self, place: range) -> str:
        """The first block of a comment."""
        here = self.file.tell()
        self.file.seek(place.start + 2)
        data = self.file.read(min(256, len(place) - 2))
        self.file.seek(here)
        return text(data[1 : 1 + data[0]]) if data else ""


def _palette(flags: int) -> int:
    """Bytes of a palette, by the flags before it."""
    return 3 << (flags & 7) + 1 if flags & 0x80 else 0
