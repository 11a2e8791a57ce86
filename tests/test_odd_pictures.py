"""Files that are odd and that other programs read; and those of kinds that are not read, told as what they are."""

from __future__ import annotations

import io
import re
import struct
import zlib
from pathlib import Path

import numpy as np
import picture_files
import pytest
import pyvips
from PIL import Image

from nst_engine.errors import PictureError
from nst_engine.files import profiles, reading, vips
from nst_engine.files.contents import Contents

PICTURES = Path(__file__).parent / "pictures"

P3_CHROMATICITIES = (31270, 32900, 68000, 32000, 26500, 69000, 15000, 6000)


@pytest.fixture
def ramp():
    """24×32×3 values of 8 bits, each channel another ramp."""
    y, x = np.mgrid[:24, :32]
    return np.stack([x * 8, y * 10, 255 - x * 8], axis=2).astype(np.uint8)


def encoded(values, image_format, **options):
    file = io.BytesIO()
    (values if isinstance(values, Image.Image) else Image.fromarray(values)).save(file, image_format, **options)
    return file.getvalue()


def read(folder, name, data):
    (folder / name).write_bytes(data)
    return reading.read(folder / name)


def warning(picture):
    """The one warning of a picture."""
    (found,) = picture.warnings
    return found


def srgb(linear):
    """What sRGB makes of linear values in [0, 1]."""
    return np.where(linear <= 0.0031308, linear * 12.92, 1.055 * linear ** (1 / 2.4) - 0.055)


def in_depth(values, depth):
    return values if depth == 8 else values.astype(np.uint16) * 257


def fractions(pixels):
    return pixels / np.iinfo(pixels.dtype).max


gamma = {"gAMA": struct.pack(">I", 50000)}
srgb_chunk = {"sRGB": b"\0"}
linear_cicp = {"cICP": bytes((1, 8, 0, 1))}
wide = {"cHRM": struct.pack(">8I", *P3_CHROMATICITIES)}


@pytest.mark.parametrize("depth", [8, 16])
@pytest.mark.parametrize("exponent", [0.5, 1.0, 2.6, 1 / 2.2])
def test_the_gamma_of_a_png_counts(tmp_path, ramp, depth, exponent):
    chunk = struct.pack(">I", round(100_000 / exponent))
    picture = read(tmp_path, "a.png", picture_files.png(in_depth(ramp, depth), gAMA=chunk))
    assert picture.depth == depth
    assert np.abs(fractions(picture.pixels) - srgb((ramp / 255) ** exponent)).max() < 1.1 / 255


@pytest.mark.parametrize("depth", [8, 16])
@pytest.mark.parametrize(
    ("chunks", "expected"),
    [
        ({**gamma, **srgb_chunk}, lambda values: values),
        ({**wide, **srgb_chunk}, lambda values: values),
        ({**srgb_chunk, **linear_cicp}, lambda values: srgb(values)),
        ({**linear_cicp, "cICP": bytes((1, 13, 0, 1)), **gamma}, lambda values: values),
        ({"cICP": bytes((250, 13, 0, 1)), **gamma}, lambda values: srgb(values**2)),
    ],
    ids=["sRGB over gAMA", "sRGB over cHRM", "cICP over sRGB", "cICP over gAMA", "gAMA where cICP is unknown"],
)
def test_of_what_a_png_says_of_its_colors_the_first_in_the_standard_s_order_counts(
    tmp_path, ramp, depth, chunks, expected
):
    picture = read(tmp_path, "a.png", picture_files.png(in_depth(ramp, depth), **chunks))
    assert np.abs(fractions(picture.pixels) - expected(ramp / 255)).max() < 1.1 / 255


def test_a_profile_in_a_png_comes_after_cicp_and_before_srgb(tmp_path, ramp):
    from PIL import ImageCms

    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    swapped = profile.replace(b"rXYZ", b"????", 1).replace(b"gXYZ", b"rXYZ", 1).replace(b"????", b"gXYZ", 1)
    packed = {"iCCP": b"swapped\0\0" + zlib.compress(swapped)}
    over = read(tmp_path, "a.png", picture_files.png(ramp, **packed, **srgb_chunk)).pixels
    under = read(tmp_path, "b.png", picture_files.png(ramp, **packed, cICP=bytes((1, 13, 0, 1)))).pixels
    assert np.abs(over.astype(int) - ramp[..., (1, 0, 2)]).mean() < 2
    assert np.array_equal(under, ramp)


