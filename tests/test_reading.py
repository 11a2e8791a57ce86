"""Files of every kind that people have."""

from __future__ import annotations

import io
import struct
import time
import zlib
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import picture_files
import pytest
import pyvips
from picture_files import KINDS, bits, ending, write
from PIL import Image, ImageCms

from nst_engine.errors import PictureError
from nst_engine.files import formats, reading, writing
from nst_engine.files.sources import Pieces
from tests.fuzz.files import pictures

RED = (1.0, 0.0, 0.0, 1.0)


@pytest.mark.parametrize(
    ("mode", "color"), [("RGB", (255, 0, 0)), ("RGBA", (255, 0, 0, 255)), ("CMYK", (0, 255, 255, 0)), ("P", 0)]
)
def test_color_modes(tmp_path, mode, color):
    image = Image.new(mode, (20, 20), color)
    if mode == "P":
        image.putpalette([255, 0, 0])
    path = write(tmp_path / ("a.tif" if mode == "CMYK" else "a.png"), image)
    assert reading.load(path)[5, 5] == pytest.approx(RED, abs=0.02)


@pytest.mark.parametrize(("mode", "gray"), [("L", 128), ("1", 1), ("LA", (128, 128)), ("I;16", 32896)])
def test_gray_modes(tmp_path, mode, gray):
    pixel = reading.load(write(tmp_path / "a.png", Image.new(mode, (20, 20), gray)))[5, 5]
    expected = 1.0 if mode == "1" else 0.502
    assert pixel == pytest.approx((expected, expected, expected, 0.502 if mode == "LA" else 1), abs=0.003)


def test_icc_profile_is_honored(tmp_path):
    srgb = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    swapped = srgb.replace(b"rXYZ", b"????", 1).replace(b"gXYZ", b"rXYZ", 1).replace(b"????", b"gXYZ", 1)
    path = write(tmp_path / "a.png", Image.new("RGB", (20, 20), (0, 255, 0)), icc_profile=swapped)
    assert reading.load(path)[5, 5] == pytest.approx(RED, abs=0.02)


