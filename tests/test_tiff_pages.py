"""TIFF files with several pictures: which of them is read, and what is said of the others."""

from __future__ import annotations

import struct

import numpy as np
import picture_files
import pytest
from PIL import Image, TiffImagePlugin

from nst_engine.files import reading

KIND, PAGE, SMALLER, MASK = 0x00FE, 2, 1, 4

LARGE = np.arange(24 * 32 * 3, dtype=np.uint8).reshape(24, 32, 3)
SMALL = np.ascontiguousarray(LARGE[::2, ::2])


def pages(*pictures):
    """A TIFF file of pictures of 8 bits, each with what the field KIND says of it."""
    start, data, entries = 8, b"", []
    for values, kind in pictures:
        height, width, channels = values.shape
        entries.append(
            {
                KIND: (4, [kind]),
                0x0100: (4, [width]),
                0x0101: (4, [height]),
                0x0102: (3, [8] * channels),
                0x0103: (3, [1]),
                0x0106: (3, [2]),
                0x0111: (4, [start + len(data)]),
                0x0115: (3, [channels]),
                0x0116: (4, [height]),
                0x0117: (4, [values.nbytes]),
                0x011C: (3, [1]),
            }  # fmt: skip
        )
        data += values.tobytes()
    place = start + len(data)
    directories, lengths = b"", [len(picture_files.directory("<", each, 0)) for each in entries]
    for number in reversed(range(len(entries))):
        directories = picture_files.directory("<", entries[number], place + sum(lengths[:number]), directories)
    return b"II*\0" + struct.pack("<I", place) + data + directories


def read(folder, *pictures):
    (folder / "a.tif").write_bytes(pages(*pictures))
    return reading.read(folder / "a.tif")


def test_of_several_pages_the_first_is_taken_and_that_is_said(tmp_path):
    picture = read(tmp_path, (LARGE, PAGE), (LARGE[::-1], PAGE))
    assert np.array_equal(picture.pixels, LARGE)
    assert ["several pages" in warning for warning in picture.warnings] == [True]


@pytest.mark.parametrize("many", [1, 3])
def test_a_preview_in_front_of_its_picture_is_not_taken_for_it(tmp_path, many):
    picture = read(tmp_path, *[(SMALL, SMALLER)] * many, (LARGE, 0), (SMALL, SMALLER))
    assert np.array_equal(picture.pixels, LARGE)
    assert reading.size(tmp_path / "a.tif") == (24, 32)
    assert picture.warnings == ()


def test_where_all_are_previews_the_first_is_taken(tmp_path):
    assert np.array_equal(read(tmp_path, (LARGE, SMALLER), (SMALL, SMALLER)).pixels, LARGE)


def test_a_mask_is_not_taken_for_the_picture(tmp_path):
    for order in (((LARGE, 0), (SMALL, MASK)), ((SMALL, MASK), (LARGE, 0)), ((LARGE, SMALLER), (SMALL, MASK))):
        picture = read(tmp_path, *order)
        assert np.array_equal(picture.pixels, LARGE)
        assert picture.warnings == ()


@pytest.mark.parametrize("compression", ["zstd", "lzma"])
def test_behind_a_preview_the_picture_is_taken_however_it_is_compressed(tmp_path, compression):
    large, small = Image.fromarray(LARGE), Image.fromarray(np.ascontiguousarray(LARGE[::-1]))
    with TiffImagePlugin.AppendingTiffWriter(tmp_path / "a.tif", new=True) as file:
        for image, kind in ((small, SMALLER), (large, 0)):
            image.save(file, "TIFF", compression=compression, tiffinfo={KIND: kind})
            file.newFrame()
    assert np.array_equal(reading.read(tmp_path / "a.tif").pixels, LARGE)
