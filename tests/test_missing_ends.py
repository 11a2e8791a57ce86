"""BMP, GIF and TIFF files whose last bytes are missing: what there is of them is read, with a word."""

from __future__ import annotations

import io
import zlib

import numpy as np
import picture_files
import pytest
import pyvips
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
@pytest.mark.parametrize("cut", [4, 60, 700])
def test_of_a_bmp_all_whole_rows_are_read(tmp_path, colors, mode, cut):
    data = encoded(Image.fromarray(colors).convert(mode), "BMP")
    whole, picture = read(tmp_path, "a.bmp", data), read(tmp_path, "b.bmp", data[:-cut])
    (told,) = picture.warnings
    assert "its end is missing" in told
    assert reading.is_half(tmp_path / "b.bmp")
    lost = -(-cut // ((WIDTH * {"L": 1, "P": 1, "RGB": 3, "RGBA": 4}[mode] + 3) // 4 * 4))
    assert np.array_equal(picture.pixels[lost:], whole.pixels[lost:])  # it is stored from below


@pytest.mark.parametrize(("mode", "padding"), [("1", 1), ("L", 2), ("RGB", 2)])
def test_a_bmp_without_the_padding_of_its_last_row_is_whole(tmp_path, colors, mode, padding):
    for part in (colors, colors[:1]):
        data = encoded(Image.fromarray(part).convert(mode), "BMP")
        whole, picture = read(tmp_path, "a.bmp", data), read(tmp_path, "b.bmp", data[:-padding])
        assert np.array_equal(picture.pixels, whole.pixels)
        assert picture.warnings == ()
        assert not reading.is_half(tmp_path / "b.bmp")


@pytest.mark.parametrize(("image_format", "rows"), [("BMP", 29), ("GIF", 28), ("JPEG", 20), ("TIFF", 20)])
def test_half_a_file_is_read_where_editors_show_it_and_how_much_is_there_is_said(tmp_path, colors, image_format, rows):
    image = Image.fromarray(colors).quantize(8) if image_format == "GIF" else Image.fromarray(colors)
    data = encoded(image, image_format)
    if image_format == "TIFF":
        data = in_parts([row.tobytes() for row in colors], {0x0116: (4, [1])}, 0x0111, 0x0117, 0)
    whole, half = (read(tmp_path, "a.png", part) for part in (data, data[: len(data) // 2]))
    told = half.warnings[-1].partition("its end is missing; ")[2]
    found = int(told.removesuffix(" of its 60 rows are whole); what is missing may show."))
    assert abs(found - rows) < 6
    assert (half.pixels == whole.pixels).all(axis=(1, 2)).sum() >= found - 1


def test_a_progressive_jpeg_lacks_detail_alone_once_its_first_scan_is_there(tmp_path):
    values = np.mgrid[0:64, 0:64].sum(0).astype(np.uint8)
    data = encoded(Image.fromarray(values), "JPEG", progressive=True)
    second = data.index(b"\xff\xda", data.index(b"\xff\xda") + 1)
    for end in range(second + 2, len(data) - 2, 7):  # also in the midst of what stands between two scans
        picture = read(tmp_path, "a.jpg", data[:end])
        assert "is damaged (its end is missing)" in picture.warnings[0]
        assert np.abs(picture.pixels[..., 0].astype(int) - values).mean() < 8
    with pytest.raises(PictureError, match="its end is missing"):
        read(tmp_path, "b.jpg", data[: data.index(b"\xff\xda") + 16])


@pytest.mark.parametrize("interlace", [False, True])
def test_half_a_png_is_refused_as_editors_do(tmp_path, colors, interlace):
    data = pyvips.Image.new_from_array(colors, interpretation="srgb").pngsave_buffer(interlace=interlace)
    with pytest.raises(PictureError, match="cannot be read"):
        read(tmp_path, "a.png", data[: len(data) // 2])


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


def in_parts(parts, fields, starts, sizes, beyond):
    """A TIFF file of 60×50×3 values that ends with the last of its parts, which claims some bytes beyond that."""
    lengths = [len(part) for part in parts]
    size = {0x0100: (4, [WIDTH]), 0x0101: (4, [HEIGHT]), 0x0102: (3, [8] * 3), 0x0106: (3, [2]), 0x0115: (3, [3])}
    fields = size | fields | {sizes: (4, [*lengths[:-1], lengths[-1] + beyond]), starts: (4, lengths)}
    first = 8 + len(picture_files.directory("<", fields, 8))
    fields[starts] = (4, [first + sum(lengths[:number]) for number in range(len(parts))])
    return b"II*\0\x08\0\0\0" + picture_files.directory("<", fields, 8) + b"".join(parts)


@pytest.mark.parametrize("apart", [False, True])
def test_of_a_tiff_of_64_bits_all_whole_rows_are_read(tmp_path, colors, apart):
    values = np.moveaxis(colors, 2, 0) if apart else colors[None]
    rows = [zlib.compress(row.tobytes()) for plane in values / 255 for row in plane]
    fields = {0x0102: (3, [64] * 3), 0x0103: (3, [8]), 0x0116: (4, [1]), 0x011C: (3, [1 + apart])}
    fields[0x0153] = 3, [3] * 3
    data = in_parts(rows, fields, 0x0111, 0x0117, 0)
    assert np.array_equal(read(tmp_path, "a.tif", data).pixels // 257, colors)
    cut = read(tmp_path, "a.tif", data[:-10])
    assert "of its 60 rows are whole" in cut.warnings[0]
    assert np.array_equal(cut.pixels[:-1] // 257, colors[:-1])


@pytest.mark.parametrize("beyond", [0, 1, 0xFFFF0000])
def test_a_tiff_with_all_its_rows_is_whole_whatever_size_it_claims(tmp_path, colors, beyond):
    strips = [colors[top : top + 25].tobytes() for top in (0, 25, 50)]
    tiles = [np.resize(colors, (64, 64, 3)).tobytes()]
    for data in (
        in_parts(strips, {0x0116: (4, [25])}, 0x0111, 0x0117, beyond),
        in_parts(tiles, {0x0142: (4, [64]), 0x0143: (4, [64])}, 0x0144, 0x0145, beyond),
    ):
        assert read(tmp_path, "a.tif", data).warnings == ()
        assert not reading.is_half(tmp_path / "a.tif")
        assert "its end is missing" in str(read(tmp_path, "a.tif", data[:-1]).warnings)


def test_what_is_odd_about_a_damaged_picture_is_said_once(tmp_path, colors):
    values = picture_files.png(colors, iCCP=b"a\0\0" + b"no profile")
    damaged = bytearray(values)
    damaged[-13] ^= 1
    told = read(tmp_path, "a.png", bytes(damaged)).warnings
    assert len(told) == len(set(told)) == 2
