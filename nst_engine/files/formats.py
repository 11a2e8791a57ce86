"""The one table of picture formats: how a file of each is known, and what a written one can hold."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any


@dataclass(frozen=True)
class Format:
    """A format that is read: its name, which is Pillow's as well, and the endings of its files, the usual one first."""

    name: str
    endings: tuple[str, ...]
    is_written: bool = False
    has_alpha: bool = True
    has_16_bits: bool = False
    exif_room: int = sys.maxsize
    """Bytes of EXIF that fit in; most formats have room for more than anyone writes."""

    longest_side: int = sys.maxsize
    """Pixels of the longest side that the format, or every program for it, can hold."""

    share: float = 0.3
    """What at least a painting takes of its size in memory as bytes."""

    options: Mapping[str, Any] = field(default_factory=dict)
    """How Pillow is to write it in 8 bits."""


PNG = Format("PNG", (".png",), is_written=True, has_16_bits=True)
JPEG = Format(
    "JPEG",
    (".jpg", ".jpeg", ".jpe", ".jfif"),
    is_written=True,
    has_alpha=False,
    exif_room=65533,
    longest_side=65500,
    share=0.05,
    options={"quality": 95, "subsampling": 0},
)
TIFF = Format(
    "TIFF", (".tif", ".tiff"), is_written=True, has_16_bits=True, options={"compression": "tiff_adobe_deflate"}
)
WEBP = Format("WEBP", (".webp",), is_written=True, longest_side=16383, share=0.05, options={"quality": 95})
GIF = Format("GIF", (".gif",))
BMP = Format("BMP", (".bmp", ".dib"))
PSD = Format("PSD", (".psd", ".psb"))
AVIF = Format("AVIF", (".avif",))
HEIC = Format("HEIC", (".heic", ".heif"))

ALL = (PNG, JPEG, TIFF, WEBP, GIF, BMP, PSD, AVIF, HEIC)

OF_ENDING = {ending: each for each in ALL if each.is_written for ending in each.endings}
"""Ending of a file's name, in small letters → the format to write."""

READ_ENDINGS = {ending: each for each in ALL for ending in each.endings}
"""Ending of a file's name, in small letters → the format that it promises."""

SIGNATURES = (
    (b"\x89PNG\r\n\x1a\n", PNG),
    (b"\xff\xd8\xff", JPEG),
    (b"II*\0", TIFF),
    (b"MM\0*", TIFF),
    (b"II+\0", TIFF),
    (b"MM\0+", TIFF),
    (b"GIF8", GIF),
    (b"BM", BMP),
    (b"8BPS\0\1", PSD),
    (b"8BPS\0\2", PSD),
)
"""How the files begin, but for those in :func:`recognized`."""

MARKS = (*(mark for mark, _ in SIGNATURES), b"RIFF")
SURE = 12
"""Bytes that tell any of those apart."""