@pytest.mark.parametrize(
    ("name", "channels"),
    [
        *((name, channels) for name in ("a.png", "little.tif", "big.tif") for channels in (1, 2, 3, 4)),
        *(("planes.tif", channels) for channels in (3, 4)),
    ],
)
def test_all_sixteen_bits_are_read(tmp_path, fine, name, channels):
    values = fine[..., :channels]
    options = {"big.tif": {"order": ">"}, "planes.tif": {"planes": True}}.get(name, {})
    encode = picture_files.png if name.endswith("png") else picture_files.tiff
    (tmp_path / name).write_bytes(encode(values, **options))
    picture = reading.read(tmp_path / name)
    assert picture.depth == 16
    colors = values[..., :3] if channels > 2 else np.repeat(values[..., :1], 3, axis=2)
    expected = np.concatenate([colors, values[..., -1:]], 2) if channels in (2, 4) else colors
    assert picture.pixels.dtype == np.uint16
    assert picture.pixels.tolist() == expected.tolist()


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
@pytest.mark.parametrize("channels", [2, 3, 4])
def test_channels_that_lie_apart_are_read_whole(tmp_path, fine, channels, dtype):
    values = (fine[..., :channels] // (65535 // np.iinfo(dtype).max)).astype(dtype)
    (tmp_path / "a.tif").write_bytes(picture_files.tiff(values, planes=True))
    pixels = reading.read(tmp_path / "a.tif").pixels
    expected = values if channels > 2 else np.concatenate([values[..., :1]] * 3 + [values[..., 1:]], axis=2)
    assert np.array_equal(pixels, expected)


@pytest.mark.parametrize("apart", [False, True])
def test_tiles_are_read(tmp_path, apart):
    values = np.random.default_rng(1).integers(0, 256, (40, 50, 3)).astype(np.uint8)
    (tmp_path / "a.tif").write_bytes(picture_files.tiled_tiff(values, 16, apart))
    assert np.array_equal(reading.read(tmp_path / "a.tif").pixels, values)


def test_premultiplied_alpha_is_read_as_straight(tmp_path):
    values = np.full((20, 30, 4), (16384, 8192, 0, 32768), np.uint16)
    (tmp_path / "a16.tif").write_bytes(picture_files.tiff(values, alpha=1))
    (tmp_path / "a8.tif").write_bytes(picture_files.tiff((values // 256).astype(np.uint8), alpha=1))
    for name in ("a16.tif", "a8.tif"):
        assert reading.load(tmp_path / name)[5, 5] == pytest.approx((0.5, 0.25, 0, 0.5), abs=0.005)


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_gray_that_counts_from_white_is_read(tmp_path, dtype):
    values = np.full((20, 30, 1), np.iinfo(dtype).max // 5, dtype)
    (tmp_path / "a.tif").write_bytes(picture_files.tiff(values, photometric=0))
    assert reading.load(tmp_path / "a.tif")[5, 5] == pytest.approx((0.8, 0.8, 0.8, 1), abs=0.003)


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_one_color_declared_transparent(tmp_path, dtype):
    values = np.zeros((20, 30, 3), dtype)
    values[:, :10] = (1, 2, 3)
    (tmp_path / "a.png").write_bytes(picture_files.png(values, tRNS=struct.pack(">3H", 1, 2, 3)))
    alpha = reading.load(tmp_path / "a.png")[..., 3]
    assert (alpha[:, :10] == 0).all()
    assert (alpha[:, 10:] == 1).all()


def test_a_palette_with_transparency(tmp_path):
    image = Image.new("P", (20, 20))
    image.putpalette([255, 0, 0, 0, 255, 0])
    image.paste(1, (10, 0, 20, 20))
    pixels = reading.load(write(tmp_path / "a.png", image, transparency=b"\xff\x40"))
    assert pixels[5, 5] == pytest.approx(RED)
    assert pixels[5, 15] == pytest.approx((0, 1, 0, 0x40 / 255))


def test_cmyk(tmp_path):
    write(tmp_path / "a.jpg", Image.new("CMYK", (20, 20), (0, 255, 255, 0)))  # Adobe's, upside down
    values = np.full((20, 30, 4), (0, 65535, 65535, 0), np.uint16)
    (tmp_path / "a.tif").write_bytes(picture_files.tiff(values, photometric=5))
    for name in ("a.jpg", "a.tif"):
        assert reading.load(tmp_path / name)[5, 5] == pytest.approx(RED, abs=0.02)


def test_cmyk_with_its_profile_is_the_same_in_8_and_16_bits(tmp_path):
    profile = pyvips.Operation.call("profile_load", "cmyk")
    values = np.random.default_rng(4).integers(0, 256, (20, 30, 4)).astype(np.uint8)
    write(tmp_path / "a8.tif", Image.fromarray(values, "CMYK"), icc_profile=profile)
    field = {0x8773: (7, profile)}
    (tmp_path / "a16.tif").write_bytes(picture_files.tiff(values.astype(np.uint16) * 257, photometric=5, fields=field))
    shallow, deep = reading.read(tmp_path / "a8.tif"), reading.read(tmp_path / "a16.tif")
    assert (shallow.depth, deep.depth) == (8, 16)
    assert np.abs(shallow.pixels * 257.0 - deep.pixels).max() < 2.5 * 257
    naive = (1 - values[..., :3] / 255) * (1 - values[..., 3:] / 255)
    assert np.abs(deep.pixels / 65535 - naive).mean() > 0.03


@pytest.mark.parametrize("name", ["a.png", "a.tif"])
def test_a_profile_is_honored_in_all_sixteen_bits(tmp_path, fine, name):
    profile = pyvips.Operation.call("profile_load", "p3")
    colors = 16384 + fine[..., :3] // 2  # no corner of sRGB, so that Display P3 holds them all
    values = pyvips.Image.new_from_array(colors, interpretation="rgb16").copy()
    wide = values.icc_transform("p3", depth=16, input_profile="srgb", intent="relative").numpy()
    assert np.abs(wide.astype(int) - colors).max() > 2000
    whole = np.concatenate([wide, fine[..., 3:]], axis=2)
    if name == "a.png":
        data = picture_files.png(whole, iCCP=b"p3\0\0" + zlib.compress(profile))
    else:
        data = picture_files.tiff(whole, fields={0x8773: (7, profile)})
    (tmp_path / name).write_bytes(data)
    read = reading.load(tmp_path / name) * 65535
    difference = np.abs(read[..., :3] - colors)
    assert difference.max() < 257 / 2  # half a step of 8 bits
    assert difference.mean() < 10
    assert np.abs(read[..., 3] - fine[..., 3]).max() < 0.01
    shallow = Image.fromarray(np.rint(whole / 257).astype(np.uint8))
    with_pillow = reading.load(write(tmp_path / "a8.png", shallow, icc_profile=profile)) * 65535
    assert np.abs(with_pillow - read).max() < 2 * 257


@pytest.mark.parametrize("kind", KINDS)
def test_a_damaged_profile_does_no_harm(tmp_path, corner, kind):
    path = tmp_path / f"a.{ending(kind)}"
    junk = b"no profile " * 30
    if kind == "png16":
        path.write_bytes(picture_files.png(corner.astype(np.uint16) * 257, iCCP=b"a\0\0" + zlib.compress(junk)))
    elif kind == "tif16":
        path.write_bytes(picture_files.tiff(corner.astype(np.uint16) * 257, fields={0x8773: (7, junk)}))
    else:
        write(path, Image.fromarray(corner), icc_profile=junk)
    assert reading.load(path)[2, 2] == pytest.approx(RED, abs=0.1)


@pytest.mark.parametrize(
    ("data", "sentence"),
    [(None, "There is no file"), (b"not a picture", "is not a picture"), (b"", "is not a picture")],
    ids=["missing", "text", "empty"],
)
def test_what_is_no_picture_is_refused_in_a_sentence(tmp_path, data, sentence):
    path = tmp_path / "a.png"
    if data is not None:
        path.write_bytes(data)
    with pytest.raises(PictureError, match=sentence):
        reading.load(path)


def test_a_folder_is_refused_in_a_sentence(tmp_path):
    with pytest.raises(PictureError, match="is a folder"):
        reading.load(tmp_path)


@pytest.mark.parametrize("kind", KINDS)
def test_a_truncated_picture_is_refused_in_a_sentence(tmp_path, content, kind, capfd):
    path = tmp_path / f"a.{ending(kind)}"
    writing.save(path, content, depth=bits(kind))
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2 if ending(kind) != "jpg" else 400])
    with pytest.raises(PictureError, match="cannot be read|is not a picture") as caught:
        reading.load(path)
    assert "\n" not in str(caught.value)
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize("kind", KINDS)
def test_damage_anywhere_ends_in_a_picture_or_in_a_sentence(tmp_path, corner, kind, capfd):
    generator = np.random.default_rng(5)
    whole = picture_files.camera_file(kind, corner)
    path = tmp_path / f"a.{ending(kind)}"
    refused = 0
    for _ in range(300):
        damaged = bytearray(whole)
        for place in generator.integers(0, len(whole), 6):
            damaged[place] = generator.integers(0, 256)
        path.write_bytes(damaged[: generator.integers(len(whole) // 2, 2 * len(whole))])
        try:
            reading.read(path)
        except PictureError:
            refused += 1
    assert refused > 0
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize("depth", [8, 16])
def test_a_picture_of_too_many_pixels_is_refused_unread(tmp_path, depth):
    tiny = picture_files.png(np.zeros((1, 1, 3), np.uint16 if depth == 16 else np.uint8))
    header = b"IHDR" + struct.pack(">II", 60000, 60000) + tiny[24:29]
    data = tiny[:12] + header + struct.pack(">I", zlib.crc32(header)) + tiny[33:]
    (tmp_path / "a.png").write_bytes(data)
    with pytest.raises(PictureError, match="megapixels"):
        reading.load(tmp_path / "a.png")


@pytest.mark.parametrize("kind", KINDS)
def test_a_picture_is_made_smaller_while_it_is_read(tmp_path, content, kind):
    path = tmp_path / f"a.{ending(kind)}"
    large = content.repeat(16, axis=0).repeat(16, axis=1)
    writing.save(path, large, depth=bits(kind))
    pixels = reading.read(path, 96).pixels
    assert pixels.shape == (72, 96, 3)
    assert pixels.dtype == (np.uint16 if bits(kind) == 16 else np.uint8)
    whole = Image.fromarray(writing.to_bytes(reading.load(path)[..., :3]))
    expected = np.asarray(whole.resize((96, 72), Image.Resampling.LANCZOS))
    assert np.abs(reading.floats(pixels)[..., :3] * 255 - expected).mean() < 1.5


def test_a_picture_is_never_made_larger(tmp_path, content):
    writing.save(tmp_path / "a.png", content)
    assert reading.read(tmp_path / "a.png", 1000).pixels.shape[:2] == content.shape[:2]


@pytest.mark.parametrize("depth", [8, 16])
def test_what_is_transparent_lends_no_color_to_a_smaller_picture(tmp_path, depth):
    values = np.zeros((64, 64, 4), np.uint8)
    values[:] = (255, 0, 255, 0)
    values[::2, ::2] = (0, 200, 0, 255)
    (tmp_path / "a.png").write_bytes(picture_files.png(values if depth == 8 else values.astype(np.uint16) * 257))
    smaller = reading.load(tmp_path / "a.png", 16)
    assert smaller[4, 4] == pytest.approx((0, 200 / 255, 0, 0.25), abs=0.02)


def test_a_very_thin_picture_keeps_a_pixel_of_its_short_side(tmp_path):
    (tmp_path / "a.png").write_bytes(picture_files.png(np.full((20_000, 16, 3), 99, np.uint8)))
    assert reading.read(tmp_path / "a.png", 512).pixels.shape == (512, 1, 3)
    assert reading.read(tmp_path / "a.png", 512, 8).pixels.shape == (10_000, 8, 3)
    assert reading.read(tmp_path / "a.png", 512, 64).pixels.shape == (20_000, 16, 3)


@pytest.mark.parametrize("orientation", [1, 6])
def test_the_long_side_is_that_of_the_upright_picture_as_well(tmp_path, corner, orientation):
    fields = picture_files.camera_fields(orientation)
    large = corner.repeat(8, axis=0).repeat(8, axis=1)
    (tmp_path / "a.jpg").write_bytes(picture_files.camera_file("jpg8", large, fields=fields))
    pixels = reading.read(tmp_path / "a.jpg", 60).pixels
    assert pixels.shape == ((40, 60, 3) if orientation == 1 else (60, 40, 3))
    corners = [tuple(pixels[y, x] > 200) for y, x in ((3, 3), (3, -4), (-4, 3), (-4, -4))]
    red, blue = (corners.index(color) for color in ((True, False, False), (False, False, True)))
    assert (red, blue) == ((0, 1) if orientation == 1 else (1, 3))


def test_every_format_is_told_of_and_has_a_sample_to_be_damaged():
    readme = (Path(__file__).parents[1] / "README.md").read_text(encoding="utf-8")
    samples = [formats.recognized(data[: formats.ENOUGH]) for data in pictures().values()]
    for each in formats.ALL:
        assert each in samples
        assert each.name.lower() in reading.FORMATS_REMEDY.lower()
        assert each.name.lower() in readme.lower()


def test_decoders_that_read_one_file_at_the_same_time_get_what_each_asks_for():
    class Disk(io.BytesIO):
        def seek(self, place, whence=0):
            found = super().seek(place, whence)
            time.sleep(1e-4)
            return found

    values = [bytes([number]) * 100 for number in range(4)]
    file = Disk(b"".join(values))
    channels = [Pieces(file, [range(start, start + 100)]) for start in range(0, 400, 100)]
    with ThreadPoolExecutor(4) as threads:
        found = threads.map(lambda channel: b"".join(channel.read(5) for _ in range(20)), channels)
    assert list(found) == values
