"""BMP, GIF and TIFF files whose last bytes are missing: what there is of them is read, with a word."""

from __future__ import annotations

import io

import numpy as np
import picture_files
import pytest
from PIL import Image

from nst_engine.errors import PictureError
from nst_engine.files import reading

HEIGHT, WIDTH = 60, 50


@pytest.fixture
def colors():
    """60×50×3 values without a pattern that a palette has room for."""
    return np.random.default_rng(2).integers(0, 2, (HEIGHT, WIDTH, 3)).astype(np.uint8) * 255


def encoded(image, image_format, **options):
    file = io.BytesIO()
    image.save(file, image_format, **options)
    return file.getvalue()


def read(folder, name, data):
    (folder / name).write_bytes(data)
    return reading.read(folder / name)


@pytest.mark.parametrize("mode", ["L", "P", "RGB", "RGBA"])
@pytest.mark.parametrize("cut", [1, 60, 700])
def test_of_a_bmp_all_whole_rows_are_read(tmp_path, colors, mode, cut):
    data = encoded(Image.fromarray(colors).convert(mode), "BMP")
    whole, picture = read(tmp_path, "a.bmp", data), read(tmp_path, "b.bmp", data[:-cut])
    (told,) = picture.warnings
    assert "its end is missing" in told
    assert reading.is_half(tmp_path / "b.bmp")
    lost = -(-cut // ((WIDTH * {"L": 1, "P": 1, "RGB": 3, "RGBA": 4}[mode] + 3) // 4 * 4))
    assert np.array_equal(picture.pixels[lost:], whole.pixels[lost:])  # it is stored from below


def test_a_bmp_of_which_half_is_missing_is_refused_with_what_is_there(tmp_path, colors):
    data = encoded(Image.fromarray(colors), "BMP")
    with pytest.raises(PictureError, match="its end is missing; 29 of its 60 rows are whole"):
        read(tmp_path, "a.bmp", data[: len(data) // 2])


@pytest.mark.parametrize("interlace", [0, 1])
@pytest.mark.parametrize("cut", [2, 20, 150])
def test_of_a_gif_what_there_is_of_the_last_block_is_read(tmp_path, colors, cut, interlace):
    data = encoded(Image.fromarray(colors).quantize(8), "GIF", interlace=interlace)
    whole, picture = read(tmp_path, "a.gif", data), read(tmp_path, "b.gif", data[:-cut])
    (told,) = picture.warnings
    assert "its end is missing" in told
    same = (picture.pixels[..., :3] == whole.pixels).all(axis=(1, 2)).sum()
    assert same >= HEIGHT - 2 - cut * HEIGHT // len(data) * 2


@pytest.mark.parametrize("cut", [1, 100])
def test_of_a_tiff_all_whole_rows_are_read(tmp_path, colors, cut):
    data = encoded(Image.fromarray(colors), "TIFF")  # its directory comes first
    picture = read(tmp_path, "a.tif", data[:-cut])
    (told,) = picture.warnings
    assert "its end is missing" in told
    assert np.array_equal(picture.pixels[:-1], colors[:-1])


def test_what_is_odd_about_a_damaged_picture_is_said_once(tmp_path, colors):
    values = picture_files.png(colors, iCCP=b"a\0\0" + b"no profile")
    damaged = bytearray(values)
    damaged[-13] ^= 1
    told = read(tmp_path, "a.png", bytes(damaged)).warnings
    assert len(told) == len(set(told)) == 2
