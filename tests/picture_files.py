"""PNG, TIFF and EXIF written byte by byte, by nobody whose reading is under test."""

from __future__ import annotations

import io
import itertools
import struct
import zlib

import numpy as np
from PIL import Image

LETTERS = {1: "B", 2: "s", 3: "H", 4: "I", 5: "I", 7: "s", 10: "i"}
MARKS = {"<": b"II*\0", ">": b"MM\0*"}
BIG_MARKS = {"<": b"II+\0\x08\0\0\0", ">": b"MM\0+\0\x08\0\0"}

KINDS = ["png8", "png16", "jpg8", "tif8", "tif16", "webp8"]
"""Endings of files, with the bits per channel."""

MAKER_NOTE = bytes(range(256)) * 3
ARTIST = "Jörg Müller".encode() + b"\0"
LATITUDE = (48, 1, 51, 1, 2999, 100)
THUMBNAIL = b"\xff\xd8 the old picture, small \xff\xd9"


def directory(order, entries, offset, following=b"", big=False):
    """A directory of TIFF: ``entries`` maps a tag to (kind, values) or to the entries of a directory below."""
    place = order + ("Q" if big else "I")
    wide = struct.calcsize(place)
    head, tail = struct.pack(order + ("Q" if big else "H"), len(entries)), b""
    start = offset + len(head) + (4 + 2 * wide) * len(entries) + wide
    for tag, entry in sorted(entries.items()):
        if isinstance(entry, dict):
            kind, number, data = 4, 1, struct.pack(order + "I", start + len(tail))
            tail += directory(order, entry, start + len(tail), big=big)
        else:
            kind, values = entry
            data = values if isinstance(values, bytes) else struct.pack(f"{order}{len(values)}{LETTERS[kind]}", *values)
            number = len(values) // (2 if kind in (5, 10) else 1)
            if len(data) > wide:
                data, tail = struct.pack(place, start + len(tail)), tail + data + bytes(len(data) % 2)
        head += struct.pack(order + "HH", tag, kind) + struct.pack(place, number) + data.ljust(wide, b"\0")
    end = struct.pack(place, start + len(tail)) if following else bytes(wide)
    return head + end + tail + following


def camera_fields(orientation=6, maker_note=MAKER_NOTE):
    """What a camera writes about a picture of 30×20."""
    return {
        0x0112: (3, [orientation]),
        0x0131: (2, b"Firmware 1.0\0"),
        0x013B: (2, ARTIST),
        0x0213: (3, [2]),
        0x8769: {
            0x829A: (5, [1, 250]),
            0x9204: (10, [-2, 3]),
            0x927C: (7, maker_note),
            0xA001: (3, [0xFFFF]),
            0xA002: (4, [30]),
            0xA003: (4, [20]),
            0xA005: {1: (2, b"R03\0")},
        },
        0x8825: {0: (1, b"\2\3\0\0"), 1: (2, b"N\0"), 2: (5, LATITUDE)},
    }


def exif(order="<", fields=None):
    """A block of EXIF with a thumbnail in its second directory."""
    fields = fields or camera_fields()
    start = 8 + len(directory(order, fields, 8))
    small = {0x0201: (4, [start + 2 + 24 + 4]), 0x0202: (4, [len(THUMBNAIL)])}
    thumbnail = directory(order, small, start) + THUMBNAIL
    return b"Exif\0\0" + MARKS[order] + struct.pack(order + "I", 8) + directory(order, fields, 8, thumbnail)


