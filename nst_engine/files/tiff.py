"""TIFF files taken apart (version 6 and its supplements, BigTIFF)."""

from __future__ import annotations

import functools
import itertools
import operator
import struct
from typing import BinaryIO

from nst_engine.files import exif as exifs
from nst_engine.files import pillow, profiles, sources
from nst_engine.files.contents import Contents, Foreign, add_photoshop, text
from nst_engine.files.exif import LONG, SHORT, Directory, Field, Layout, Reader
from nst_engine.files.formats import RAW
from nst_engine.files.sources import Pieces

KIND, WIDTH, HEIGHT, BITS, COMPRESSION, COLORS = 0x00FE, 0x0100, 0x0101, 0x0102, 0x0103, 0x0106
STRIPS, SAMPLES, ROWS_PER_STRIP, STRIP_SIZES, MOST, PLANES = 0x0111, 0x0115, 0x0116, 0x0117, 0x0119, 0x011C
TILE_WIDTH, TILE_HEIGHT, TILES, TILE_SIZES = 0x0142, 0x0143, 0x0144, 0x0145
PREDICTOR, PALETTE_COLORS = 0x013D, 0x0140
SUB_DIRECTORIES, EXTRA, FORMAT, JPEG = 0x014A, 0x0152, 0x0153, 0x0201
SMALLER, MASK = 1, 4
"""In the field KIND: the picture is a smaller one of another, or the mask of one."""

XMP, IPTC, PHOTOSHOP, PROFILE = 0x02BC, 0x83BB, 0x8649, 0x8773
MAKE, DNG = 0x010F, 0xC612

FROM_ZERO, SIGNED, FLOATING, UNKNOWN = 1, 2, 3, 4
"""Meanings of FORMAT; what is unknown is taken as whole numbers from 0."""

NUMBERS = {FROM_ZERO: (1, 2, 4, 8, 16, 32), UNKNOWN: (1, 2, 4, 8, 16, 32), SIGNED: (8, 16, 32), FLOATING: (16, 32, 64)}
"""Meaning of FORMAT → numbers of bits that are read."""

PLAIN = {FROM_ZERO, UNKNOWN}

NEEDED = {
    *(WIDTH, HEIGHT, BITS, COMPRESSION, COLORS, STRIPS, SAMPLES, ROWS_PER_STRIP, STRIP_SIZES, PLANES, FORMAT),
    *(0x010A, 0x0124, 0x0125, PREDICTOR, PALETTE_COLORS),  # order of bits, options of fax codes
    *(TILE_WIDTH, TILE_HEIGHT, TILES, TILE_SIZES, 0x014C),  # tiles, inks
    *(0x015B, 0x0200, 0x0201, 0x0202, 0x0207, 0x0208, 0x0209, 0x0211, 0x0212, 0x0213, 0x0214),  # JPEG and YCbCr
}
"""The fields that a decoder needs for the pixels. What is not among them it does not get to see."""

TOLD = NEEDED | exifs.DESCRIPTIVE | {KIND, MOST, SUB_DIRECTORIES, EXTRA, XMP, IPTC, PHOTOSHOP, PROFILE, DNG}
TOLD |= {exifs.ORIENTATION, exifs.CAMERA, exifs.PLACE}

CHANNELS = {0: 1, 1: 1, 2: 3, 3: 1, 5: 4, 6: 3, 8: 3, 9: 3}
"""Color model (PhotometricInterpretation) → channels."""

INVERSE_GRAY, GRAY, RGB, PALETTE, INKS, CHROMA, LABS = 0, 1, 2, 3, 5, 6, (8, 9)
OF_SENSORS = (32803, 34892)
"""Color models of what a camera's sensor saw: a mosaic, or linear values."""

ASSOCIATED, TRANSPARENCIES = 1, (1, 2, 999)
"""Meanings of an extra channel: alpha that the colors are multiplied with; all that are alpha (999 is Corel's)."""