BRANDS = {b"avif": AVIF, b"avis": AVIF, **dict.fromkeys((b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx"), HEIC)}
"""Brands in the box ``ftyp`` that begins an HEIF file (ISO/IEC 23008-12)."""

RAW = "a camera's raw file"
CAMERAS = {
    b"FUJIFILMCCD-RAW": "RAF",
    b"IIRO": "ORF",
    b"IIRS": "ORF",
    b"MMOR": "ORF",
    b"IIU\0": "RW2",
    b"FOVb": "X3F",
    b"\0MRM": "MRW",
}
"""How cameras' raw files begin → what they are called."""

RAW_ENDINGS = (
    *(".3fr", ".arw", ".cr2", ".cr3", ".crw", ".dcr", ".dng", ".erf", ".iiq", ".kdc", ".mef", ".mos", ".mrw", ".nef"),
    *(".nrw", ".orf", ".pef", ".raf", ".raw", ".rw2", ".rwl", ".sr2", ".srf", ".srw", ".x3f"),
)

OTHERS = {
    b"\xff\x0a": "a JPEG XL picture",
    b"\0\0\0\x0cJXL ": "a JPEG XL picture",
    b"\0\0\0\x0cjP  ": "a JPEG 2000 picture",
    b"\xff\x4f\xff\x51": "a JPEG 2000 picture",
    b"II\xbc\x01": "a JPEG XR picture",
    b"gimp xcf": "an image of GIMP (XCF)",
    b"DDS ": "a DDS texture",
    b"%!PS": "a PostScript file",
    b"\xc5\xd0\xd3\xc6": "a PostScript file (EPS)",
    b"%PDF": "a PDF file",
    b"v/1\x01": "an OpenEXR picture",
    b"#?RADIANCE": "a Radiance picture (HDR)",
    b"#?RGBE": "a Radiance picture (HDR)",
    b"qoif": "a QOI picture",
    b"\0\0\1\0": "an icon (ICO)",
    b"\0\0\2\0": "a cursor (CUR)",
    b"icns": "an icon (ICNS)",
    b"\x01\xda": "an SGI picture",
    b"\x0a\x05\x01": "a PCX picture",
    b"SIMPLE  =": "a FITS picture",
    b"BPG\xfb": "a BPG picture",
    b"FLIF": "a FLIF picture",
    b"/* XPM */": "an XPM picture",
    b"#define ": "an XBM picture or a program",
    b"<svg": "an SVG drawing",
    b"<?xml": "an XML file, perhaps an SVG drawing",
    **{b"P%d%c" % (digit, end): "a PNM picture" for digit in range(1, 8) for end in b"\n "},
}
"""How files begin that are not read here, but in GIMP → what they are."""

VIDEO, SOUND_OR_VIDEO = "a video", "a sound or video"
NO_PICTURES = {
    b"<!DOCTYPE": "a web page",
    b"<html": "a web page",
    b"version https://git-lfs": "a note of Git LFS on where the file is (git lfs pull fetches it)",
    b"PK\3\4": "a ZIP archive, or a document that is kept in one",
    b"\x1f\x8b": "a compressed file (gzip)",
    b"7z\xbc\xaf": "an archive (7z)",
    b"Rar!": "an archive (RAR)",
    b"\x1aE\xdf\xa3": VIDEO,
    b"OggS": SOUND_OR_VIDEO,
    b"ID3": "a sound",
    b"\x7fELF": "a program",
    b"MZ": "a program",
}
"""How files begin that nobody reads as a picture → what they are."""

ENOUGH = 256
"""Bytes of a file's beginning that tell its format."""


def of_name(path: Path) -> Format | None:
    """The format to write into a file of this name."""
    return OF_ENDING.get(path.suffix.lower())


def recognized(head: bytes) -> Format | str | None:
    """The format of a file by its beginning; what it is, in words, if that is not read; None if it is unknown."""
    if head[:4] == b"RIFF":
        return WEBP if head[8:12] == b"WEBP" else SOUND_OR_VIDEO
    if head[4:8] == b"ftyp":
        return _of_brands(head[8:12], head[16 : int.from_bytes(head[:4], "big")])
    if head[:4] == b"II*\0" and head[8:10] == b"CR":
        return f"{RAW} (CR2)"
    text = head.lstrip().lower()
    for beginning, name in CAMERAS.items():
        if head.startswith(beginning):
            return f"{RAW} ({name})"
    for beginning, found in SIGNATURES:
        if head.startswith(beginning):
            return found
    others = {**OTHERS, **NO_PICTURES}
    return next(
        (words for mark, words in others.items() if head.startswith(mark) or text.startswith(mark.lower())), None
    )


def _of_brands(major: bytes, others: bytes) -> Format | str:
    brands = [major, *(others[start : start + 4] for start in range(0, len(others), 4))]
    if major == b"crx ":
        return f"{RAW} (CR3)"
    if known := next((BRANDS[brand] for brand in brands if brand in BRANDS), None):
        return known
    return "a HEIF picture of an unusual kind" if b"mif1" in brands else VIDEO