def test_chromaticities_of_a_png_count_as_the_same_profile_would(tmp_path):
    import pyvips

    colors = np.random.default_rng(1).integers(60, 200, (24, 32, 3)).astype(np.uint8)
    profile = pyvips.Operation.call("profile_load", "p3")
    by_profile = read(tmp_path, "a.png", picture_files.png(colors, iCCP=b"p3\0\0" + zlib.compress(profile))).pixels
    by_cicp = read(tmp_path, "b.png", picture_files.png(colors, cICP=bytes((12, 13, 0, 1)))).pixels
    by_chromaticities = read(tmp_path, "c.png", picture_files.png(colors, **wide)).pixels
    assert np.abs(by_profile.astype(int) - colors).max() > 5
    for other in (by_cicp, by_chromaticities):
        assert np.abs(by_profile.astype(int) - other).max() <= 2


def test_white_stays_white_and_gray_stays_gray_in_any_primaries_and_curves(tmp_path, ramp):
    grays = np.repeat(ramp[..., :1], 3, axis=2)
    for primaries in (1, 4, 5, 6, 9, 11, 12, 22):
        for transfer in (1, 4, 5, 8, 13):
            chunk = bytes((primaries, transfer, 0, 1))
            found = read(tmp_path, "a.png", picture_files.png(in_depth(grays, 16), cICP=chunk)).pixels.astype(int)
            assert np.ptp(found, axis=2).max() < 200, (primaries, transfer)
            assert abs(found.max() - in_depth(grays, 16).max()) < 6000, (primaries, transfer)


@pytest.mark.parametrize("transfer", [16, 18])
def test_of_a_high_dynamic_range_paper_white_becomes_white(tmp_path, transfer):
    signal = {16: 0.5807, 18: 0.75}[transfer]  # of paper white, by BT.2408
    values = np.full((20, 30, 3), round(signal * 65535), np.uint16)
    values[:, 15:] = 0
    picture = read(tmp_path, "a.png", picture_files.png(values, cICP=bytes((9, transfer, 0, 1))))
    assert fractions(picture.pixels[5, 5]) == pytest.approx((1, 1, 1), abs=0.04)
    assert picture.pixels[5, 25].max() < 100


@pytest.mark.parametrize(
    "chunks",
    [
        {"gAMA": bytes(4)},
        {"gAMA": b"\xff" * 4},
        {"gAMA": b"x"},
        {"cHRM": bytes(32)},
        {"cHRM": struct.pack(">8I", *[1, 1] * 4)},
        {"cICP": b""},
        {"iCCP": b"name\0\0no profile"},
    ],
)
def test_colors_that_cannot_be_are_taken_as_srgb(tmp_path, ramp, chunks):
    assert np.array_equal(read(tmp_path, "a.png", picture_files.png(ramp, **chunks)).pixels, ramp)


def test_a_gray_png_with_a_gamma(tmp_path, ramp):
    picture = read(tmp_path, "a.png", picture_files.png(ramp[..., :1], **gamma))
    assert np.abs(fractions(picture.pixels) - srgb((ramp[..., :1] / 255) ** 2)).max() < 1.1 / 255


def test_large_texts_and_profiles_are_no_reason_to_refuse_a_png(tmp_path, ramp):
    from PIL import ImageCms

    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    large = struct.pack(">I", len(profile) + 2_500_000) + profile[4:] + np.random.default_rng(0).bytes(2_500_000)
    xmp = b"<x:xmpmeta>" + b"<photoshop:DocumentAncestors>uuid</photoshop:DocumentAncestors>" * 60_000 + b"</x:xmpmeta>"
    text = b"XML:com.adobe.xmp\0\x01\0\0\0" + zlib.compress(xmp)
    picture = read(tmp_path, "a.png", picture_files.png(ramp, iTXt=text, iCCP=b"a\0\0" + zlib.compress(large)))
    assert np.abs(picture.pixels.astype(int) - ramp).max() <= 1
    assert (picture.metadata.xmp, picture.warnings) == (xmp, ())


LAB_COLORS = {
    (100, 0, 0): (1, 1, 1),
    (0, 0, 0): (0, 0, 0),
    (54.29, 80.8, 69.89): (1, 0, 0),
    (53.39, 0, 0): (0.5, 0.5, 0.5),
}
"""L*a*b* (D50) → sRGB."""