RAW_FORMATS = {"canon": "CR2", "hasselblad": "3FR", "nikon": "NEF", "pentax": "PEF", "samsung": "SRW", "sony": "ARW"}
"""First word of a camera's maker → what its raw files are called."""

PARTS = {STRIPS, STRIP_SIZES, TILES, TILE_SIZES}
"""The fields with a number for each part of the picture; of channels that lie apart first all of one, then the next."""

UNCOMPRESSED, JPEG_NOW, PACKBITS, PILLOWS = 1, 7, 32773, {6, 34925, 50000}
"""In the field COMPRESSION: none, JPEG as it is now, runs of bytes, and what Pillow can read and libvips cannot, which
is JPEG as it was first, LZMA and Zstandard."""

FAXES = {2, 3, 4, 32771}
"""In the same field: the codes of faxes."""

NONE = 1
"""In the field PREDICTOR: the numbers are themselves, not what they differ by from others."""

TOGETHER, APART = 1, 2
"""In the field PLANES: how the channels lie."""

MOST_CHANNELS, MOST_OF_LONG = 64, (1 << 32) - 1

MOST_PREVIEWS = 8
"""Smaller pictures that may lie in front of the one that they are of."""

SCALES = {(1 << bits) - 1 for bits in range(9, 16)}
"""Values of MOST (MaxSampleValue) that tell how many of 16 bits count, as programs of microscopes and scanners have it.
Any other is what the standard means, the largest value that happens to be there, and says nothing of white."""

DEPTHS = {1: 8, 2: 8, 4: 8, 8: 8, 16: 16, 32: 16, 64: 16}
"""Bits of a channel in the file → bits when it is read."""


def contents(file: BinaryIO) -> Contents:
    """What a TIFF file holds first, but for previews of that.

    Raises ``ValueError`` for one that is damaged or of an unknown kind, :class:`Foreign` for a camera's raw file.
    """
    reader = Reader(file)
    fields = reader.first(TOLD)
    _refuse_raw(reader, fields)
    page, reader.start = _main_picture(reader)
    if page:
        fields = reader.directory(reader.start, TOLD)
    is_guessed = fields and COLORS not in fields
    if is_guessed:
        fields[COLORS] = _short(reader.order, _usual_colors(reader, fields))
    colors = reader.number(fields, COLORS, -1)
    _check(reader, fields, colors)
    size = reader.number(fields, WIDTH, 0), reader.number(fields, HEIGHT, 0)
    samples, bits = reader.number(fields, SAMPLES, 1), reader.number(fields, BITS, 1)
    kind = reader.number(fields, FORMAT, FROM_ZERO)
    found = Contents(*size, samples if colors != PALETTE else 3, DEPTHS[bits], loader="tiff", is_shown_in_part=True)
    found.is_floating = kind == FLOATING
    if is_guessed:
        found.warnings.append("does not say what its numbers mean; they are taken for what is usual")
    is_deep = bits == 16 and kind in PLAIN and colors in (GRAY, RGB)
    if is_deep and len(most := {*reader.numbers(fields, MOST)} & SCALES) == 1:
        (found.white,) = most
    _add_extra(found, reader, fields, samples - CHANNELS[colors])
    if colors in LABS:
        found.lab = colors
        fields[COLORS] = _short(reader.order, RGB)
    if colors == INVERSE_GRAY and kind not in PLAIN:  # libvips takes these as they are
        found.is_inverse = True
        fields[COLORS] = _short(reader.order, GRAY)
    _add_beside(found, reader, fields)
    if reader.number(fields, COMPRESSION, UNCOMPRESSED) == UNCOMPRESSED:
        _trim(reader, fields)
    _add_pixels(found, file, reader, fields, page)
    return found


