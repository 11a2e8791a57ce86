"""What a camera and its owner wrote beside the picture."""

from __future__ import annotations

import io
import struct
import zlib

import numpy as np
import picture_files
import pytest
from picture_files import KINDS, bits, ending
from PIL import Image, IptcImagePlugin

from nst_engine.files import jpeg, reading, writing
from nst_engine.files.contents import Metadata

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


@pytest.mark.parametrize("orientation", UPRIGHT)
@pytest.mark.parametrize("kind", KINDS)
def test_pictures_are_turned_upright_once(tmp_path, corner, kind, orientation):
    path, again = (tmp_path / f"{name}.{ending(kind)}" for name in "ab")
    path.write_bytes(picture_files.camera_file(kind, corner, fields=picture_files.camera_fields(orientation)))
    picture = reading.read(path)
    expected = UPRIGHT[orientation](corner) / 255
    assert reading.size(path) == picture.pixels.shape[:2] == expected.shape[:2]
    assert np.abs(reading.load(path)[..., :3] - expected).mean() < 0.02
    writing.save(again, reading.floats(picture.pixels), depth=picture.depth, metadata=picture.metadata)
    assert np.abs(reading.load(again) - reading.load(path)).mean() < 0.02


@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize("target", KINDS)
@pytest.mark.parametrize("source", KINDS)
def test_exif_is_kept(tmp_path, corner, source, target, order):
    path, copy = tmp_path / f"a.{ending(source)}", tmp_path / f"b.{ending(target)}"
    path.write_bytes(picture_files.camera_file(source, corner, order))
    picture = reading.read(path)
    assert picture.depth == bits(source)
    larger = reading.floats(picture.pixels).repeat(2, axis=0)
    writing.save(copy, larger, depth=bits(target), metadata=picture.metadata)
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
    assert np.abs(reading.load(copy) - larger).mean() < 0.02


def test_exif_in_a_text_of_a_png_is_read(tmp_path, corner):
    block = picture_files.exif()
    text = f"\nexif\n{len(block):8}\n{block.hex()}\n"
    chunk = b"Raw profile type exif\0" + text.encode()
    (tmp_path / "a.png").write_bytes(picture_files.png(corner, tEXt=chunk))
    picture = reading.read(tmp_path / "a.png")
    assert picture.pixels.shape == (30, 20, 3)
    assert picture_files.ARTIST in picture.metadata.exif


def test_exif_too_large_for_a_jpeg_loses_the_makers_note_only(tmp_path, corner):
    fields = picture_files.camera_fields(maker_note=bytes(70_000))
    (tmp_path / "a.png").write_bytes(picture_files.camera_file("png8", corner, fields=fields))
    picture = reading.read(tmp_path / "a.png")
    writing.save(tmp_path / "b.jpg", reading.floats(picture.pixels), metadata=picture.metadata)
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
    picture = reading.read(path)
    assert sorted(picture.pixels.shape) == [3, 20, 30]
    writing.save(tmp_path / "b.jpg", reading.floats(picture.pixels), metadata=picture.metadata)


XMP = (
    b'<?xpacket begin="" id="W5M0MpCehiHzreSzNTczkc9d"?><x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF>'
    b'<rdf:Description tiff:Orientation="6" xmp:Rating="5"><dc:creator>J\xc3\xb6rg</dc:creator>'
    b"<tiff:Orientation>6</tiff:Orientation><xmp:Thumbnails><rdf:Alt>/9j/4AAQSkZJRg</rdf:Alt></xmp:Thumbnails>"
    b"</rdf:Description></rdf:RDF></x:xmpmeta>" + b" " * 2000 + b'<?xpacket end="w"?>'
)


def iptc(number, value):
    """A record of IPTC-IIM."""
    return struct.pack(">BBBH", 0x1C, 2, number, len(value)) + value


IPTC = iptc(120, b"A caption") + iptc(202, b"the old picture, small") + iptc(80, b"Me")


def resources(*parts):
    """Photoshop's resources."""
    return b"".join(
        b"8BIM" + struct.pack(">HHI", number, 0, len(data)) + data + bytes(len(data) % 2) for number, data in parts
    )