@pytest.mark.parametrize("photometric", [8, 9])
@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_cielab_is_read(tmp_path, dtype, photometric):
    unit = 256 if dtype == np.uint16 else 1
    for (lightness, a, b), expected in LAB_COLORS.items():
        if photometric == 8:
            stored = [lightness / 100 * np.iinfo(dtype).max, a * unit % (256 * unit), b * unit % (256 * unit)]
        else:
            stored = [lightness / 100 * 255 * unit, (a + 128) * unit, (b + 128) * unit]
        values = np.tile(np.rint(stored).astype(dtype), (20, 30, 1))
        picture = read(tmp_path, "a.tif", picture_files.tiff(values, photometric=photometric))
        assert picture.pixels.dtype == dtype
        assert fractions(picture.pixels[5, 5]) == pytest.approx(expected, abs=0.02)


@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize("depth", [8, 16])
def test_bigtiff_is_read_with_its_exif(tmp_path, ramp, depth, order):
    fields = {0x0112: (3, [6]), 0x0131: (2, b"Firmware 1.0\0")}
    data = picture_files.tiff(in_depth(ramp, depth), order, fields=fields, big=True)
    picture = read(tmp_path, "a.tif", data)
    assert np.array_equal(picture.pixels, np.rot90(in_depth(ramp, depth), -1))
    assert b"Firmware 1.0" in picture.metadata.exif


def test_a_tiff_with_jpeg_of_the_old_way_is_read(tmp_path, ramp):
    picture = read(tmp_path, "a.tif", picture_files.old_jpeg_tiff(ramp))
    assert np.abs(picture.pixels.astype(int) - ramp).mean() < 3
    assert picture.warnings == ()


def test_a_tiff_keeps_luminance_and_chroma_apart_without_being_a_jpeg(tmp_path, ramp):
    chroma = np.asarray(Image.fromarray(ramp).convert("YCbCr"))
    picture = read(tmp_path, "a.tif", picture_files.tiff(chroma, photometric=6, fields={0x0212: (3, [1, 1])}))
    assert np.abs(picture.pixels.astype(int) - ramp).max() <= 3


@pytest.mark.parametrize("compression", ["lzma", "zstd"])
@pytest.mark.parametrize("mode", ["L", "RGB", "RGBA", "CMYK", "P"])
@pytest.mark.parametrize("orientation", [1, 6])
def test_a_tiff_in_a_rarer_compression_is_read_as_in_a_usual_one(tmp_path, ramp, compression, mode, orientation):
    image = Image.fromarray(ramp).convert(mode)
    same = [
        read(tmp_path, "a.tif", encoded(image, "TIFF", compression=each, tiffinfo={0x0112: orientation}))
        for each in (compression, "tiff_lzw")
    ]
    assert np.array_equal(same[0].pixels, same[1].pixels)


@pytest.mark.parametrize("compression", ["lzma", "tiff_lzw"])
def test_a_tiff_on_its_side_keeps_its_proportions_when_it_is_read_smaller(tmp_path, compression):
    image = Image.new("RGB", (120, 40))
    (tmp_path / "a.tif").write_bytes(encoded(image, "TIFF", compression=compression, tiffinfo={0x0112: 6}))
    assert reading.size(tmp_path / "a.tif") == (120, 40)
    assert reading.read(tmp_path / "a.tif", long_side=60).pixels.shape[:2] == (60, 20)


@pytest.mark.parametrize("depth", [8, 16])
@pytest.mark.parametrize(
    ("meanings", "alpha"), [([0], None), ([0, 2], 4), ([2, 0], 3), ([0, 0, 0], None), ([2], 3), (None, 3)]
)
def test_of_the_extra_channels_of_a_tiff_only_transparency_counts(tmp_path, ramp, depth, meanings, alpha):
    extra = np.stack([np.full((24, 32), 50 + 40 * place, np.uint8) for place in range(len(meanings or [2]))], axis=2)
    values = in_depth(np.concatenate([ramp, extra], axis=2), depth)
    fields = {0x0152: (3, meanings)} if meanings else {}
    picture = read(tmp_path, "a.tif", picture_files.tiff(values, alpha=None, fields=fields))
    assert np.array_equal(picture.pixels[..., :3], values[..., :3])
    assert picture.pixels.shape[2] == (4 if alpha else 3)
    assert alpha is None or np.array_equal(picture.pixels[..., 3], values[..., alpha])
    assert len(picture.warnings) == (len(meanings or [2]) > bool(alpha))


