"""Files made to do harm: all of them end in a picture or in a sentence, soon, and in little memory."""

from __future__ import annotations

import contextlib
import functools
import io
import json
import os
import struct
import subprocess
import sys
import threading
import zlib

import numpy as np
import picture_files
import pytest
from PIL import Image

from nst_engine.errors import NetworkError, PictureError
from nst_engine.files import png, reading, sources, vips
from nst_engine.network import conversion, library

PIXELS = np.random.default_rng(2).integers(0, 256, (24, 32, 3)).astype(np.uint8)

READS_ALL = """
import json, os, resource, sys
from nst_engine.errors import PictureError
from nst_engine.files import reading

room = int(open("/proc/self/statm").read().split()[0]) * resource.getpagesize() if os.path.exists("/proc") else 1 << 32
resource.setrlimit(resource.RLIMIT_AS, (room + 1_200_000_000, -1))
resource.setrlimit(resource.RLIMIT_CPU, (100, 100))
told = {}
for path in sys.argv[1:]:
    try:
        told[os.path.basename(path)] = str(reading.read(path).pixels.shape)
    except PictureError as error:
        told[os.path.basename(path)] = error.message
print(json.dumps(told))
"""
"""Reads files with so many bytes of memory, and seconds, for all of them together."""


def encoded(image_format, *frames, **options):
    file = io.BytesIO()
    first, *others = [Image.fromarray(values) for values in frames or (PIXELS,)]
    first.save(file, image_format, **({"save_all": True, "append_images": others} if others else {}), **options)
    return file.getvalue()


def lying_exif(fields, size, start=100):
    """A block of EXIF whose many fields all claim the same bytes."""
    entries = b"".join(struct.pack("<HHII", 0x1000 + tag, 7, size, start) for tag in range(fields))
    camera = struct.pack("<HHHII", 1, 0x8769, 4, 1, 26) + bytes(4)
    return b"Exif\0\0II*\0" + struct.pack("<I", 8) + camera + struct.pack("<H", fields) + entries


def jpeg(*segments, scans=0):
    """A JPEG file with more segments, given as marker and data, and its last scan so many times more."""
    data = encoded("JPEG", progressive=scans > 0)
    more = b"".join(b"\xff" + bytes([marker]) + struct.pack(">H", len(part) + 2) + part for marker, part in segments)
    last = data.rfind(b"\xff\xda")
    return data[:2] + more + data[2:-2] + data[last:-2] * scans + data[-2:]


def png_with(*chunks):
    """A PNG file with these chunks behind its header."""
    data = picture_files.png(PIXELS)
    return data[:33] + b"".join(picture_files.chunk(*each) for each in chunks) + data[33:]


def png_of_size(width, height):
    """A PNG file that claims a size."""
    data = picture_files.png(PIXELS)
    return data[:8] + picture_files.chunk("IHDR", struct.pack(">II", width, height) + data[24:29]) + data[33:]


def tiff_of(**fields):
    return picture_files.tiff(PIXELS, fields={int(name[1:], 16): value for name, value in fields.items()})


def tiff_with_lying_fields():
    data = picture_files.tiff(PIXELS)
    start = struct.unpack("<I", data[4:8])[0]
    count = struct.unpack("<H", data[start : start + 2])[0]
    lies = b"".join(struct.pack("<HHII", 0x8800 + tag, 7, 1_000_000, 8) for tag in range(30_000))
    entries = data[start + 2 : start + 2 + 12 * count] + lies
    return (
        data[:4]
        + struct.pack("<I", len(data))
        + data[8:]
        + struct.pack("<H", count + 30_000)
        + entries
        + bytes(1_100_000)
    )


def tiff_of_pages(count, loops=False):
    """A TIFF file with directories that hold nothing; the last one may point to the first of them."""
    data = bytearray(picture_files.tiff(PIXELS))
    start = struct.unpack("<I", data[4:8])[0]
    entries = struct.unpack("<H", data[start : start + 2])[0]
    place = start + 2 + 12 * entries
    data[place : place + 4] = struct.pack("<I", len(data))
    first = len(data)
    for page in range(count):
        following = first if loops and page == count - 1 else first + 18 * (page + 1)
        data += struct.pack("<HHHIII", 1, 0x00FE, 4, 1, 0, following)
    return bytes(data)