def _usual_colors(reader: Reader, fields: Directory) -> int:
    """The color model of a file that does not name it: faxes count from white."""
    if reader.number(fields, COMPRESSION, UNCOMPRESSED) in FAXES:
        return INVERSE_GRAY
    return RGB if reader.number(fields, SAMPLES, 1) >= CHANNELS[RGB] else GRAY


def _add_pixels(found: Contents, file: BinaryIO, reader: Reader, fields: Directory, page: int) -> None:
    """Say what decodes the pixels, and what it has to hold for that."""
    samples, bits = reader.number(fields, SAMPLES, 1), reader.number(fields, BITS, 1)
    colors = reader.number(fields, COLORS, -1)
    strip = min(found.height, reader.number(fields, ROWS_PER_STRIP, found.height))
    found.held = found.width * strip * samples * bits // 8
    if _is_for_pillow(reader, fields) and not found.lab:
        found.decode, found.held = functools.partial(pillow.decoded, file, "TIFF", page), 5 * found.width * found.height
        found.colors = 3 if colors == PALETTE else CHANNELS[colors]
        if found.exif.is_sideways:  # Pillow turns TIFF files by itself
            found.width, found.height = found.height, found.width
        found.exif.main.pop(exifs.ORIENTATION, None)
        found.is_cut = _is_cut(reader, fields)
    else:
        _add_streams(found, file, reader, fields)


def _add_streams(found: Contents, file: BinaryIO, reader: Reader, fields: Directory) -> None:
    """Give libvips what it can decode: parts of a byte, or of 64 bits, side by side are a wide gray picture to it."""
    assert reader.layout is not None
    samples, bits = reader.number(fields, SAMPLES, 1), reader.number(fields, BITS, 1)
    is_apart = samples > 1 and reader.number(fields, PLANES, TOGETHER) == APART
    parts = (1 if is_apart or 8 <= bits <= 32 else samples) * (2 if bits > 32 else 1)
    colors = CHANNELS[reader.number(fields, COLORS, -1)]
    directories = [fields]
    if is_apart:  # of the channels behind the colors only the transparency is looked at
        seen = [*range(colors), *(colors + place for place in (found.alpha,) if place >= 0)]
        directories = [_plane(reader, fields, channel, samples) for channel in seen]
        found.alpha = min(0, found.alpha)
    found.is_cut = any(_is_cut(reader, each) for each in directories)
    if is_apart or parts > 1:
        found.colors = colors
    if parts > 1:
        directories = [_unfolded(reader, each, parts, min(bits, 32)) for each in directories]
        found.folded = parts
    if bits > 32:  # they are held as they are stored, with their bytes in order, and at last in 32 bits
        found.doubles, found.held = reader.order, found.width * found.height * samples * (2 * bits + 32) // 8
    streams = [stream(file, reader.layout, each) for each in directories]
    if is_apart:
        found.planes = streams
    else:
        found.stream = streams[0]