def png(values, exif=b"", **chunks):
    """A PNG file of H×W×channels values (uint8 or uint16); chunks by name."""
    height, width, channels = values.shape
    rows = values.astype(values.dtype.newbyteorder(">")).reshape(height, -1).view(np.uint8)
    data = np.concatenate([np.zeros((height, 1), np.uint8), rows], axis=1).tobytes()
    header = struct.pack(">IIBBBBB", width, height, values.itemsize * 8, {1: 0, 2: 4, 3: 2, 4: 6}[channels], 0, 0, 0)
    before = {**({"eXIf": exif.removeprefix(b"Exif\0\0")} if exif else {}), **chunks}
    parts = [("IHDR", header), *before.items(), ("IDAT", zlib.compress(data)), ("IEND", b"")]
    return b"\x89PNG\r\n\x1a\n" + b"".join(chunk(name, content) for name, content in parts)


def chunk(name, content):
    """A chunk of a PNG file."""
    sum_of_both = zlib.crc32(name.encode() + content)
    return struct.pack(">I", len(content)) + name.encode() + content + struct.pack(">I", sum_of_both)


def psd(values, names=(), layers=b"", is_merged=True, packed=False, large=False, model=None, palette=b"", width=None):
    """A PSD file of H×W×channels values at 300 dpi, or a ``large`` one (PSB); ``names`` are of channels beyond colors.

    Of a bitmap, whose values hold eight pixels each, the ``width`` in pixels is given.
    """
    height, columns, channels = values.shape
    bits, model = 1 if model == 0 else 8 * values.itemsize, (1 if channels == 1 else 3) if model is None else model
    head = b"8BPS" + struct.pack(">H6xHIIHH", 2 if large else 1, channels, height, width or columns, bits, model)
    resolution = struct.pack(">I2HI2H", 300 << 16, 1, 1, 300 << 16, 1, 1)
    resources = b"8BIM" + struct.pack(">HHI", 0x03ED, 0, len(resolution)) + resolution
    resources += b"8BIM" + struct.pack(">HHIIB", 1057, 0, 5, 1, is_merged) + bytes(1)
    if names:
        named = b"".join(bytes([len(name)]) + name.encode() for name in names)
        resources += b"8BIM" + struct.pack(">HHI", 1006, 0, len(named)) + named + bytes(len(named) % 2)
    parts = b"".join(struct.pack(">I", len(part)) + part for part in (palette, resources))
    parts += struct.pack(">Q" if large else ">I", len(layers)) + layers
    planes = np.moveaxis(values.astype(values.dtype.newbyteorder(">")), 2, 0)
    if not packed:
        return head + parts + b"\0\0" + planes.tobytes()
    rows = [packbits(row.tobytes()) for plane in planes for row in plane]
    table = struct.pack(f">{len(rows)}{'I' if large else 'H'}", *map(len, rows))
    return head + parts + b"\0\1" + table + b"".join(rows)


def packbits(data):
    """Bytes as Macintosh packs them: runs of one, and stretches of different ones."""
    runs = [(value, len(list(group))) for value, group in itertools.groupby(data)]
    short = [(value, min(128, many - start)) for value, many in runs for start in range(0, many, 128)]
    return b"".join(bytes([257 - many, value]) if many > 1 else bytes([0, value]) for value, many in short)


def tiff(values, order="<", photometric=None, alpha=2, planes=False, sample_format=1, fields=None, big=False):
    """An uncompressed TIFF file of H×W×channels values; ``fields`` are more entries of its directory."""
    height, width, channels = values.shape
    if photometric is None:
        photometric = 2 if channels >= 3 else 1
    ordered = values.astype(values.dtype.newbyteorder(order))
    data = (np.moveaxis(ordered, 2, 0) if planes else ordered).tobytes()
    strips = channels if planes else 1
    size = len(data) // strips
    entries = {
        0x0100: (4, [width]),
        0x0101: (4, [height]),
        0x0102: (3, [values.itemsize * 8] * channels),
        0x0103: (3, [1]),
        0x0106: (3, [photometric]),
        0x0111: (4, [(16 if big else 8) + strip * size for strip in range(strips)]),
        0x0115: (3, [channels]),
        0x0116: (4, [height]),
        0x0117: (4, [size] * strips),
        0x011C: (3, [2 if planes else 1]),
        0x0153: (3, [sample_format] * channels),
        **({0x0152: (3, [alpha])} if alpha is not None and channels in (2, 4) and photometric != 5 else {}),
        **(fields or {}),
    }
    if strips == 1 and len(data) % 2:
        data += b"\0"
    if big:
        end = 16 + len(data)
        return BIG_MARKS[order] + struct.pack(order + "Q", end) + data + directory(order, entries, end, big=True)
    return MARKS[order] + struct.pack(order + "I", 8 + len(data)) + data + directory(order, entries, 8 + len(data))


