"""Files of every kind that people have."""

from __future__ import annotations

import io
import os
import resource
import struct
import subprocess
import sys
import zlib

import numpy as np
import picture_files
import pytest
import pyvips
from PIL import Image, ImageCms

from nst_engine import images
from nst_engine.errors import PictureError

RED = (1.0, 0.0, 0.0, 1.0)

KINDS = ["png8", "png16", "jpg8", "tif8", "tif16", "webp8"]
"""Endings of files, with the bits per channel."""

UPRIGHT = {
    1: lambda values: values,
    2: lambda values: values[:, ::-1],
    3: lambda values: values[::-1, ::-1],
    4: lambda values: values[::-1],
    5: lambda values: values.swapaxes(0, 1),
    6: lambda values: np.rot90(values, -1),
    7: lambda values: values[::-1, ::-1].swapaxes(0, 1),
    8: lambda values: np.rot90(values),
}


def ending(kind):
    return kind.rstrip("0123456789")


def bits(kind):
    return int(kind.removeprefix(ending(kind)))


@pytest.fixture
def corner():
    """20×30 pixels of smooth gray, in 8 bits, with one corner red and one blue: no turn of it looks like another."""
    values = np.full((20, 30, 3), 128, np.uint8)
    values[:8, :8] = (255, 0, 0)
    values[:8, -8:] = (0, 0, 255)
    return values


@pytest.fixture
def fine():
    """32×64×4 values of 16 bits, all different in each channel."""
    values = np.random.default_rng(3).permutation(65536)[: 32 * 64 * 4]
    return values.reshape(32, 64, 4).astype(np.uint16)


def write(path, image, **options):
    image.save(path, **options)
    return path


@pytest.mark.parametrize("name", ["a.png", "a.jpg", "a.JPEG", "a.tif", "a.tiff", "a.webp"])
def test_what_is_saved_is_loaded(tmp_path, content, name):
    images.save(tmp_path / name, content)
    tolerance = 0.1 if name.lower().endswith(("jpg", "jpeg", "webp")) else 0.5 / 255
    assert np.abs(images.load(tmp_path / name) - content).mean() < tolerance


def test_alpha_survives_where_the_format_has_it(tmp_path, content):
    content[:20, :, 3] = 0.25
    images.save(tmp_path / "a.png", content)
    images.save(tmp_path / "a.jpg", content)
    assert images.load(tmp_path / "a.png")[..., 3] == pytest.approx(content[..., 3], abs=0.003)
    assert images.load(tmp_path / "a.jpg")[..., 3].min() == 1


@pytest.mark.parametrize(
    ("mode", "color"), [("RGB", (255, 0, 0)), ("RGBA", (255, 0, 0, 255)), ("CMYK", (0, 255, 255, 0)), ("P", 0)]
)
def test_color_modes(tmp_path, mode, color):
    image = Image.new(mode, (20, 20), color)
    if mode == "P":
        image.putpalette([255, 0, 0])
    path = write(tmp_path / ("a.tif" if mode == "CMYK" else "a.png"), image)
    assert images.load(path)[5, 5] == pytest.approx(RED, abs=0.02)


@pytest.mark.parametrize(("mode", "gray"), [("L", 128), ("1", 1), ("LA", (128, 128)), ("I;16", 32896)])
def test_gray_modes(tmp_path, mode, gray):
    pixel = images.load(write(tmp_path / "a.png", Image.new(mode, (20, 20), gray)))[5, 5]
    expected = 1.0 if mode == "1" else 0.502
    assert pixel == pytest.approx((expected, expected, expected, 0.502 if mode == "LA" else 1), abs=0.003)


def test_icc_profile_is_honored(tmp_path):
    srgb = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    swapped = srgb.replace(b"rXYZ", b"????", 1).replace(b"gXYZ", b"rXYZ", 1).replace(b"????", b"gXYZ", 1)
    path = write(tmp_path / "a.png", Image.new("RGB", (20, 20), (0, 255, 0)), icc_profile=swapped)
    assert images.load(path)[5, 5] == pytest.approx(RED, abs=0.02)


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
    picture = images.read(tmp_path / name)
    assert picture.depth == 16
    colors = values[..., :3] if channels > 2 else np.repeat(values[..., :1], 3, axis=2)
    alpha = values[..., -1:] if channels in (2, 4) else np.full((32, 64, 1), 65535)
    assert np.rint(picture.pixels * 65535).astype(int).tolist() == np.concatenate([colors, alpha], 2).tolist()