def tiff_of_tiles(side):
    """A TIFF file of so many tiles on each side, all of them the same bytes."""
    fields = {tag: (3, [value]) for tag, value in ((0x0102, 8), (0x0103, 1), (0x0106, 1), (0x0115, 1))}
    fields |= {0x0100: (4, [16 * side]), 0x0101: (4, [16 * side]), 0x0142: (3, [16]), 0x0143: (3, [16])}
    fields |= {0x0144: (4, [8] * side**2), 0x0145: (4, [256] * side**2)}
    return b"II*\0" + struct.pack("<I", 264) + bytes(256) + picture_files.directory("<", fields, 264)


def tiff_of_strips(count):
    fields = {0x0116: (4, [1]), 0x0101: (4, [count]), 0x0111: (4, [8] * count), 0x0117: (4, [96] * count)}
    return picture_files.tiff(PIXELS, fields=fields)


@functools.cache
def packed_megabytes(count):
    """So many million zeros, compressed."""
    packing = zlib.compressobj(9)
    return b"".join(packing.compress(bytes(10**6)) for _ in range(count)) + packing.flush()


def turning():
    """Three pictures."""
    return [np.roll(PIXELS, shift, axis=1) for shift in range(3)]


def gif_of(count):
    """A GIF file of so many pictures."""
    gif = encoded("GIF")
    picture = gif.index(b"\x2c", 13 + 768)
    return gif[:-1] + gif[picture:-1] * count + b";"


def commented_gif(blocks):
    """A GIF file with a comment of so many blocks."""
    gif = encoded("GIF")
    return gif[:781] + b"\x21\xfe" + (b"\xff" + b"a" * 255) * blocks + b"\0" + gif[781:]


OWN = str(PIXELS.shape)