@pytest.mark.parametrize("depth", [8, 16])
def test_orientation_behind_the_pixels_turns_a_png(tmp_path, ramp, depth):
    data = picture_files.png(in_depth(ramp, depth))
    exif = picture_files.exif(fields={0x0112: (3, [6]), 0x013B: (2, picture_files.ARTIST)})
    chunk = picture_files.chunk("eXIf", exif.removeprefix(b"Exif\0\0"))
    picture = read(tmp_path, "a.png", data[:-12] + chunk + data[-12:])
    assert np.array_equal(picture.pixels, np.rot90(in_depth(ramp, depth), -1))
    assert "behind the pixels" in warning(picture)
    assert picture_files.ARTIST in picture.metadata.exif


@pytest.mark.parametrize("cut", [1, 2, 20])
@pytest.mark.parametrize("progressive", [False, True])
def test_a_jpeg_without_its_last_bytes_is_read_with_a_warning(tmp_path, content, cut, progressive):
    values = (content[..., :3] * 255).astype(np.uint8).repeat(4, axis=0).repeat(4, axis=1)
    data = encoded(values, "JPEG", quality=90, progressive=progressive)
    picture = read(tmp_path, "a.jpg", data[:-cut])
    assert "is damaged (its end is missing" in warning(picture)
    assert np.abs(picture.pixels.astype(int) - values)[:150].mean() < 4