def test_gray_and_alpha_in_planes_are_refused_in_a_sentence(tmp_path, fine):
    (tmp_path / "a.tif").write_bytes(picture_files.tiff(fine[..., :2], planes=True))
    with pytest.raises(PictureError, match="in separate planes"):
        images.load(tmp_path / "a.tif")


def test_premultiplied_alpha_is_read_as_straight(tmp_path):
    values = np.full((20, 30, 4), (16384, 8192, 0, 32768), np.uint16)
    (tmp_path / "a16.tif").write_bytes(picture_files.tiff(values, alpha=1))
    (tmp_path / "a8.tif").write_bytes(picture_files.tiff((values // 256).astype(np.uint8), alpha=1))
    for name in ("a16.tif", "a8.tif"):
        assert images.load(tmp_path / name)[5, 5] == pytest.approx((0.5, 0.25, 0, 0.5), abs=0.005)


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_gray_that_counts_from_white_is_read(tmp_path, dtype):
    values = np.full((20, 30, 1), np.iinfo(dtype).max // 5, dtype)
    (tmp_path / "a.tif").write_bytes(picture_files.tiff(values, photometric=0))
    assert images.load(tmp_path / "a.tif")[5, 5] == pytest.approx((0.8, 0.8, 0.8, 1), abs=0.003)


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_one_color_declared_transparent(tmp_path, dtype):
    values = np.zeros((20, 30, 3), dtype)
    values[:, :10] = (1, 2, 3)
    (tmp_path / "a.png").write_bytes(picture_files.png(values, tRNS=struct.pack(">3H", 1, 2, 3)))
    alpha = images.load(tmp_path / "a.png")[..., 3]
    assert (alpha[:, :10] == 0).all()
    assert (alpha[:, 10:] == 1).all()


def test_a_palette_with_transparency(tmp_path):
    image = Image.new("P", (20, 20))
    image.putpalette([255, 0, 0, 0, 255, 0])
    image.paste(1, (10, 0, 20, 20))
    pixels = images.load(write(tmp_path / "a.png", image, transparency=b"\xff\x40"))
    assert pixels[5, 5] == pytest.approx(RED)
    assert pixels[5, 15] == pytest.approx((0, 1, 0, 0x40 / 255))


def test_cmyk(tmp_path):
    write(tmp_path / "a.jpg", Image.new("CMYK", (20, 20), (0, 255, 255, 0)))  # Adobe's, upside down
    values = np.full((20, 30, 4), (0, 65535, 65535, 0), np.uint16)
    (tmp_path / "a.tif").write_bytes(picture_files.tiff(values, photometric=5))
    for name in ("a.jpg", "a.tif"):
        assert images.load(tmp_path / name)[5, 5] == pytest.approx(RED, abs=0.02)


def test_cmyk_with_its_profile_is_the_same_in_8_and_16_bits(tmp_path):
    profile = pyvips.Operation.call("profile_load", "cmyk")
    values = np.random.default_rng(4).integers(0, 256, (20, 30, 4)).astype(np.uint8)
    write(tmp_path / "a8.tif", Image.fromarray(values, "CMYK"), icc_profile=profile)
    field = {0x8773: (7, profile)}
    (tmp_path / "a16.tif").write_bytes(picture_files.tiff(values.astype(np.uint16) * 257, photometric=5, fields=field))
    shallow, deep = images.read(tmp_path / "a8.tif"), images.read(tmp_path / "a16.tif")
    assert (shallow.depth, deep.depth) == (8, 16)
    assert np.abs(shallow.pixels - deep.pixels).max() < 2.5 / 255
    naive = (1 - values[..., :3] / 255) * (1 - values[..., 3:] / 255)
    assert np.abs(deep.pixels[..., :3] - naive).mean() > 0.03


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
    read = images.load(tmp_path / name) * 65535
    difference = np.abs(read[..., :3] - colors)
    assert difference.max() < 257 / 2  # half a step of 8 bits
    assert difference.mean() < 10
    assert np.abs(read[..., 3] - fine[..., 3]).max() < 0.01
    shallow = Image.fromarray(np.rint(whole / 257).astype(np.uint8))
    with_pillow = images.load(write(tmp_path / "a8.png", shallow, icc_profile=profile)) * 65535
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
    assert images.load(path)[2, 2] == pytest.approx(RED, abs=0.1)


@pytest.mark.parametrize("kind", ["png16", "tif16"])
def test_sixteen_bits_are_written_and_read_again(tmp_path, fine, kind):
    path = tmp_path / f"a.{ending(kind)}"
    images.save(path, fine.astype(np.float32) / 65535, depth=16)
    assert np.rint(images.load(path) * 65535).astype(int).tolist() == fine.tolist()
    with Image.open(path) as image:
        depths = [path.read_bytes()[24]] * 4 if kind == "png16" else list(image.tag_v2[0x0102])
    assert depths == [16] * 4


@pytest.mark.parametrize("name", ["a.jpg", "a.webp"])
def test_formats_without_sixteen_bits_are_written_in_eight(tmp_path, content, name):
    images.save(tmp_path / name, content, depth=16)
    assert images.read(tmp_path / name).depth == 8
    assert np.abs(images.load(tmp_path / name) - content).mean() < 0.1


@pytest.mark.parametrize("kind", KINDS)
def test_what_is_written_says_that_it_is_srgb(tmp_path, content, kind):
    path = tmp_path / f"a.{ending(kind)}"
    images.save(path, content, depth=bits(kind))
    with Image.open(path) as image:
        profile = ImageCms.ImageCmsProfile(io.BytesIO(image.info["icc_profile"]))
        assert "sRGB" in ImageCms.getProfileDescription(profile)
        assert image.mode == "RGB"  # nothing is transparent


@pytest.mark.parametrize("kind", KINDS)
def test_the_same_picture_makes_the_same_file(tmp_path, content, kind, monkeypatch):
    path = tmp_path / f"a.{ending(kind)}"
    images.save(path, content, depth=bits(kind))
    first = path.read_bytes()
    images._srgb_profile.cache_clear()
    moment = struct.pack(">6H", 1999, 9, 9, 9, 9, 9)
    to_bytes = ImageCms.ImageCmsProfile.tobytes
    monkeypatch.setattr(
        ImageCms.ImageCmsProfile, "tobytes", lambda self: to_bytes(self)[:24] + moment + to_bytes(self)[36:]
    )
    images.save(path, content, depth=bits(kind), force=True)
    assert path.read_bytes() == first


@pytest.mark.parametrize("orientation", UPRIGHT)
@pytest.mark.parametrize("kind", KINDS)
def test_pictures_are_turned_upright_once(tmp_path, corner, kind, orientation):
    path, again = (tmp_path / f"{name}.{ending(kind)}" for name in "ab")
    path.write_bytes(picture_files.camera_file(kind, corner, fields=picture_files.camera_fields(orientation)))
    picture = images.read(path)
    expected = UPRIGHT[orientation](corner) / 255
    assert picture.pixels.shape[:2] == expected.shape[:2]
    assert np.abs(picture.pixels[..., :3] - expected).mean() < 0.02
    images.save(again, picture.pixels, depth=picture.depth, exif=picture.exif)
    assert np.abs(images.load(again) - picture.pixels).mean() < 0.02


@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize("target", KINDS)
@pytest.mark.parametrize("source", KINDS)
def test_exif_is_kept(tmp_path, corner, source, target, order):
    path, copy = tmp_path / f"a.{ending(source)}", tmp_path / f"b.{ending(target)}"
    path.write_bytes(picture_files.camera_file(source, corner, order))
    picture = images.read(path)
    assert picture.depth == bits(source)
    larger = picture.pixels.repeat(2, axis=0)
    images.save(copy, larger, depth=bits(target), exif=picture.exif)
    assert picture_files.THUMBNAIL not in copy.read_bytes()
    assert picture_files.ARTIST in copy.read_bytes()
    with Image.open(copy) as image:
        exif = image.getexif()
        camera, place = exif.get_ifd(0x8769), exif.get_ifd(0x8825)
        assert exif.get(0x0112, 1) == 1
        assert exif[0x0131] == "Firmware 1.0"
        assert not exif.get_ifd(1)
        assert (place[0], place[1], place[2]) == (b"\2\3\0\0", "N", (48.0, 51.0, 29.99))
        assert (camera[0x829A], camera[0x9204]) == (1 / 250, pytest.approx(-2 / 3))
        assert camera[0x927C] == picture_files.MAKER_NOTE
        assert (camera[0xA001], camera[0xA002], camera[0xA003]) == (1, 20, 60)  # sRGB now, and turned and doubled
        assert image.size == (20, 60)
    assert np.abs(images.load(copy) - larger).mean() < 0.02


def test_exif_in_a_text_of_a_png_is_read(tmp_path, corner):
    block = picture_files.exif()
    text = f"\nexif\n{len(block):8}\n{block.hex()}\n"
    chunk = b"Raw profile type exif\0" + text.encode()
    (tmp_path / "a.png").write_bytes(picture_files.png(corner, tEXt=chunk))
    picture = images.read(tmp_path / "a.png")
    assert picture.pixels.shape == (30, 20, 4)
    assert picture_files.ARTIST in picture.exif


def test_exif_too_large_for_a_jpeg_loses_the_makers_note_only(tmp_path, corner):
    fields = picture_files.camera_fields(maker_note=bytes(70_000))
    (tmp_path / "a.png").write_bytes(picture_files.camera_file("png8", corner, fields=fields))
    picture = images.read(tmp_path / "a.png")
    images.save(tmp_path / "b.jpg", picture.pixels, exif=picture.exif)
    with Image.open(tmp_path / "b.jpg") as image:
        assert image.getexif().get_ifd(0x8825)[1] == "N"
        assert 0x927C not in image.getexif().get_ifd(0x8769)


@pytest.mark.parametrize("kind", ["png8", "png16", "jpg8", "webp8"])
@pytest.mark.parametrize("start", [0, 6, 10, 20, 60])
def test_damaged_exif_does_no_harm(tmp_path, corner, kind, start, monkeypatch):
    block = bytearray(picture_files.exif())
    block[6 + start : 6 + start + 40] = b"\xff" * 40
    monkeypatch.setattr(picture_files, "exif", lambda *_: bytes(block))
    path = tmp_path / f"a.{ending(kind)}"
    path.write_bytes(picture_files.camera_file(kind, corner))
    picture = images.read(path)
    assert sorted(picture.pixels.shape) == [4, 20, 30]
    images.save(tmp_path / "b.jpg", picture.pixels, exif=picture.exif)


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
        images.load(path)


def test_a_folder_is_refused_in_a_sentence(tmp_path):
    with pytest.raises(PictureError, match="is a folder"):
        images.load(tmp_path)


@pytest.mark.parametrize("kind", KINDS)
def test_a_truncated_picture_is_refused_in_a_sentence(tmp_path, content, kind, capfd):
    path = tmp_path / f"a.{ending(kind)}"
    images.save(path, content, depth=bits(kind))
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    with pytest.raises(PictureError, match="cannot be read|is not a picture") as caught:
        images.load(path)
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
            images.read(path)
        except PictureError:
            refused += 1
    assert refused > 0
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.uint32, np.int16])
@pytest.mark.parametrize("channels", [1, 3])
def test_numbers_of_other_kinds_are_refused_in_a_sentence(tmp_path, dtype, channels):
    sample_format = {"u": 1, "i": 2, "f": 3}[np.dtype(dtype).kind]
    values = np.ones((20, 30, channels), dtype)
    (tmp_path / "a.tif").write_bytes(picture_files.tiff(values, sample_format=sample_format))
    with pytest.raises(PictureError, match="8 or 16 bits"):
        images.load(tmp_path / "a.tif")


@pytest.mark.parametrize("depth", [8, 16])
def test_a_picture_of_too_many_pixels_is_refused_unread(tmp_path, depth):
    tiny = picture_files.png(np.zeros((1, 1, 3), np.uint16 if depth == 16 else np.uint8))
    header = b"IHDR" + struct.pack(">II", 60000, 60000) + tiny[24:29]
    data = tiny[:12] + header + struct.pack(">I", zlib.crc32(header)) + tiny[33:]
    (tmp_path / "a.png").write_bytes(data)
    with pytest.raises(PictureError, match="megapixels"):
        images.load(tmp_path / "a.png")


@pytest.mark.parametrize("kind", ["png8", "png16"])
def test_a_large_picture_is_read_without_a_word(tmp_path, content, kind, monkeypatch):
    images.save(tmp_path / "a.png", content, depth=bits(kind))
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", content[..., 0].size - 1)  # Pillow warns from here to its double
    assert images.load(tmp_path / "a.png").shape == content.shape
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", content[..., 0].size // 2 - 1)
    with pytest.raises(PictureError, match="megapixels"):
        images.load(tmp_path / "a.png")


def test_eight_bits_are_read_and_written_without_libvips(tmp_path, corner):
    (tmp_path / "a.tif").write_bytes(picture_files.camera_file("tif8", corner))
    program = (
        "import sys; from nst_engine import images; picture = images.read('a.tif');"
        "images.save('b.png', picture.pixels, exif=picture.exif); print('pyvips' in sys.modules)"
    )
    path = os.pathsep.join(sys.path)
    done = subprocess.run(
        [sys.executable, "-c", program],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": path},
        capture_output=True,
        text=True,
        check=True,
    )
    assert (done.stdout, done.stderr) == ("False\n", "")


def test_nothing_is_overwritten_unasked(tmp_path, content):
    images.save(tmp_path / "a.png", content)
    with pytest.raises(PictureError, match="exists already"):
        images.save(tmp_path / "a.png", content)
    images.save(tmp_path / "a.png", content, force=True)
    assert [path.name for path in tmp_path.iterdir()] == ["a.png"]


@pytest.mark.parametrize(
    ("name", "sentence"), [("a.xyz", "names no picture format"), ("no/a.png", "There is no folder")]
)
def test_an_impossible_output_is_refused_in_a_sentence(tmp_path, content, name, sentence):
    with pytest.raises(PictureError, match=sentence):
        images.save(tmp_path / name, content)


@pytest.mark.parametrize("kind", KINDS)
def test_a_full_disk_leaves_the_old_file_and_nothing_else(tmp_path, content, kind):
    path = tmp_path / f"a.{ending(kind)}"
    path.write_bytes(b"old")
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1000, limits[1]))
    try:
        with pytest.raises(PictureError, match="cannot be written"):
            images.save(path, content, force=True, depth=bits(kind))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert [file.name for file in tmp_path.iterdir()] == [path.name]
    assert path.read_bytes() == b"old"


def test_a_folder_that_cannot_be_written_to_is_refused_before_the_work(tmp_path, monkeypatch):
    monkeypatch.setattr(os, "access", lambda path, mode: False)  # root may write anywhere
    with pytest.raises(PictureError, match="Nothing can be written to the folder"):
        images.check_output(tmp_path / "a.png", force=False)


def test_a_folder_is_not_replaced(tmp_path):
    (tmp_path / "a.png").mkdir()
    with pytest.raises(PictureError, match="is a folder"):
        images.check_output(tmp_path / "a.png", force=True)


def test_a_picture_too_long_for_its_format_is_refused_in_a_sentence(tmp_path):
    with pytest.raises(PictureError, match="cannot be written"):
        images.save(tmp_path / "a.webp", np.ones((1, 20000, 4), np.float32))
    assert not list(tmp_path.iterdir())


def test_permissions_are_those_of_any_new_file(tmp_path, content):
    images.save(tmp_path / "a.png", content)
    (tmp_path / "b").touch()
    assert (tmp_path / "a.png").stat().st_mode == (tmp_path / "b").stat().st_mode
