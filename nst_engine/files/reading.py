"""Picture files → arrays: upright, in sRGB, in the file's own depth, with what is to go along into a result's file.

Each format has a module that takes its files apart without decoding a pixel. So the size is known, and what reading
will cost, before any of it is paid; and decoders see nothing but what they need for the pixels.
"""

from __future__ import annotations

import logging
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import BinaryIO

import numpy as np
from PIL import UnidentifiedImageError

from nst_engine import memory
from nst_engine.errors import PictureError
from nst_engine.files import formats, gif, jpeg, pillow, png, psd, sources, tiff, vips, webp
from nst_engine.files.contents import Contents, Foreign, Metadata, in_plain_words
from nst_engine.files.formats import Format
from nst_engine.files.vips import Integers
from nst_engine.pixels import Floats, Size

logging.getLogger("PIL").addHandler(logging.NullHandler())  # of damaged files we speak ourselves

TAKEN_APART: dict[str, Callable[[BinaryIO], Contents]] = {
    **{each.name: partial(pillow.contents, name=each.name) for each in formats.ALL},
    "PNG": png.contents,
    "JPEG": jpeg.contents,
    "TIFF": tiff.contents,
    "WEBP": webp.contents,
    "GIF": gif.contents,
    "PSD": psd.contents,
}
"""A format's name → what takes its files apart: Pillow, where there is no module of ours."""

LONGEST_SIDE = 1_000_000

CREDIBLE_PIXELS = 178_956_970
"""Up to here a picture may be one of a single color, however small its file is."""

PIXELS_PER_BYTE = 200
"""Pixels of a photograph for each byte of its file; 60 are very many."""

SPARE = 32 << 20
"""Bytes that decoders take for themselves."""

DIM = 4095
"""Of 65535: nothing brighter is in a picture of 12 bits or fewer that was written into 16 as it was."""

EMPTY = "empty"

RAW_REMEDY = "Develop it with darktable, RawTherapee or the camera's program, and export it as TIFF or JPEG."
EXPORT_REMEDY = "Open it in GIMP and export it as PNG."
ANEW_REMEDY = "Open it in an editor and save it anew, as PNG with 8 or 16 bits per channel."
FILE_REMEDY = "See that it is a file and whole, or save it anew."
FORMATS_REMEDY = "Give a PNG, JPEG, TIFF, WebP, GIF, BMP, PSD, AVIF or HEIC file."


@dataclass(frozen=True)
class Picture:
    """What a file holds: upright sRGB pixels, and what is to be written beside a picture made from them.

    ``pixels`` is H×W×3, or H×W×4 with straight alpha, and uint8 or uint16 as the file is. ``warnings`` are sentences
    on what was odd about the file and may show.
    """

    pixels: Integers
    metadata: Metadata = Metadata()
    warnings: tuple[str, ...] = ()

    @property
    def depth(self) -> int:
        """Bits per channel: 8 or 16."""
        return 8 * self.pixels.itemsize


def load(path: str | Path, long_side: int | None = None) -> Floats:
    """Only the pixels of a file, as :func:`read` reads them, but H×W×4 float32 in [0, 1]."""
    return floats(read(path, long_side).pixels)


def floats(pixels: Integers) -> Floats:
    """H×W×3|4 integers as H×W×4 in [0, 1]."""
    height, width, channels = pixels.shape
    found = np.ones((height, width, 4), np.float32)
    np.divide(pixels, np.iinfo(pixels.dtype).max, out=found[..., :channels], dtype=np.float32)
    return found


def read(path: str | Path, long_side: int | None = None, short_side: int = 0) -> Picture:
    """The picture in a file, upright (EXIF orientation) and in sRGB (from its profile), at most ``long_side`` long.

    A very thin one may stay longer: its short side is not made smaller than ``short_side``.
    Raises :class:`PictureError` for a file that is missing, not a picture, damaged, or too large for the memory.
    """
    with _told(path), sources.opened(path) as file:
        kind = _format(file, Path(path))
        promised = formats.READ_ENDINGS.get(Path(path).suffix.lower(), kind)
        article = "an" if kind is formats.AVIF else "a"
        surprise = "" if kind is promised else f"is {article} {kind.name} file, whatever its name says"
        with _decoding(f"{path} {surprise}, and" if surprise else str(path)):
            contents = TAKEN_APART[kind.name](file)
            scale = _scale(contents, long_side, short_side)
            _check_size(path, contents, sources.size(file), scale)
            pixels = vips.pixels(contents, scale)
    told = dict.fromkeys(([surprise] if surprise else []) + contents.warnings + _darkness(pixels))
    return Picture(pixels, contents.metadata, tuple(f"{path} {warning}." for warning in told))


def _format(file: BinaryIO, path: Path) -> Format:
    """The format of a file by its beginning; raises :class:`Foreign` for one that is not read."""
    file.seek(0)
    head = file.read(formats.ENOUGH)
    found = formats.recognized(head)
    if found is None:
        raise Foreign("" if head else EMPTY)
    if isinstance(found, str):
        raise Foreign(found)
    if found is formats.TIFF and path.suffix.lower() in formats.RAW_ENDINGS:
        raise Foreign(f"{formats.RAW} ({path.suffix[1:].upper()})")
    return found