def test_a_png_without_its_last_bytes_is_read_with_a_warning(tmp_path):
    values = np.random.default_rng(1).integers(0, 256, (400, 60, 3)).astype(np.uint8)
    data = picture_files.png(values)
    assert not read(tmp_path, "whole.png", data[:-12]).warnings  # all pixels are there
    picture = read(tmp_path, "a.png", data[:-2000])
    assert "is damaged" in warning(picture)
    assert np.array_equal(picture.pixels[:380], values[:380])
    with pytest.raises(PictureError, match="cannot be read"):
        read(tmp_path, "half.png", data[: len(data) // 2])


@pytest.mark.parametrize("depth", [8, 16])
def test_a_wrong_checksum_beside_the_pixels_costs_that_part_only(tmp_path, ramp, depth):
    data = picture_files.png(in_depth(ramp, depth), tEXt=b"Comment\0by me")
    assert read(tmp_path, "a.png", data).metadata.comment == "by me"
    picture = read(tmp_path, "b.png", data.replace(b"by me", b"by us"))
    assert np.array_equal(picture.pixels, in_depth(ramp, depth))
    assert "damaged part beside its pixels" in warning(picture)
    assert picture.metadata.comment == ""


@pytest.mark.parametrize("depth", [8, 16])
def test_a_wrong_checksum_of_the_pixels_is_a_warning_where_they_are_whole(tmp_path, ramp, depth):
    data = bytearray(picture_files.png(in_depth(ramp, depth)))
    data[-13] ^= 1
    picture = read(tmp_path, "a.png", bytes(data))
    assert np.array_equal(picture.pixels, in_depth(ramp, depth))
    assert "is damaged" in warning(picture)


@pytest.mark.parametrize("screen", [(0, 0), (10, 10), (100, 90)])
@pytest.mark.parametrize("place", [(0, 0), (20, 30)])
def test_a_gif_on_a_screen_of_another_size_is_read_by_itself_and_whole(tmp_path, ramp, screen, place):
    data = encoded(Image.fromarray(ramp[..., 0]), "GIF")
    header, description = struct.pack("<HH", 32, 24), struct.pack("<HHHH", 0, 0, 32, 24)
    assert data[6:10] == header
    moved = data.replace(header, struct.pack("<HH", *screen), 1)
    moved = moved.replace(b"," + description, b"," + struct.pack("<HHHH", *place, 32, 24))
    assert np.array_equal(read(tmp_path, "a.gif", moved).pixels, read(tmp_path, "b.gif", data).pixels)


@pytest.mark.parametrize("image_format", ["PNG", "GIF", "WEBP"])
def test_of_an_animation_the_first_picture_is_taken_and_that_is_said(tmp_path, ramp, image_format):
    frames = [Image.fromarray(np.roll(ramp, shift, axis=1)) for shift in range(4)]
    options = {"lossless": True} if image_format == "WEBP" else {}
    data = encoded(frames[0], image_format, save_all=True, append_images=frames[1:], **options)
    picture = read(tmp_path, f"a.{image_format.lower()}", data)
    assert "is animated" in warning(picture)
    assert np.abs(picture.pixels[..., :3].astype(int) - ramp).mean() < (10 if image_format == "GIF" else 1)


def test_a_lack_of_memory_is_not_told_as_damage():
    too_large = pyvips.Image.black(10**7, 10**7, bands=3).numpy
    with pytest.raises(MemoryError):
        vips.pixels(Contents(8, 8, 3, decode=too_large))


def without_size_of_alpha(data):
    """An AVIF file whose second item, which is the alpha, has not its first property, which is the size."""
    first = data.index(b"ipma") + 12
    second = first + 3 + data[first + 2]
    assert data[second : second + 2] == b"\0\2"
    return data[: second + 3] + data[second + 4 : second + 5] + data[second + 4 :]


def test_an_avif_that_does_not_say_the_size_of_its_alpha_is_read_as_one_that_does(tmp_path, ramp):
    beside = {"icc_profile": profiles.of_gamma(0.3, None), "xmp": b"<x:xmpmeta/>", "exif": Image.Exif()}
    beside["exif"][0x010F] = "Maker"
    data = encoded(np.dstack([ramp, ramp[..., 0]]), "AVIF", quality=100, subsampling="4:4:4", **beside)
    whole = read(tmp_path, "a.avif", data)
    picture = read(tmp_path, "b.avif", without_size_of_alpha(data))
    assert picture.metadata == whole.metadata
    assert picture.pixels.shape == whole.pixels.shape
    assert np.abs(picture.pixels.astype(int) - whole.pixels).max() <= 3
    with pytest.raises(PictureError, match=r"cannot be read \(its data are damaged or cut off\)"):
        read(tmp_path, "c.avif", data[:200])


@pytest.mark.parametrize("image_format", ["BMP", "GIF", "AVIF"])
def test_other_formats_are_read(tmp_path, ramp, image_format):
    picture = read(tmp_path, f"a.{image_format.lower()}", encoded(ramp, image_format))
    assert picture.pixels.dtype == np.uint8
    assert picture.pixels.shape == (24, 32, 3)
    assert np.abs(picture.pixels.astype(int) - ramp).mean() < 8


def test_a_photograph_of_an_iphone_is_read():
    pixels = reading.read(PICTURES / "corner.heic").pixels.astype(int)
    assert pixels.shape == (40, 60, 3)
    assert np.abs(pixels[8, 8] - (255, 0, 0)).max() < 10
    assert np.abs(pixels[8, -8] - (0, 0, 255)).max() < 10


@pytest.mark.parametrize(
    ("name", "kind"), [("a.jpg", "PNG"), ("a.png", "JPEG"), ("a.tif", "WEBP"), ("a.webp", "GIF"), ("a.jpg", "AVIF")]
)
def test_a_picture_under_another_format_s_name_is_read_and_told_as_what_it_is(tmp_path, ramp, name, kind):
    picture = read(tmp_path, name, encoded(ramp, kind))
    assert picture.pixels.shape[:2] == (24, 32)
    assert f"is {'an' if kind == 'AVIF' else 'a'} {kind} file, whatever its name says" in warning(picture)


def test_a_damaged_picture_under_another_format_s_name_is_told_as_what_it_is(tmp_path):
    data = struct.pack(">I", 24) + b"ftypheic" + bytes(4) + b"mif1heic" + bytes(4000)
    with pytest.raises(PictureError, match=r"a\.jpg is a HEIC file, whatever its name says, and cannot be read"):
        read(tmp_path, "a.jpg", data)


def small_before_large(ramp, more=None):
    """A TIFF file whose first picture is a small one of another in a directory below."""
    below = {0x00FE: (4, [0]), 0x0100: (4, [4000]), 0x0101: (4, [3000])}
    return picture_files.tiff(ramp, fields={0x00FE: (4, [1]), 0x014A: below, **(more or {})})


@pytest.mark.parametrize(
    ("name", "make", "told"),
    [
        ("a.dng", lambda ramp: small_before_large(ramp, {0xC612: (1, b"\1\4\0\0")}), "raw file (DNG)"),
        ("a.tif", lambda ramp: small_before_large(ramp, {0x010F: (2, b"NIKON CORPORATION\0")}), "raw file (NEF)"),
        ("a.jpg", lambda ramp: small_before_large(ramp, {0x010F: (2, b"SONY\0")}), "raw file (ARW)"),
        ("a.tif", lambda ramp: small_before_large(ramp), "raw file"),
        ("a.nef", lambda ramp: picture_files.tiff(ramp), "raw file (NEF)"),
        ("a.tif", lambda ramp: picture_files.tiff(ramp[..., :1], photometric=32803), "raw file"),
        ("a.CR2", lambda ramp: b"II*\0\x10\0\0\0CR\2\0" + bytes(400), "raw file (CR2)"),
        ("a.cr3", lambda ramp: b"\0\0\0\x18ftypcrx \0\0\0\1crx isom" + bytes(400), "raw file (CR3)"),
        ("a.raf", lambda ramp: b"FUJIFILMCCD-RAW 0201" + bytes(400), "raw file (RAF)"),
        ("a.orf", lambda ramp: b"IIRO\x08\0\0\0" + bytes(400), "raw file (ORF)"),
        ("a.rw2", lambda ramp: b"IIU\0\x18\0\0\0" + bytes(400), "raw file (RW2)"),
    ],
)
def test_a_camera_s_raw_file_is_refused_by_name_with_the_way_out(tmp_path, ramp, name, make, told):
    with pytest.raises(PictureError) as refusal:
        read(tmp_path, name, make(ramp))
    assert f"is a camera's {told}, which is not read here" in refusal.value.message
    assert "darktable" in refusal.value.remedy


@pytest.mark.parametrize(
    ("data", "told"),
    [
        (b"%!PS-Adobe-3.0 EPSF-3.0\n", "a PostScript file"),
        (b"DDS " + bytes(300), "a DDS texture"),
        (b"\xff\x0a" + bytes(300), "a JPEG XL picture"),
        (b"\0\0\0\x0cJXL \r\n\x87\n" + bytes(300), "a JPEG XL picture"),
        (b"\0\0\0\x0cjP  \r\n\x87\n" + bytes(300), "a JPEG 2000 picture"),
        (b"gimp xcf v011" + bytes(300), "an image of GIMP (XCF)"),
        (b"%PDF-1.7\n", "a PDF file"),
        (b"  <SVG xmlns=", "an SVG drawing"),
        (b"P6\n2 2\n255\n" + bytes(12), "a PNM picture"),
        (b"qoif" + bytes(300), "a QOI picture"),
        (b"v/1\x01" + bytes(300), "an OpenEXR picture"),
    ],
)
def test_what_is_not_read_is_told_as_what_it_is(tmp_path, data, told):
    with pytest.raises(PictureError) as refusal:
        read(tmp_path, "photo.jpg", data)
    assert f"photo.jpg is {told}" in refusal.value.message
    assert "GIMP" in refusal.value.remedy


@pytest.mark.parametrize(
    ("data", "told"),
    [
        (b"<!doctype html><title>404</title>", "a web page"),
        (b"\0\0\0\x18ftypmp42\0\0\0\0isommp42" + bytes(300), "a video"),
        (b"PK\3\4" + bytes(300), "a ZIP archive"),
        (b"RIFF\0\0\0\0AVI " + bytes(300), "a sound or video"),
        (b"version https://git-lfs.github.com/spec/v1\noid sha256:0\n", "a note of Git LFS"),
    ],
)
def test_what_is_no_picture_at_all_is_told_as_what_it_is(tmp_path, data, told):
    with pytest.raises(PictureError) as refusal:
        read(tmp_path, "photo.jpg", data)
    assert f"photo.jpg is {told}" in refusal.value.message
    assert refusal.value.message.endswith("and no picture.")
    assert "Give a PNG" in refusal.value.remedy


@pytest.mark.parametrize("image_format", ["PNG", "JPEG", "TIFF", "WEBP", "GIF", "BMP"])
def test_a_damaged_picture_is_refused_in_words_that_no_decoder_uses(tmp_path, content, image_format):
    numbers = np.random.default_rng(7)
    data = encoded(numbers.integers(0, 256, (200, 200, 3), dtype=np.uint8), image_format)
    damaged = bytearray(data)
    damaged[30::97] = numbers.bytes(len(damaged[30::97]))
    for number, part in enumerate((data[: len(data) // 3], bytes(damaged))):
        try:
            told = " ".join(read(tmp_path, f"{number}.{image_format.lower()}", part).warnings)
        except PictureError as refusal:
            told = refusal.message
        assert not re.search("(?i)libpng|scanline|bogus|corrupt|huffman|frame|table|bytes|parse", told), told
