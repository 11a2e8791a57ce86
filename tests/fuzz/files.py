"""Files with damage: pictures and networks are read or refused in a sentence, in bounded time and memory."""

from __future__ import annotations

import functools
import io
import struct
import sys
import tempfile
import time
import zlib
from collections.abc import Callable
from pathlib import Path
from unittest import mock

import numpy as np
import safetensors.torch
import torch
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from nst_engine import memory
from nst_engine.errors import NetworkError, PictureError
from nst_engine.files import reading
from nst_engine.network import conversion, library
from nst_engine.network.layers import CONVOLUTIONS

sys.path.insert(0, str(Path(__file__).parents[1]))

import picture_files
import published

SECONDS = 60
MEGABYTES = 3000
"""How long a file may take, and how much more memory than any before it: bounds to bear, no measurement."""

MARKS = (
    b"",
    b"\0",
    b"\xff",
    b"\x7f\xff\xff\xff",
    b"\xff\xff\xff\xff",
    b"\0\0\0\0",
    b"\1\0\0\0",
    b"\0\0\0\1",
    b"\x00\x10\x00\x00",
)

VALUES = np.random.default_rng(4).integers(0, 256, (20, 30, 3)).astype(np.uint8)


def encoded(image_format: str, **options: object) -> bytes:
    file = io.BytesIO()
    Image.fromarray(VALUES).save(file, image_format, **options)
    return file.getvalue()


@functools.cache
def pictures() -> dict[str, bytes]:
    """A small file of each kind, many with EXIF."""
    block = picture_files.exif()
    kinds = ("png8", "png16", "jpg8", "tif8", "tif16", "webp8")
    frames = [Image.fromarray(np.roll(VALUES, shift, axis=1)) for shift in range(2)]
    colors = {"gAMA": struct.pack(">I", 50000), "iTXt": b"XML:com.adobe.xmp\0\1\0\0\0" + zlib.compress(b"<rdf:RDF/>")}
    return {
        **{kind: picture_files.camera_file(kind, VALUES) for kind in kinds},
        "colors.png": picture_files.png(VALUES, **colors, cICP=bytes((9, 16, 0, 1))),
        "palette.png": picture_files.png(VALUES[..., :1], tRNS=b"\0\1"),
        "big.tif": picture_files.tiff(VALUES, ">", big=True, fields=picture_files.camera_fields()),
        "lab.tif": picture_files.tiff(VALUES, photometric=8),
        "floating.tif": picture_files.tiff((VALUES / 255).astype(np.float32), sample_format=3),
        "apart.tif": picture_files.tiff(VALUES, planes=True),
        "tiles.tif": picture_files.tiled_tiff(VALUES, 16, apart=True),
        "lzw.tif": encoded("TIFF", compression="tiff_lzw"),
        "jpeg.tif": encoded("TIFF", compression="jpeg"),
        "progressive.jpg": encoded("JPEG", progressive=True, dpi=(300, 300), comment="by me", exif=block),
        "lossy.webp": encoded("WEBP", exif=block, xmp=b"<rdf:RDF/>"),
        "frames.webp": encoded("WEBP", save_all=True, append_images=frames),
        "frames.gif": encoded("GIF", save_all=True, append_images=frames, comment=b"by me"),
        "a.bmp": encoded("BMP"),
        "a.psd": picture_files.psd(VALUES),
        "packed.psb": picture_files.psd(VALUES, ["Transparency"], packed=True, large=True),
        "doubles.tif": picture_files.tiff(VALUES / 255, sample_format=3),
        "a.avif": encoded("AVIF", exif=block),
        "a.heic": (Path(__file__).parents[1] / "pictures/corner.heic").read_bytes(),
    }


@functools.cache
def weights() -> dict[str, bytes]:
    """A small network in each of the layouts that are read."""
    network = published.features(published.SLIM)
    state = published.state_dict(network)
    zipped, legacy = io.BytesIO(), io.BytesIO()
    torch.save(state, zipped)
    torch.save(state, legacy, _use_new_zipfile_serialization=False)
    names = zip(CONVOLUTIONS, [layer for layer in network if hasattr(layer, "weight")], strict=True)
    own = {f"{name}.{part}": getattr(layer, part).data for name, layer in names for part in ("weight", "bias")}
    metadata = {"input": library.BGR_BYTES, "mean": "1,2,3"}
    return {
        "zip.pth": zipped.getvalue(),
        "legacy.pth": legacy.getvalue(),
        "plain.safetensors": safetensors.torch.save(state),
        "own.safetensors": safetensors.torch.save(own, metadata),
    }


places = st.floats(0, 1, exclude_max=True) | st.floats(0, 0.05)
edits = st.lists(st.tuples(places, st.sampled_from(MARKS) | st.binary(max_size=4), st.integers(0, 6)), max_size=6)
lengths = st.just(1.0) | st.floats(0, 1)


def damaged(data: bytes, changes: list[tuple[float, bytes, int]], length: float) -> bytes:
    """The file with these bytes in the place of so many, each somewhere, and only a part of it."""
    for place, new, count in changes:
        start = int(place * len(data))
        data = data[:start] + new + data[start + count :]
    return data[: int(length * len(data))]


def summed(png: bytes) -> bytes:
    """The PNG file with right checksums, so that damage gets past them."""
    found, start = png[:8], 8
    while start + 12 <= len(png):
        end = start + 8 + int.from_bytes(png[start : start + 4], "big")
        found += png[start:end] + struct.pack(">I", zlib.crc32(png[start + 4 : end]))
        start = end + 4
    return found + png[start:]


def in_bounds(work: Callable[[], None]) -> None:
    """Do it, in the time and with the memory that there is for it."""
    started, held = time.monotonic(), memory.peak()
    work()
    assert time.monotonic() - started < SECONDS
    assert memory.peak() - held < MEGABYTES * 10**6


@given(st.sampled_from(sorted(pictures())), edits, lengths, st.booleans())
def a_damaged_picture_is_read_or_refused_in_a_sentence(
    kind: str, changes: list[tuple[float, bytes, int]], length: float, has_right_sums: bool
) -> None:
    data = damaged(pictures()[kind], changes, length)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "picture"
        path.write_bytes(summed(data) if has_right_sums and data.startswith(b"\x89PNG") else data)
        in_bounds(lambda: _read(path))


def _read(path: Path) -> None:
    try:
        picture = reading.read(path)
        assert picture.pixels.dtype in (np.uint8, np.uint16)
        assert picture.pixels.ndim == 3
        assert picture.pixels.shape[2] in (3, 4)
        assert all(warning.endswith(".") for warning in picture.warnings)
    except PictureError as error:
        assert error.message.endswith(".")
        assert error.remedy.endswith(".")


@given(st.sampled_from(sorted(weights())), edits, lengths)
def a_damaged_network_is_loaded_or_refused_in_a_sentence(
    kind: str, changes: list[tuple[float, bytes, int]], length: float
) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / kind
        path.write_bytes(damaged(weights()[kind], changes, length))
        with mock.patch.object(library, "networks_folder", lambda: Path(folder) / "networks"):
            in_bounds(lambda: _load(path))


def _load(path: Path) -> None:
    for use in (library.load, lambda name: conversion.add(name, "mine")):
        try:
            use(str(path))
        except NetworkError as error:
            assert error.message.endswith(".")


PROPERTIES = (a_damaged_picture_is_read_or_refused_in_a_sentence, a_damaged_network_is_loaded_or_refused_in_a_sentence)