FILES = {
    "exif.jpg": (lambda: jpeg((0xE1, lying_exif(5_000, 60_000)[:65_000].ljust(65_000, b"x"))), OWN),
    "exif.png": (lambda: picture_files.png(PIXELS, exif=lying_exif(60_000, 900_000) + bytes(1_000_000)), OWN),
    "exif.webp": (lambda: encoded("WEBP", exif=lying_exif(60_000, 900_000) + bytes(1_000_000)), OWN),
    "exif.avif": (lambda: encoded("AVIF", exif=lying_exif(60_000, 900_000) + bytes(1_000_000)), OWN),
    "fields.tif": (lambda: tiff_with_lying_fields(), OWN),
    "segments.jpg": (lambda: jpeg(*[(0xE5, b"x" * 50)] * 10_000), OWN),
    "too-many-segments.jpg": (lambda: jpeg(*[(0xE5, b"")] * 250_000), "too many pieces"),
    "profile.jpg": (lambda: jpeg(*[(0xE2, b"ICC_PROFILE\0\1\xff" + bytes(60_000))] * 300), OWN),
    "filling.jpg": (lambda: b"\xff\xd8" + b"\xff" * 5_000_000 + encoded("JPEG"), "too many pieces"),
    "scans.jpg": (lambda: jpeg(scans=3000), "more than 100 scans"),
    "several.jpg": (lambda: encoded("MPO", *turning()), OWN),
    "no-height.jpg": (lambda: encoded("JPEG").replace(struct.pack(">HH", 24, 32), bytes(4)), "no pixels"),
    "huge.jpg": (lambda: encoded("JPEG").replace(struct.pack(">HH", 24, 32), b"\xff\xdc" * 2), "megapixels"),
    "text.png": (lambda: png_with(("iTXt", b"XML:com.adobe.xmp\0\1\0\0\0" + packed_megabytes(200))), OWN),
    "text-in-hexadecimals.png": (lambda: png_with(("zTXt", b"Raw profile type exif\0\0" + packed_megabytes(200))), OWN),
    "profile.png": (lambda: png_with(("iCCP", b"a\0\0" + packed_megabytes(200))), OWN),
    "texts.png": (lambda: png_with(*[("zTXt", b"Raw profile type exif\0\0" + packed_megabytes(60))] * 300), OWN),
    "chunks.png": (lambda: png_with(*[("tEXt", b"a\0b")] * 30_000), OWN),
    "palettes.png": (lambda: png_with(*[("PLTE", bytes(768))] * 1000), OWN),
    "animated.png": (lambda: encoded("PNG", *turning()), OWN),
    "zero.png": (lambda: png_of_size(0, 10), "no pixels"),
    "thin.png": (lambda: png_of_size(1, 10**8), "pixels"),
    "wide.png": (lambda: png_of_size(10**8, 1), "pixels"),
    "endless.png": (lambda: png_of_size(2**31 - 1, 2**31 - 1), "pixels"),
    "bomb.png": (lambda: png_of_size(20_000, 20_000), "400 megapixels, in a file of"),
    "frames.gif": (lambda: gif_of(10_000), OWN),
    "comments.gif": (lambda: commented_gif(40_000), OWN),
    "frames.webp": (lambda: encoded("WEBP", *turning(), lossless=True), OWN),
    "strips.tif": (lambda: tiff_of_strips(30_000), "(30000, 32, 3)"),
    "tiles.tif": (lambda: tiff_of_tiles(200), "(3200, 3200, 3)"),
    "pages.tif": (lambda: tiff_of_pages(100_000), OWN),
    "loop.tif": (lambda: tiff_of_pages(3, loops=True), OWN),
    "zero.tif": (lambda: tiff_of(x100=(4, [0])), "no pixels"),
    "thin.tif": (lambda: tiff_of(x100=(4, [1]), x101=(4, [10**8])), "pixels"),
    "nowhere.tif": (lambda: b"II*\0\xff\xff\xff\xff" + picture_files.tiff(PIXELS)[8:], "no pixels"),
    "nowhere-big.tif": (lambda: b"II+\0\x08\0\0\0" + b"\xff" * 100, "no pixels"),
    "strip-nowhere.tif": (lambda: tiff_of(x111=(4, [2**32 - 1])), "cannot be read"),
    "endless-strip.tif": (lambda: tiff_of(x101=(4, [90_000]), x116=(4, [90_000]), x117=(4, [2**32 - 1])), "cannot"),
    "postscript.jpg": (lambda: b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n(x) run\n", "a PostScript file"),
    "texture.png": (lambda: b"DDS |\0\0\0" + bytes(200), "a DDS texture"),
    "empty.png": (lambda: b"", "it is empty"),
}  # fmt: skip
"""Name → what makes the file, and what is told of it: a shape, or words of the sentence."""


@pytest.fixture(scope="module")
def told(tmp_path_factory):
    """What is told of each file, by one process that has little time and memory for all of them."""
    folder = tmp_path_factory.mktemp("hostile")
    for name, (make, _) in FILES.items():
        (folder / name).write_bytes(make())
    command = [sys.executable, "-c", READS_ALL, *(str(folder / name) for name in FILES)]
    environment = {**os.environ, "OPENBLAS_NUM_THREADS": "1", "VIPS_CONCURRENCY": "1"}
    done = subprocess.run(command, capture_output=True, text=True, timeout=300, env=environment)
    assert (done.returncode, done.stderr) == (0, "")
    return json.loads(done.stdout)


@pytest.mark.parametrize("name", FILES)
def test_a_hostile_file_ends_in_a_picture_or_in_a_sentence(told, name):
    assert FILES[name][1] in told[name]


@pytest.mark.parametrize("name", ["/dev/zero", "/dev/null", "/proc/self/mem", "a\0b", "x" * 5000, "~nosuchuser/x"])
def test_what_is_no_file_is_refused_in_a_sentence(name):
    with pytest.raises(PictureError, match="cannot be|is no file|There is no file"):
        reading.read(name)


def test_links_in_a_ring_and_folders_are_refused_in_a_sentence(tmp_path):
    (tmp_path / "a.png").symlink_to("b.png")
    (tmp_path / "b.png").symlink_to("a.png")
    for path in (tmp_path / "a.png", tmp_path):
        with pytest.raises(PictureError, match="cannot be read|is a folder"):
            reading.read(path)


def written_into(pipe, data):
    """A thread that writes into a pipe."""
    thread = threading.Thread(target=pipe.write_bytes, args=(data,))
    thread.start()
    return thread


def test_a_pipe_is_read_like_a_file(tmp_path):
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    writing = written_into(pipe, picture_files.png(PIXELS))
    assert np.array_equal(reading.read(pipe).pixels, PIXELS)
    writing.join()


def test_a_pipe_into_which_nobody_writes_is_given_up(tmp_path, monkeypatch):
    monkeypatch.setattr(sources, "PATIENCE", 0.2)
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(PictureError, match="pipe from which next to nothing comes"):
        reading.read(tmp_path / "pipe")


def test_a_pipe_that_drips_is_given_up(tmp_path, monkeypatch):
    monkeypatch.setattr(sources, "PATIENCE", 0.5)
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    program = f"import time\nwith open({str(pipe)!r}, 'wb', 0) as f:\n    while True: f.write(b'x'); time.sleep(0.05)"
    with subprocess.Popen([sys.executable, "-c", program], stderr=subprocess.DEVNULL) as dripping:
        with pytest.raises(PictureError, match="pipe from which next to nothing comes"):
            reading.read(pipe)
        dripping.kill()


def test_a_pipe_that_does_not_end_is_given_up(tmp_path, monkeypatch):
    monkeypatch.setattr(sources, "LARGEST_STREAM", 1 << 20)
    os.mkfifo(tmp_path / "pipe")
    writing = threading.Thread(target=lambda: _ignoring_a_closed_pipe(tmp_path / "pipe"))
    writing.start()
    with pytest.raises(PictureError, match="pipe that does not end"):
        reading.read(tmp_path / "pipe")
    writing.join()


def _ignoring_a_closed_pipe(pipe):
    with contextlib.suppress(BrokenPipeError):
        pipe.write_bytes(bytes(4 << 20))


@pytest.mark.parametrize("rest", [0, 100, 3000])
def test_a_file_that_is_cut_off_while_it_is_read(tmp_path, rest):
    values = np.random.default_rng(1).integers(0, 256, (200, 60, 3)).astype(np.uint8)
    path = tmp_path / "a.png"
    path.write_bytes(picture_files.png(values))
    with open(path, "rb") as file:
        contents = png.contents(file)
        os.truncate(path, rest)
        with pytest.raises(ValueError, match="read error|damaged"):
            vips.pixels(contents)


def test_a_picture_larger_than_the_memory_that_is_free_is_refused_with_both(tmp_path):
    path = tmp_path / "a.png"
    path.write_bytes(png_of_size(12_000, 12_000))
    program = (
        "import resource; from nst_engine.files import reading;"
        "room = int(open('/proc/self/statm').read().split()[0]) * resource.getpagesize();"
        "resource.setrlimit(resource.RLIMIT_AS, (room + 300_000_000, -1)); reading.read('a.png')"
    )
    done = subprocess.run([sys.executable, "-c", program], cwd=tmp_path, capture_output=True, text=True, env={
        **os.environ, "PYTHONPATH": os.pathsep.join(sys.path), "OPENBLAS_NUM_THREADS": "1"
    })  # fmt: skip
    assert "a.png has 144 megapixels: to read it takes 0.5 GB of memory, and 0." in done.stderr


def test_a_large_photograph_is_read_and_a_file_that_only_claims_to_be_one_is_not(tmp_path, monkeypatch):
    monkeypatch.setattr(reading, "CREDIBLE_PIXELS", 10_000)
    noise = np.random.default_rng(1).integers(0, 256, (300, 400, 3)).astype(np.uint8)
    (tmp_path / "a.png").write_bytes(picture_files.png(noise))
    (tmp_path / "b.png").write_bytes(picture_files.png(np.zeros_like(noise)))
    assert reading.read(tmp_path / "a.png").pixels.shape == noise.shape
    with pytest.raises(PictureError, match="claims to have 0 megapixels"):
        reading.read(tmp_path / "b.png")


def test_no_other_program_is_started(tmp_path):
    """Not even for a file that asks for it by its contents."""
    (tmp_path / "gs").write_text(f"#!/bin/sh\ntouch {tmp_path}/started\n")
    (tmp_path / "gs").chmod(0o755)
    (tmp_path / "photo.jpg").write_bytes(FILES["postscript.jpg"][0]())
    program = "from nst_engine.files import reading; reading.read('photo.jpg')"
    environment = {"PATH": str(tmp_path), "PYTHONPATH": os.pathsep.join(sys.path)}
    subprocess.run([sys.executable, "-c", program], cwd=tmp_path, env=environment, capture_output=True)
    assert not (tmp_path / "started").exists()


def test_a_pipe_is_no_network(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(NetworkError, match="There is no network"):
        library.load(str(tmp_path / "pipe"))
    with pytest.raises(NetworkError, match="pipe is no file"):
        conversion.add(str(tmp_path / "pipe"))
