"""WebP files taken apart (RFC 9649): RIFF chunks of a name, a length and data."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from typing import BinaryIO, NamedTuple

from nst_engine.files import exif as exifs
from nst_engine.files import profiles, sources
from nst_engine.files.contents import LARGEST_NOTE, Contents
from nst_engine.files.sources import Pieces

HEADER = 12
"""Bytes of ``RIFF``, the length of the file, and ``WEBP``."""

ALPHA, ANIMATION = 0x10, 0x02
"""Flags of the chunk ``VP8X`` that a decoder has to see."""

NEEDED = (b"ANIM", b"ANMF", b"ALPH", b"VP8 ", b"VP8L")
BESIDE = (b"ICCP", b"EXIF", b"XMP ")

MOST_CHUNKS = 100_000


class Chunk(NamedTuple):
    """A chunk's name, where it starts, and its data."""

    name: bytes
    start: int
    data: range


def contents(file: BinaryIO) -> Contents:
    """What a WebP file holds: of an animation the first picture. Raises ``ValueError`` for a damaged one."""
    chunks: dict[bytes, Chunk] = {}
    frames = 0
    for chunk in _chunks(file):
        chunks.setdefault(chunk.name, chunk)
        frames += chunk.name == b"ANMF"
    beside = {name: _data(file, chunks[name]) for name in BESIDE if name in chunks}
    found = Contents(*_size(file, chunks), channels=4, loader="webp")
    found.held = 4 * found.width * found.height
    found.exif, found.xmp = exifs.of_block(beside.get(b"EXIF", b"")), beside.get(b"XMP ", b"")
    found.profile = beside.get(b"ICCP") or profiles.of_exif(found.exif)
    if frames > 1:
        found.warnings.append("is animated; its first picture is taken")
    parts: list[bytes | range] = [_canvas(file, chunks[b"VP8X"])] if b"VP8X" in chunks else []
    for chunk in (chunks[name] for name in NEEDED if name in chunks):
        parts.append(range(chunk.start, chunk.data.stop + len(chunk.data) % 2))
    found.stream = Pieces(file, [b"RIFF" + struct.pack("<I", 4 + sum(map(len, parts))) + b"WEBP", *parts])
    return found


def _chunks(file: BinaryIO) -> Iterator[Chunk]:
    size = sources.size(file)
    start = HEADER
    for _ in range(MOST_CHUNKS):
        file.seek(start)
        head = file.read(8)
        if len(head) < 8:
            return
        length = int.from_bytes(head[4:], "little")
        chunk = Chunk(head[:4], start, range(start + 8, min(start + 8 + length, size)))
        yield chunk
        start = chunk.data.stop + length % 2
    raise ValueError("it is made of too many pieces")


def _data(file: BinaryIO, chunk: Chunk, most: int = LARGEST_NOTE) -> bytes:
    file.seek(chunk.data.start)
    return file.read(min(len(chunk.data), most))


def _size(file: BinaryIO, chunks: dict[bytes, Chunk]) -> tuple[int, int]:
    """Width and height, of the canvas or of the one picture."""
    for name in (b"VP8X", b"VP8 ", b"VP8L"):
        data = _data(file, chunks[name], 10) if name in chunks else b""
        if len(data) == 10:
            if name == b"VP8X":
                return 1 + int.from_bytes(data[4:7], "little"), 1 + int.from_bytes(data[7:10], "little")
            if name == b"VP8 ":
                return int.from_bytes(data[6:8], "little") & 0x3FFF, int.from_bytes(data[8:10], "little") & 0x3FFF
            bits = int.from_bytes(data[1:5], "little")
            return 1 + (bits & 0x3FFF), 1 + (bits >> 14 & 0x3FFF)
    raise ValueError("it has no pixels")


def _canvas(file: BinaryIO, chunk: Chunk) -> bytes:
    """The chunk ``VP8X``, which says nothing any more of what was left out."""
    data = _data(file, chunk, 10)
    return b"VP8X" + struct.pack("<IB", 10, data[0] & (ALPHA | ANIMATION)) + data[1:] if len(data) == 10 else b""