def _scale(contents: Contents, long_side: int | None, short_side: int) -> float:
    """How much smaller a picture is read than it is: 1 for not at all."""
    shortest, longest = sorted((contents.width, contents.height))
    return min(1.0, max(long_side / longest, short_side / shortest)) if long_side and shortest else 1.0


def _check_size(path: str | Path, contents: Contents, file_size: int, scale: float) -> None:
    """Raise :class:`PictureError` for a size that cannot be true, or that does not fit the memory that is free."""
    width, height = contents.width, contents.height
    count, longest = width * height, max(width, height)
    if not count:
        raise ValueError("it has no pixels")
    if longest > LONGEST_SIDE:
        raise PictureError(f"{path} has {width}×{height} pixels.", "No side may have more than a million.")
    if count > CREDIBLE_PIXELS and count > PIXELS_PER_BYTE * file_size:
        raise PictureError(
            f"{path} claims to have {count // 10**6} megapixels, in a file of {-(-file_size // 1000)} kB.",
            "Do not trust where it comes from, or save it anew with another program.",
        )
    pixels = count * max(3, contents.channels) * contents.depth // 8
    needed = int(pixels * scale**2) * (1 if contents.exif.orientation == 1 else 2) + contents.held + SPARE
    if needed > (free := memory.free()):
        raise PictureError(
            f"{path} has {count / 1e6:.0f} megapixels: to read it takes {needed / 1e9:.1f} GB of memory, and "
            f"{free / 1e9:.1f} GB are free.",
            "Scale it down first, or close other programs.",
        )


def _darkness(pixels: Integers) -> list[str]:
    """What to say of a picture whose numbers hardly begin to be bright; nothing of any other."""
    most = int(pixels[..., :3].max()) if pixels.dtype == np.uint16 else 0
    told = f"is nearly black: its largest value is {most} of 65535; GIMP's Colors > Levels mends it"
    return [told] if 0 < most <= DIM else []


def size(path: Path) -> Size:
    """Height and width of the picture in a file, upright, of which not a pixel is read; raises as :func:`read` does."""
    with _told(path), sources.opened(path) as file, _decoding(str(path)):
        contents = TAKEN_APART[_format(file, path).name](file)
    found = Size(contents.height, contents.width)
    return Size(*found[::-1]) if contents.exif.is_sideways else found


def is_half(path: Path) -> bool:
    """Whether a file is empty, or only a part of a picture, as a full disk or a broken copy leaves it."""
    with _told(path), sources.opened(path) as file:
        head = file.read(formats.ENOUGH)
        found = formats.recognized(head)
        if found is None or isinstance(found, str):
            is_begun = any(head.startswith(mark[: len(head)]) for mark in formats.MARKS)
            return not head.strip(b"\0") or (is_begun and len(head) < formats.SURE)
        try:
            with _decoding(str(path)):
                return not vips.is_whole(TAKEN_APART[found.name](file))
        except (PictureError, Foreign):
            return True


@contextmanager
def _told(path: str | Path) -> Iterator[None]:
    """Whatever goes wrong with a file, in a sentence."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # Pillow's on odd files, which are read all the same
            yield
    except PictureError:
        raise
    except FileNotFoundError:
        raise PictureError(f"There is no file {path}.", "Check the path.") from None
    except IsADirectoryError:
        raise PictureError(f"{path} is a folder.", "Give a picture in it.") from None
    except PermissionError:
        raise PictureError(f"{path} may not be read.", "Check its permissions.") from None
    except Foreign as other:
        raise _refusal(path, other) from None
    except OSError as error:
        raise PictureError(f"{path} cannot be read ({error.strerror or error}).", FILE_REMEDY) from None
    except ValueError as error:  # a zero in the name
        raise PictureError(f"{path!r} cannot be the name of a file ({error}).", "Check the path.") from None


@contextmanager
def _decoding(subject: str) -> Iterator[None]:
    """Whatever decoders say, in a sentence on the file; there is no end to what they raise on damaged ones."""
    try:
        yield
    except (PictureError, Foreign):
        raise
    except MemoryError:
        raise PictureError(f"{subject} does not fit into memory.", "Scale it down first.") from None
    except UnidentifiedImageError:
        raise PictureError(f"{subject} cannot be read (it is damaged).", ANEW_REMEDY) from None
    except Exception as error:
        raise PictureError(f"{subject} cannot be read ({in_plain_words(str(error))}).", ANEW_REMEDY) from None


def _refusal(path: str | Path, other: Foreign) -> PictureError:
    if other.kind == EMPTY:
        return PictureError(f"{path} is not a picture: it is empty.", FORMATS_REMEDY)
    if not other.kind:
        return PictureError(f"{path} is not a picture that can be read.", FORMATS_REMEDY)
    if other.kind in formats.NO_PICTURES.values():
        return PictureError(f"{path} is {other.kind} and no picture.", FORMATS_REMEDY)
    remedy = other.remedy or (RAW_REMEDY if other.kind.startswith(formats.RAW) else EXPORT_REMEDY)
    return PictureError(f"{path} is {other.kind}, which is not read here.", remedy)