def tiled_tiff(values, side, apart):
    """An uncompressed TIFF file of H×W×3 values of 8 bits in square tiles; the channels may lie apart."""
    height, width, channels = values.shape
    padded = np.pad(values, ((0, -height % side), (0, -width % side), (0, 0)))
    planes = np.moveaxis(padded, 2, 0)[..., None] if apart else padded[None]
    tiles = [
        plane[top : top + side, left : left + side].tobytes()
        for plane in planes
        for top in range(0, padded.shape[0], side)
        for left in range(0, padded.shape[1], side)
    ]
    starts = [8 + len(tiles[0]) * number for number in range(len(tiles))]
    entries = {
        0x0100: (4, [width]), 0x0101: (4, [height]), 0x0102: (3, [8] * channels), 0x0103: (3, [1]),
        0x0106: (3, [2]), 0x0115: (3, [channels]), 0x011C: (3, [2 if apart else 1]),
        0x0142: (3, [side]), 0x0143: (3, [side]), 0x0144: (4, starts), 0x0145: (4, [len(tiles[0])] * len(tiles)),
    }  # fmt: skip
    data = b"".join(tiles)
    return MARKS["<"] + struct.pack("<I", 8 + len(data)) + data + directory("<", entries, 8 + len(data))


def camera_file(kind, values, order="<", fields=None):
    """The file that a camera would write of H×W×3 values in 8 bits: ``kind`` is its ending, with the bits."""
    fields = fields or camera_fields()
    deep = values.astype(np.uint16) * 257
    if kind == "png16":
        return png(deep, exif=exif(order, fields))
    if kind in ("tif8", "tif16"):
        return tiff(deep if kind == "tif16" else values, order, fields=fields)
    file = io.BytesIO()
    image_format, options = {
        "png8": ("PNG", {}),
        "jpg8": ("JPEG", {"quality": 100, "subsampling": 0}),
        "webp8": ("WEBP", {"lossless": True}),
    }[kind]
    Image.fromarray(values).save(file, image_format, exif=exif(order, fields), **options)
    return file.getvalue()


def ending(kind):
    return kind.rstrip("0123456789")


def bits(kind):
    return int(kind.removeprefix(ending(kind)))


def write(path, image, **options):
    image.save(path, **options)
    return path


def old_jpeg_tiff(values):
    """A TIFF file of H×W×3 values of 8 bits that holds a whole JPEG file, as programs of the nineties had it."""
    file = io.BytesIO()
    Image.fromarray(values).save(file, "JPEG", quality=95, subsampling=0)
    data = file.getvalue()
    entries = {
        0x0100: (4, [values.shape[1]]), 0x0101: (4, [values.shape[0]]), 0x0102: (3, [8] * 3), 0x0103: (3, [6]),
        0x0106: (3, [6]), 0x0111: (4, [8]), 0x0115: (3, [3]), 0x0116: (4, [values.shape[0]]), 0x0117: (4, [len(data)]),
        0x011C: (3, [1]), 0x0200: (3, [1]), 0x0201: (4, [8]), 0x0202: (4, [len(data)]), 0x0212: (3, [1, 1]),
    }  # fmt: skip
    data += bytes(len(data) % 2)
    return MARKS["<"] + struct.pack("<I", 8 + len(data)) + data + directory("<", entries, 8 + len(data))
