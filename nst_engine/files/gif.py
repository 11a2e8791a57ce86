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
    """What a GIF file holds: of an animation the first picture, by itself, whatever part of the screen it is to fill.

    Raises ``ValueError`` for a damaged one.
    """
    reader = _Reader(file)
    file.seek(0)
    head = file.read(HEADER)
    if len(head) < HEADER:
        raise ValueError("it has no header")
    found = Contents(0, 0, 4, loader="gif", is_shown_in_part=True)
    parts: list[bytes | range] = [reader.take(_palette(head[10]))]
    while not reader.is_cut and (kind := file.read(1)):
        start = file.tell() - 1
        if kind == PICTURE:
            if found.stream:
                found.warnings.append("is animated; its first picture is taken")
                break
            _add_picture(found, reader, head, parts)
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


def _add_picture(found: Contents, reader: _Reader, head: bytes, parts: list[bytes | range]) -> None:
    """The picture whose description comes next, on a screen of its own size."""
    width, height, flags = struct.unpack("<4xHHB", reader.file.read(9).ljust(9, b"\0"))
    place = reader.blocks(reader.take(_palette(flags) + 1).start)
    screen, picture = (struct.pack("<HH", width, height), PICTURE + struct.pack("<4xHHB", width, height, flags))
    parts = [head[:6] + screen + head[10:], *parts, picture, place]
    found.width, found.height, found.held = width, height, 4 * width * height
    found.stream = Pieces(reader.file, [*parts, END])
    if reader.is_cut:
        codes, least = reader.codes(range(place.start + _palette(flags), place.stop))
        found.is_cut, found.rows = True, min(height, _pixels_in(codes + reader.torn, least) // max(1, width))
        last = bytes([len(reader.torn)]) + reader.torn + b"\0" if reader.torn else b"\0"
        found.repair = functools.partial(Pieces, reader.file, [*parts, last, END])


class _Reader:
    """Walks over blocks of a length and so many bytes, the last of length 0."""

    def __init__(self, file: BinaryIO) -> None:
        self.file = file
        self.left = MOST_BLOCKS
        self.is_cut = False
        self.torn = b""
        """What there is of the block that the file breaks off in."""

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
            data = self.file.read(length[0])
            if len(data) < length[0]:
                self.torn = data
                break
            end += 1 + length[0]
        self.is_cut = True
        return range(start, end)

    def codes(self, place: range) -> tuple[bytes, int]:
        """What is in the blocks of a picture, and the byte in front of them: the least size of codes."""
        self.file.seek(place.start)
        least = int.from_bytes(self.file.read(1), "big")
        lengths = iter(lambda: self.file.read(1), b"")
        return b"".join(self.file.read(length[0]) for length in lengths if self.file.tell() <= place.stop), least

    def first_text(self, place: range) -> str:
        """The first block of a comment."""
        here = self.file.tell()
        self.file.seek(place.start + 2)
        data = self.file.read(min(256, len(place) - 2))
        self.file.seek(here)
        return text(data[1 : 1 + data[0]]) if data else ""


def _pixels_in(codes: bytes, least: int) -> int:
    """How many pixels codes stand for, of which the shortest have ``least`` and one bits (LZW)."""
    if least > 11:
        return 0
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