def file_with_notes(kind, corner):
    """A file with XMP, IPTC, 300 dpi and a comment where the format has it."""
    photoshop = resources((0x0BB7, b"odd"), (0x0404, IPTC))
    if kind == "png":
        raw = f"\niptc\n{len(photoshop):8}\n{photoshop.hex()}\n".encode()
        chunks = {"iTXt": b"XML:com.adobe.xmp\0\0\0\0\0" + XMP, "pHYs": struct.pack(">IIB", 11811, 11811, 1)}
        return picture_files.png(corner, **chunks, zTXt=b"Raw profile type iptc\0\0" + zlib.compress(raw))
    if kind == "tif":
        dpi = {0x011A: (5, [300, 1]), 0x011B: (5, [300, 1]), 0x0128: (3, [2])}
        return picture_files.tiff(corner, fields={0x02BC: (1, XMP), 0x83BB: (7, IPTC), **dpi})
    file = io.BytesIO()
    if kind == "webp":
        Image.fromarray(corner).save(file, "WEBP", xmp=XMP, lossless=True)
        return file.getvalue()
    Image.fromarray(corner).save(file, "JPEG", quality=95, dpi=(300, 300), xmp=XMP, comment="Grüße")
    segment = b"Photoshop 3.0\0" + photoshop
    marker = b"\xff\xed" + struct.pack(">H", len(segment) + 2)
    return file.getvalue()[:2] + marker + segment + file.getvalue()[2:]


@pytest.mark.parametrize("kind", ["jpg", "png", "tif", "webp"])
def test_what_others_wrote_of_the_picture_is_offered_without_what_holds_for_the_old_pixels_only(tmp_path, corner, kind):
    (tmp_path / f"a.{kind}").write_bytes(file_with_notes(kind, corner))
    metadata = reading.read(tmp_path / f"a.{kind}").metadata
    assert "<dc:creator>Jörg</dc:creator>" in metadata.xmp.decode()
    assert b'tiff:Orientation="1"' in metadata.xmp
    assert b"<tiff:Orientation>1<" in metadata.xmp
    assert b"9j" not in metadata.xmp
    assert len(metadata.xmp) < len(XMP) - 1900
    assert metadata.iptc == (b"" if kind == "webp" else iptc(120, b"A caption") + iptc(80, b"Me"))
    assert metadata.dpi == (None if kind == "webp" else pytest.approx((300, 300), abs=0.1))
    assert metadata.comment == ("Grüße" if kind == "jpg" else "")


@pytest.mark.parametrize("kind", ["jpg8", "tif8"])
def test_resolution_in_centimeters_and_in_exif_is_told_in_inches(tmp_path, corner, kind):
    fields = {0x011A: (5, [11811, 100]), 0x011B: (5, [11811, 100]), 0x0128: (3, [3])}
    data = picture_files.camera_file(kind, corner, fields=fields)
    (tmp_path / f"a.{ending(kind)}").write_bytes(data)
    assert reading.read(tmp_path / f"a.{ending(kind)}").metadata.dpi == pytest.approx((300, 300), abs=0.1)


