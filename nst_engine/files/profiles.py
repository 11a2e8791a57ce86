"""ICC profiles of what files say in other ways.

PNG has a gamma with primaries, or numbers of a table (ITU-T H.273), EXIF the word that the colors are Adobe RGB's.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

from nst_engine.files.exif import Exif

D50 = np.array((0.9642, 1.0, 0.8249))
D65 = (0.3127, 0.329)

SRGB_PRIMARIES = (0.64, 0.33, 0.3, 0.6, 0.15, 0.06)

PRIMARIES = {
    1: (*D65, *SRGB_PRIMARIES),
    4: (0.31, 0.316, 0.67, 0.33, 0.21, 0.71, 0.14, 0.08),
    5: (*D65, 0.64, 0.33, 0.29, 0.6, 0.15, 0.06),
    6: (*D65, 0.63, 0.34, 0.31, 0.595, 0.155, 0.07),
    7: (*D65, 0.63, 0.34, 0.31, 0.595, 0.155, 0.07),
    8: (0.31, 0.316, 0.681, 0.319, 0.243, 0.692, 0.145, 0.049),
    9: (*D65, 0.708, 0.292, 0.17, 0.797, 0.131, 0.046),
    11: (0.314, 0.351, 0.68, 0.32, 0.265, 0.69, 0.15, 0.06),
    12: (*D65, 0.68, 0.32, 0.265, 0.69, 0.15, 0.06),
    22: (*D65, 0.63, 0.34, 0.295, 0.605, 0.155, 0.077),
}
"""H.273's numbers of primaries → x and y of white, red, green and blue."""

SRGB_CURVE = (2.4, 1 / 1.055, 0.055 / 1.055, 1 / 12.92, 0.04045)
CAMERA_CURVE = (1 / 0.45, 1 / 1.099, 0.099 / 1.099, 1 / 4.5, 0.081)
PQ, HLG = 16, 18
CURVES = {
    **dict.fromkeys((1, 6, 14, 15), CAMERA_CURVE),
    4: (2.2,),
    5: (2.8,),
    8: (1.0,),
    13: SRGB_CURVE,
}
"""H.273's numbers of transfer functions → parameters of ICC's parametric curves: a gamma, or gamma, a, b, c, d."""

SRGB = (1, 13)

ADOBE_RGB, ADOBE_CURVE = (*D65, 0.64, 0.33, 0.21, 0.71, 0.15, 0.06), (563 / 256,)

PAPER_WHITE = 203 / 10_000
"""What stands for white in pictures with a high dynamic range, of the most that PQ can say (ITU-R BT.2408)."""

BRADFORD = np.array([[0.8951, 0.2664, -0.1614], [-0.7502, 1.7135, 0.0367], [0.0389, -0.0685, 1.0296]])


def of_code_points(primaries: int, transfer: int, matrix: int, is_full_range: int) -> bytes | None:
    """The profile that cICP's four numbers name: empty for sRGB, None for one that is unknown here."""
    if matrix != 0 or is_full_range != 1 or primaries not in PRIMARIES:
        return None
    if (primaries, transfer) == SRGB:
        return b""
    if transfer in (PQ, HLG):
        return _profile(PRIMARIES[primaries], _table(_pq if transfer == PQ else _hlg))
    return _profile(PRIMARIES[primaries], _parametric(CURVES[transfer])) if transfer in CURVES else None


def of_gamma(gamma: float | None, chromaticities: Sequence[float] | None) -> bytes:
    """The profile of gAMA and cHRM (white, red, green, blue: x and y each); sRGB's own where one is missing.

    ``gamma`` is the exponent that encoded the picture, 1/2.2 for example. Raises ``ValueError`` where the numbers
    describe no colors.
    """
    curve = _parametric((1 / gamma,) if gamma else SRGB_CURVE)
    return _profile(chromaticities or PRIMARIES[1], curve)


def of_exif(exif: Exif) -> bytes:
    """The profile that a camera means where it writes none: empty for sRGB."""
    return _profile(ADOBE_RGB, _parametric(ADOBE_CURVE)) if exif.is_adobe_rgb else b""


