"""PNG files taken apart (PNG specification, third edition)."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterator
from typing import BinaryIO, NamedTuple

from nst_engine.files import exif as exifs
from nst_engine.files import profiles, sources
from nst_engine.files.contents import LARGEST_NOTE, Contents, add_dpi, add_photoshop, text
from nst_engine.files.sources import Pieces

SIGNATURE = b"\x89PNG\r\n\x1a\n"

CHANNELS = {0: 1, 2: 3, 3: 3, 4: 2, 6: 4}
"""Color type → channels."""

NEEDED = {b"PLTE": 768, b"tRNS": 256}
"""What besides the pixels a decoder needs, and how many bytes it may have."""

TEXTS = (b"tEXt", b"zTXt", b"iTXt")
XMP, COMMENT = b"XML:com.adobe.xmp", b"Comment"
RAW = b"Raw profile type "
COLORS = {b"cICP", b"iCCP", b"sRGB", b"gAMA", b"cHRM"}
"""What says what the colors mean. A camera's word in EXIF counts where there is none of it, as in GIMP."""

WANTED = COLORS | {b"pHYs", b"eXIf", b"acTL"}
WANTED_TEXTS = {XMP, COMMENT, RAW + b"exif", RAW + b"APP1", RAW + b"xmp", RAW + b"iptc"}

MOST_CHUNKS = 1_000_000

METERS = 0.0254
"""In an inch."""


class Chunk(NamedTuple):
    """Name and place of a chunk: where it starts, its data, and whether the file has all of it."""

    name: bytes
    start: int
    data: range
    is_whole: bool

    @property
    def end(self) -> int:
        """Where the next one starts."""
        return self.data.stop + 4


def contents(file: BinaryIO) -> Contents:
    """What a PNG file holds; raises ``ValueError`` for a damaged one."""
    chunks = _chunks(file)
    header = next(chunks, None)
    if header is None or header.name != b"IHDR" or len(header.data) != 13 or not header.is_whole:
        raise ValueError("it has no header")
    fields = _data(file, header)
    width, height, bits, kind, _, _, interlace = struct.unpack(">IIBBBBB", fields)
    found = Contents(width, height, CHANNELS.get(kind, 1), 16 if bits == 16 else 8, loader="png")
    needed: dict[bytes, bytes] = {}
    pixels: list[Chunk] = []
    beside = _Beside(file, found)
    for chunk in chunks:
        if chunk.name == b"IDAT":
            if not pixels or pixels[-1].end == chunk.start:
                pixels.append(chunk)
        elif len(chunk.data) <= NEEDED.get(chunk.name, -1):
            needed.setdefault(chunk.name, made(chunk.name, _data(file, chunk)))
        else:
            beside.add(chunk, bool(pixels))
    beside.tell()
    found.channels += b"tRNS" in needed
    found.held = width * height * found.channels * found.depth // 8 if interlace else 0
    if not pixels:
        raise ValueError("it has no pixels")
    before, end = [SIGNATURE, made(b"IHDR", fields), *needed.values()], made(b"IEND", b"")
    found.stream = Pieces(file, [*before, range(pixels[0].start, pixels[-1].end), end])
    found.repair = lambda: Pieces(file, [*before, *(part for each in pixels for part in _with_sums(file, each)), end])
    return found


def made(name: bytes, data: bytes) -> bytes:
    """A chunk."""
    return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))


def _chunks(file: BinaryIO) -> Iterator[Chunk]:
    """All chunks up to the end; the last one may be cut off."""
    size = sources.size(file)
    start = len(SIGNATURE)
    for _ in range(MOST_CHUNKS):
        file.seek(start)
        head = file.read(8)
        if len(head) < 8 or head[4:] == b"IEND":
            return
        length = int.from_bytes(head[:4], "big")
        data = range(start + 8, min(start + 8 + length, size))
        chunk = Chunk(head[4:], start, data, start + 12 + length <= size)
        yield chunk
        start = chunk.end
    raise ValueError(f"it is made of more than {MOST_CHUNKS} pieces")


def _data(file: BinaryIO, chunk: Chunk) -> bytes:
    file.seek(chunk.data.start)
    return file.read(len(chunk.data))


def _with_sums(file: BinaryIO, chunk: Chunk) -> list[bytes | range]:
    """A chunk with its right length and checksum."""
    found = zlib.crc32(chunk.name)
    for start in chunk.data[:: 1 << 20]:
        file.seek(start)
        found = zlib.crc32(file.read(min(1 << 20, chunk.data.stop - start)), found)
    return [struct.pack(">I", len(chunk.data)) + chunk.name, chunk.data, struct.pack(">I", found)]