@pytest.mark.parametrize("cut", range(0, 24, 3))
def test_damaged_notes_do_no_harm(tmp_path, corner, cut):
    damaged = IPTC[: len(IPTC) - cut] + b"\x1c\x02\x50\xff\xff"
    raw = resources((0x0404, damaged))[: len(damaged) + 12 - cut // 2]
    segment = b"Photoshop 3.0\0" + raw
    file = picture_files.camera_file("jpg8", corner)
    marker = b"\xff\xed" + struct.pack(">H", len(segment) + 2)
    (tmp_path / "a.jpg").write_bytes(file[:2] + marker + segment + file[2:])
    assert iptc(120, b"A caption") in reading.read(tmp_path / "a.jpg").metadata.iptc


ALL = Metadata(picture_files.exif(), b"<x:xmpmeta>J\xc3\xb6rg</x:xmpmeta>", iptc(80, b"Me"), (300.0, 150.0), "Grüße")


@pytest.mark.parametrize("kind", KINDS)
def test_what_goes_along_is_written_where_the_format_has_a_place(tmp_path, corner, kind):
    path = tmp_path / f"a.{ending(kind)}"
    writing.save(path, corner, depth=bits(kind), metadata=ALL)
    found = reading.read(path).metadata
    assert found.xmp == ALL.xmp
    assert found.dpi == pytest.approx(ALL.dpi, abs=0.1)
    assert found.iptc == (b"" if kind == "webp8" else ALL.iptc)
    assert found.comment == (ALL.comment if kind.startswith(("png", "jpg")) else "")
    assert picture_files.ARTIST in found.exif


@pytest.mark.parametrize("kind", KINDS)
def test_other_programs_find_what_went_along(tmp_path, corner, kind):
    path = tmp_path / f"a.{ending(kind)}"
    writing.save(path, corner, depth=bits(kind), metadata=ALL)
    with Image.open(path) as image:
        image.load()
        assert image.info["xmp"] == ALL.xmp
        assert kind == "webp8" or image.info["dpi"] == pytest.approx(ALL.dpi, abs=0.1)
        iptc_found = IptcImagePlugin.getiptcinfo(image)
        assert kind == "webp8" or kind.startswith("png") or iptc_found == {(2, 80): b"Me"}
        if kind.startswith("tif"):
            assert image.tag_v2[0x010E].encode("latin-1").decode() == "Grüße"


@pytest.mark.parametrize("kind", KINDS)
def test_what_is_too_large_or_odd_to_go_along_costs_no_picture(tmp_path, corner, kind):
    huge = Metadata(bytes(100_000), b"<x:xmpmeta>" + bytes(100_000), bytes(100_001), (1e-9, 1e9), "a\0b" * 40_000)
    path = tmp_path / f"a.{ending(kind)}"
    writing.save(path, corner, depth=bits(kind), metadata=huge)
    assert np.abs(reading.load(path)[..., :3] - corner / 255).mean() < 0.02


@pytest.mark.parametrize("kind", KINDS)
def test_large_xmp_and_long_comments_are_kept(tmp_path, corner, kind):
    xmp = b"<x:xmpmeta><rdf:RDF>" + bytes(range(48, 58)) * 20_000 + b"</rdf:RDF></x:xmpmeta>"
    path = tmp_path / f"a.{ending(kind)}"
    writing.save(path, corner, depth=bits(kind), metadata=Metadata(xmp=xmp, comment="äöü" * 40_000))
    found = reading.read(path)
    assert found.metadata.xmp == xmp
    assert found.metadata.comment == ("äöü" * 40_000 if kind.startswith(("png", "jpg")) else "")
    assert not found.warnings


def test_a_second_packet_that_does_not_belong_to_the_first_is_left_out_with_a_word(tmp_path, corner):
    packet = b"<rdf:RDF xmpNote:HasExtendedXMP='0123456789ABCDEF0123456789ABCDEF'>J\xc3\xb6rg</rdf:RDF>"
    part = jpeg.EXTENSION + bytes(40) + b"<rdf:RDF>a depth map</rdf:RDF>"
    Image.fromarray(corner).save(tmp_path / "a.jpg", xmp=packet)
    file = (tmp_path / "a.jpg").read_bytes()
    marker = b"\xff\xe1" + struct.pack(">H", len(part) + 2)
    (tmp_path / "a.jpg").write_bytes(file[:2] + marker + part + file[2:])
    found = reading.read(tmp_path / "a.jpg")
    assert found.metadata.xmp == "<rdf:RDF>Jörg</rdf:RDF>".encode()
    assert found.warnings == (f"{tmp_path / 'a.jpg'} has a second packet of XMP, which is left out.",)


OLD_PICTURES = {
    "attribute": b'<rdf:Description rdf:about="" GImage:Mime="image/jpeg" GImage:Data="SECRET" dc:title="sea"/>',
    "quoted otherwise": b"<rdf:Description rdf:about='' GDepth:Data='SECRET' dc:title='sea'/>",
    "element": b"<rdf:Description><dc:title>sea</dc:title><GImage:Data>SECRET</GImage:Data></rdf:Description>",
    "gain map": b'<rdf:Description hdrgm:Version="SECRET" dc:title="sea"/>',
    "directory": b"<dc:title>sea</dc:title><Container:Directory><rdf:Seq>SECRET</rdf:Seq></Container:Directory>",
    "spaces": b"<rdf:Description GImage:Data = 'SECRET'><dc:title>sea</dc:title><GImage:Data >SECRET</GImage:Data >",
    "two": b"<GImage:Data>SECRET</GImage:Data><dc:title>sea</dc:title><GImage:Data>SECRET</GImage:Data>",
    "empty": b"<GImage:Data/><dc:title>sea</dc:title><GImage:Data>SECRET</GImage:Data>",
    "nested": b"<GImage:Data><GImage:Data>SECRET</GImage:Data>SECRET</GImage:Data><dc:title>sea</dc:title>",
    "thumbnail": b"<dc:title>sea</dc:title><xmp:Thumbnails>SECRET</xmp:Thumbnails>",
}


@pytest.mark.parametrize("kind", OLD_PICTURES)
def test_no_other_picture_goes_along_in_xmp(tmp_path, corner, kind):
    packet = b"<x:xmpmeta><rdf:RDF>" + OLD_PICTURES[kind] + b"</rdf:RDF></x:xmpmeta>"
    (tmp_path / "a.png").write_bytes(picture_files.png(corner, iTXt=b"XML:com.adobe.xmp" + bytes(5) + packet))
    found = reading.read(tmp_path / "a.png").metadata.xmp
    assert b"sea" in found
    assert b"SECRET" not in found


def test_a_million_spaces_in_xmp_take_no_time_and_no_room(tmp_path, corner):
    spaces = b" " * 1_000_000
    packet = b"<x:xmpmeta>sea" + spaces + b"'" + spaces + b"</x:xmpmeta>" + spaces + b'<?xpacket end="w"?>'
    (tmp_path / "a.png").write_bytes(picture_files.png(corner, iTXt=b"XML:com.adobe.xmp" + bytes(5) + packet))
    found = reading.read(tmp_path / "a.png").metadata.xmp
    assert found == packet.replace(b">" + spaces + b"<?", b">\n<?")