def _profile(chromaticities: Sequence[float], curve: bytes) -> bytes:
    """A profile of version 4: a matrix to XYZ and one curve for all channels."""
    columns = _to_d50(chromaticities).T
    tags = [(b"wtpt", _xyz(D50)), *zip((b"rXYZ", b"gXYZ", b"bXYZ"), map(_xyz, columns), strict=True)]
    tags += [(name, curve) for name in (b"rTRC", b"gTRC", b"bTRC")]
    table, data = struct.pack(">I", len(tags)), b""
    start = 128 + 4 + 12 * len(tags)
    for name, value in tags:
        table += struct.pack(">4sII", name, start + len(data), len(value))
        data += value + bytes(-len(value) % 4)
    illuminant = _numbers(D50)
    fixed = struct.pack(">I4x4B4s4s4s12x4s28x", start + len(data), 4, 0x30, 0, 0, b"mntr", b"RGB ", b"XYZ ", b"acsp")
    return (fixed + illuminant).ljust(128, b"\0") + table + data


def _to_d50(chromaticities: Sequence[float]) -> NDArray[np.float64]:
    """The matrix from linear RGB to XYZ, adapted to the white of profiles by Bradford's method."""
    pairs = np.array(chromaticities, dtype=np.float64).reshape(4, 2)
    if not (pairs[:, 1] > 0).all():
        raise ValueError("its colors lie nowhere")
    white, *colors = np.column_stack([pairs, 1 - pairs.sum(1)]) / pairs[:, 1:]
    columns = np.stack(colors, axis=1)
    try:
        matrix = columns * np.linalg.solve(columns, white)
    except np.linalg.LinAlgError:
        raise ValueError("its colors lie on a line") from None
    scale = np.diag((BRADFORD @ D50) / (BRADFORD @ white))
    found: NDArray[np.float64] = np.linalg.inv(BRADFORD) @ scale @ BRADFORD @ matrix
    if not (np.isfinite(found).all() and np.abs(found).max() < 100):
        raise ValueError("its colors lie nowhere")
    return found


def _parametric(parameters: Sequence[float]) -> bytes:
    """ICC's curve of type 0 (a power) or 3 (a power with a straight beginning)."""
    kind = {1: 0, 5: 3}[len(parameters)]
    return struct.pack(">4s4xHxx", b"para", kind) + _numbers(parameters)


def _table(curve: Callable[[NDArray[np.float64]], NDArray[np.float64]]) -> bytes:
    """A curve by 4096 of its values; what is brighter than paper is cut."""
    values = np.rint(65535 * np.minimum(curve(np.linspace(0, 1, 4096)), 1)).astype(">u2")
    return struct.pack(">4s4xI", b"curv", len(values)) + bytes(values)


def _pq(signal: NDArray[np.float64]) -> NDArray[np.float64]:
    """Light of a signal in parts of white paper (SMPTE ST 2084)."""
    m1, m2, c1, c2, c3 = 2610 / 16384, 2523 / 32, 107 / 128, 2413 / 128, 2392 / 128
    root = signal ** (1 / m2)
    light: NDArray[np.float64] = (np.maximum(root - c1, 0) / (c2 - c3 * root)) ** (1 / m1) / PAPER_WHITE
    return light


def _hlg(signal: NDArray[np.float64]) -> NDArray[np.float64]:
    """Light of a signal in parts of white paper, whose signal is 0.75 (ARIB STD-B67, without the display's part)."""
    a, b, c = 0.17883277, 0.28466892, 0.55991073
    paper = (np.exp((0.75 - c) / a) + b) / 12
    light: NDArray[np.float64] = np.where(signal <= 0.5, signal**2 / 3, (np.exp((signal - c) / a) + b) / 12) / paper
    return light


def _xyz(values: NDArray[np.float64]) -> bytes:
    return b"XYZ \0\0\0\0" + _numbers(values)


def _numbers(values: Sequence[float] | NDArray[np.float64]) -> bytes:
    """Numbers as ICC writes them, in parts of 65536."""
    return b"".join(struct.pack(">i", max(-(1 << 31), min((1 << 31) - 1, round(value * 65536)))) for value in values)