class _Beside:
    """What stands beside the pixels: colors, resolution, texts. All of it together has a bound in bytes."""

    def __init__(self, file: BinaryIO, found: Contents) -> None:
        self.file = file
        self.found = found
        self.held: dict[bytes, bytes] = {}
        self.left = 2 * LARGEST_NOTE

    def add(self, chunk: Chunk, is_behind: bool) -> None:
        """Keep what is wanted of a chunk; one whose checksum is wrong does not count."""
        self.left -= len(chunk.data)
        if self.left < 0:
            self._warn("has more beside its pixels than is read")
            return
        data = _data(self.file, chunk)
        if self.file.read(4) != struct.pack(">I", zlib.crc32(chunk.name + data)):
            self._warn("has a damaged part beside its pixels, which was left out")
        elif chunk.name in TEXTS:
            self._add_text(chunk.name, data)
        elif chunk.name in WANTED:
            self.held.setdefault(chunk.name, data)
            if chunk.name == b"eXIf" and is_behind:
                self._warn("has its EXIF behind the pixels, where some programs do not find it")

    def tell(self) -> None:
        """Say of the file what was kept."""
        found, held = self.found, self.held
        block = held.get(b"eXIf") or _from_hex(held.get(RAW + b"exif") or held.get(RAW + b"APP1") or b"")
        found.exif = exifs.of_block(block)
        found.profile = self._profile() if COLORS & held.keys() else profiles.of_exif(found.exif)
        found.xmp = held.get(XMP) or _from_hex(held.get(RAW + b"xmp", b""))
        found.comment = text(held.get(COMMENT, b""))
        add_photoshop(found, _from_hex(held.get(RAW + b"iptc", b"")))
        if len(held.get(b"pHYs", b"")) == 9 and held[b"pHYs"][8] == 1:
            across, down = struct.unpack(">II", held[b"pHYs"][:8])
            add_dpi(found, across, down, METERS)
        if b"acTL" in held:
            self._warn("is animated; its first picture is taken")

    def _add_text(self, name: bytes, data: bytes) -> None:
        keyword, _, rest = data.partition(b"\0")
        if keyword not in WANTED_TEXTS or keyword in self.held:
            return
        is_packed = name == b"zTXt"
        if name == b"iTXt":
            is_packed = rest[:1] == b"\1"
            rest = rest[2:].partition(b"\0")[2].partition(b"\0")[2]
        self.held[keyword] = self._unpacked(rest[name == b"zTXt" :], "a text") if is_packed else rest

    def _profile(self) -> bytes:
        """The first of cICP, iCCP, sRGB, and gAMA with cHRM that is there and can be understood."""
        if len(code_points := self.held.get(b"cICP", b"")) == 4:
            profile = profiles.of_code_points(*code_points)
            if profile is not None:
                return profile
            self._warn("says by numbers unknown here what its colors mean")
        profile = self._unpacked(self.held.get(b"iCCP", b"").partition(b"\0")[2][1:], "a color profile")
        if profile or b"sRGB" in self.held:
            return profile
        return self._of_gamma()

    def _of_gamma(self) -> bytes:
        gamma, colors = self.held.get(b"gAMA", b""), self.held.get(b"cHRM", b"")
        parts = int.from_bytes(gamma, "big") if len(gamma) == 4 else 0
        parts = parts if 10_000 <= parts <= 1_000_000 else 0
        eight = [part / 100_000 for part in struct.unpack(">8I", colors)] if len(colors) == 32 else None
        try:
            return profiles.of_gamma(parts / 100_000, eight) if parts or eight else b""
        except ValueError as problem:
            self._warn(f"says of its colors what cannot be ({problem})")
            return b""

    def _unpacked(self, data: bytes, what: str) -> bytes:
        """What was compressed; nothing if it is damaged, or larger than anything honest."""
        if not data:
            return b""
        unpacking = zlib.decompressobj()
        try:
            found = unpacking.decompress(data, LARGEST_NOTE)
        except zlib.error:
            found = b""
        if found and not unpacking.unconsumed_tail:
            return found
        self._warn(f"has {what} that is damaged or too large, which was left out")
        return b""

    def _warn(self, sentence: str) -> None:
        if sentence not in self.found.warnings:
            self.found.warnings.append(sentence)


def _from_hex(raw: bytes) -> bytes:
    """What many programs write as text: a name, a length, hexadecimal digits."""
    try:
        return bytes.fromhex(b"".join(raw.split()[2:]).decode("ascii"))
    except ValueError:
        return b""