def _trim(reader: Reader, fields: Directory) -> None:
    """Let no uncompressed part of the picture claim more bytes than its rows take: nobody needs them to be there."""
    samples = reader.number(fields, SAMPLES, 1) if reader.number(fields, PLANES, TOGETHER) == TOGETHER else 1
    bits, height = samples * reader.number(fields, BITS, 1), reader.number(fields, HEIGHT, 0)
    row, row_of_tile = ((bits * reader.number(fields, tag, 0) + 7) // 8 for tag in (WIDTH, TILE_WIDTH))
    rows = max(1, reader.number(fields, ROWS_PER_STRIP, height))
    strips = (row * min(rows, height - top) for top in itertools.cycle(range(0, height, rows)))
    tiles = itertools.repeat(row_of_tile * reader.number(fields, TILE_HEIGHT, 0))
    for tag, needed in ((STRIP_SIZES, strips), (TILE_SIZES, tiles)):
        if sizes := [*map(min, reader.numbers(fields, tag), needed)]:
            kind = fields[tag].kind
            made = struct.pack(f"{reader.order}{len(sizes)}{exifs.WHOLE_NUMBERS[kind]}", *sizes)
            fields[tag] = Field(kind, len(sizes), made)


def _is_cut(reader: Reader, fields: Directory) -> bool:
    """Whether the file ends before a part of the picture, as far as it says where that is."""
    ends = (
        map(operator.add, reader.numbers(fields, starts), reader.numbers(fields, sizes))
        for starts, sizes in ((STRIPS, STRIP_SIZES), (TILES, TILE_SIZES))
    )
    return any(end > reader.size for end in itertools.chain.from_iterable(ends))


def _is_for_pillow(reader: Reader, fields: Directory) -> bool:
    """Whether libvips has no decoder for it, or takes luminance and chroma as the numbers that they are."""
    compression, colors = reader.number(fields, COMPRESSION, 1), reader.number(fields, COLORS, -1)
    is_rare = compression in PILLOWS or (colors == CHROMA and compression != JPEG_NOW)
    is_plain = reader.number(fields, BITS, 1) == 8 and reader.number(fields, FORMAT, FROM_ZERO) in PLAIN
    return is_rare and is_plain


def _refuse_raw(reader: Reader, fields: Directory) -> None:
    """Raise :class:`Foreign` where the first picture is a sensor's, or a thumbnail of one that lies deeper."""
    width, colors = reader.number(fields, WIDTH, 0), reader.number(fields, COLORS, -1)
    is_small = bool(reader.number(fields, KIND, 0) & SMALLER)
    deeper = [reader.directory(offset, {WIDTH}) for offset in reader.numbers(fields, SUB_DIRECTORIES)[:8] if is_small]
    if DNG in fields:
        raise Foreign(f"{RAW} (DNG)")
    if colors in OF_SENSORS or any(reader.number(each, WIDTH, 0) > width for each in deeper):
        maker = text(fields[MAKE].value) if MAKE in fields else ""
        name = RAW_FORMATS.get(maker.partition(" ")[0].lower(), maker)
        raise Foreign(f"{RAW} ({name})" if name else RAW)


def _main_picture(reader: Reader) -> tuple[int, int]:
    """Number and place of the first directory that is not of what belongs to another; of the first if there is none."""
    start = reader.start
    for page in range(MOST_PREVIEWS):
        if not reader.layout or not start:
            break
        if not _belongs_to_another(reader, start):
            return page, start
        start = reader.following(start)
    return 0, reader.start


def _belongs_to_another(reader: Reader, start: int) -> bool:
    return bool(reader.number(reader.directory(start, {KIND}), KIND, 0) & (SMALLER | MASK))


def _check(reader: Reader, fields: Directory, colors: int) -> None:
    """Raise ``ValueError`` for what is no picture of known numbers in a color model that is known here."""
    bits, samples = {*(reader.numbers(fields, BITS) or (1,))}, reader.number(fields, SAMPLES, 1)
    kinds = {*(reader.numbers(fields, FORMAT) or (FROM_ZERO,))}
    if not fields or STRIPS not in fields and TILES not in fields and JPEG not in fields:
        raise ValueError("it has no pixels")
    is_packed = max(bits) < 8 and samples > 1 and reader.number(fields, PLANES, TOGETHER) == TOGETHER
    is_known = len(bits) == len(kinds) == 1 and bits <= {*NUMBERS.get(max(kinds), ())}
    is_readable = not is_packed or colors in (GRAY, RGB, INKS)
    if max(bits) > 32:
        is_readable = reader.number(fields, PREDICTOR, NONE) == NONE
    is_plain = kinds <= PLAIN and max(bits) <= 16
    if samples < CHANNELS.get(colors, samples + 1):
        raise ValueError("its color model is unknown here")
    if not is_known or not is_readable or not (is_plain or colors in (INVERSE_GRAY, GRAY, RGB)):
        raise ValueError("its channels are not numbers of 8, 16 or 32 bits")
    if samples > MOST_CHANNELS:
        raise ValueError(f"it has {samples} channels")


def _add_extra(found: Contents, reader: Reader, fields: Directory, count: int) -> None:
    """Say which of the channels behind the colors is the transparency. The first one is where nothing is declared."""
    meanings = reader.numbers(fields, EXTRA) or (2,) * count
    alphas = [place for place, meaning in enumerate(meanings[:count]) if meaning in TRANSPARENCIES]
    found.alpha = alphas[0] if alphas else -1
    found.is_premultiplied = bool(alphas) and meanings[alphas[0]] == ASSOCIATED
    if count > bool(alphas):
        found.warnings.append("has channels beyond color and transparency, which were left out")
    fields.pop(EXTRA, None)
    if count:
        fields[EXTRA] = Field(SHORT, count, bytes(2 * count))


def _add_beside(found: Contents, reader: Reader, fields: Directory) -> None:
    """What does not concern the pixels."""
    beside = {tag: fields[tag].value for tag in (XMP, IPTC, PROFILE, PHOTOSHOP) if tag in fields}
    found.exif = exifs.of_directory(reader, fields)
    found.xmp, found.profile = beside.get(XMP, b""), beside.get(PROFILE) or profiles.of_exif(found.exif)
    add_photoshop(found, beside.get(PHOTOSHOP, b""))
    found.iptc = beside.get(IPTC, found.iptc)
    second = reader.following(reader.start)
    if second and not _belongs_to_another(reader, second):
        found.warnings.append("has several pages; its first one is taken")


def _plane(reader: Reader, fields: Directory, channel: int, samples: int) -> Directory:
    """The directory of one channel that lies apart from the others, as of a gray picture."""
    found = {tag: field for tag, field in fields.items() if tag != EXTRA}
    for tag in PARTS & fields.keys():
        kind, many, value = fields[tag]
        size = len(value) // samples
        found[tag] = Field(kind, many // samples, value[channel * size : (channel + 1) * size])
    inverse = channel == 0 and reader.number(fields, COLORS, GRAY) == INVERSE_GRAY
    bits, kind = reader.number(fields, BITS, 1), reader.number(fields, FORMAT, FROM_ZERO)
    return found | _of_one_channel(reader.order, INVERSE_GRAY if inverse else GRAY, bits, kind)


def _unfolded(reader: Reader, fields: Directory, many: int, bits: int) -> Directory:
    """The directory as of a gray picture, each of whose pixels is one of so many parts of a pixel."""
    found = {tag: field for tag, field in fields.items() if tag != EXTRA}
    for tag in {WIDTH, TILE_WIDTH} & fields.keys():
        wide = min(many * reader.number(fields, tag, 0), MOST_OF_LONG)
        found[tag] = Field(LONG, 1, struct.pack(reader.order + "I", wide))
    return found | _of_one_channel(reader.order, GRAY, bits)


def _of_one_channel(order: str, colors: int, bits: int, kind: int = FROM_ZERO) -> Directory:
    plain = {SAMPLES: 1, BITS: bits, FORMAT: kind, PLANES: TOGETHER, COLORS: colors}
    return {tag: _short(order, number) for tag, number in plain.items()}


def _short(order: str, number: int) -> Field:
    return Field(SHORT, 1, struct.pack(order + "H", number))


def stream(file: BinaryIO, layout: Layout, fields: Directory) -> Pieces:
    """The file with another directory, behind its end: of what a decoder needs, and followed by none."""
    size = sources.size(file)
    place = size + size % 2
    directory = {tag: field for tag, field in fields.items() if tag in NEEDED or tag == EXTRA}
    made = exifs.written(layout, directory, place)
    if not layout.is_big and place + len(made) >= 1 << 32:
        raise ValueError("it is larger than such a file can be")
    head = layout.header + layout.offset.pack(place)
    return Pieces(file, [head, range(len(head), size), bytes(size % 2), made])
