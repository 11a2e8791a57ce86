"""Picture files ⇄ arrays: H×W×4 float32, sRGB-encoded RGB in [0, 1] and straight alpha."""

from __future__ import annotations

import io
import os
import tempfile
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageCms, ImageOps, UnidentifiedImageError

from nst_engine.errors import PictureError

Floats = NDArray[np.float32]

WITHOUT_ALPHA = {".jpg", ".jpeg"}


def load(path: str | Path) -> Floats:
    """The picture in a file, upright (EXIF orientation), in sRGB (from its ICC profile), as H×W×4 float32.

    Raises :class:`PictureError` for a file that is missing, not a picture, or damaged.
    """
    try:
        with Image.open(path) as image:
            image.load()
            return _pixels(_in_srgb(ImageOps.exif_transpose(image)))
    except FileNotFoundError:
        raise PictureError(f"There is no file {path}.", "Check the path.") from None
    except UnidentifiedImageError:
        raise PictureError(f"{path} is not a picture.", "Give a PNG, JPEG, TIFF or WebP file.") from None
    except Image.DecompressionBombError:
        raise PictureError(f"{path} is larger than 178 megapixels.", "Scale it down first.") from None
    except (OSError, SyntaxError, ValueError) as error:
        raise PictureError(f"{path} cannot be read ({error}).", "Open it in an editor and save it anew.") from None


def save(path: str | Path, pixels: Floats, force: bool = False) -> None:
    """Write H×W×4 pixels to a file whose ending names the format; whole or not at all.

    Raises :class:`PictureError` when the file exists and ``force`` is not set, or cannot be written.
    """
    path = Path(path)
    check_output(path, force)
    has_alpha = path.suffix.lower() not in WITHOUT_ALPHA and bool((pixels[..., 3] < 1).any())
    image = Image.fromarray(to_bytes(pixels if has_alpha else pixels[..., :3]))
    image_format = Image.registered_extensions()[path.suffix.lower()]
    try:
        with tempfile.NamedTemporaryFile(
            dir=path.parent, prefix=f".{path.stem}-", suffix=path.suffix, delete=False
        ) as file:
            try:
                image.save(file, image_format, icc_profile=_srgb_profile(), quality=95)
                file.flush()
                os.chmod(file.name, 0o666 & ~_umask())
            except BaseException:
                file.close()
                os.unlink(file.name)
                raise
        os.replace(file.name, path)
    except OSError as error:
        raise PictureError(f"{path} cannot be written ({error.strerror or error}).", "Choose another place.") from None


def check_output(path: Path, force: bool) -> None:
    """Raise :class:`PictureError` now rather than after minutes of work if ``path`` cannot be written."""
    Image.init()
    if Image.registered_extensions().get(path.suffix.lower()) not in Image.SAVE:
        raise PictureError(f"The ending of {path} names no picture format.", "Use .png, .jpg, .tif or .webp.")
    if not path.absolute().parent.is_dir():
        raise PictureError(f"There is no folder {path.absolute().parent}.", "Make it first, or choose another place.")
    if path.exists() and not force:
        raise PictureError(f"{path} exists already.", "Choose another name, or add --force to replace it.")


def to_bytes(pixels: Floats) -> NDArray[np.uint8]:
    """Pixels in [0, 1] as rounded 8-bit values; what lies outside is clipped."""
    return np.clip(np.rint(pixels * 255), 0, 255).astype(np.uint8)


def _in_srgb(image: Image.Image) -> Image.Image:
    """The image in the mode RGB or RGBA with sRGB values."""
    profile = image.info.get("icc_profile")
    alpha = image.convert("RGBA").getchannel("A") if image.has_transparency_data else None
    if image.mode.startswith(("I", "F")):
        image = _sixteen_bit_as_eight(image)
    if image.mode not in ("RGB", "L", "CMYK"):
        image = image.convert("L" if image.mode in ("1", "LA", "La") else "RGB")
    if profile:
        try:
            source = ImageCms.ImageCmsProfile(io.BytesIO(profile))
            converted = ImageCms.profileToProfile(image, source, ImageCms.createProfile("sRGB"), outputMode="RGB")
            image = converted or image
        except ImageCms.PyCMSError:
            pass  # a damaged profile, or one of another color model: the values are taken as sRGB, as browsers do
    image = image.convert("RGB")
    if alpha is not None:
        image.putalpha(alpha)
    return image


def _sixteen_bit_as_eight(image: Image.Image) -> Image.Image:
    """Gray of 16 bits (Pillow's modes I and F) in 8 bits."""
    values = np.asarray(image, dtype=np.float64)
    white = 65535 if values.max(initial=0) > 255 else 255
    return Image.fromarray(np.clip(values * 255 / white, 0, 255).astype(np.uint8))


def _pixels(image: Image.Image) -> Floats:
    return np.asarray(image.convert("RGBA")).astype(np.float32) / np.float32(255)


def _srgb_profile() -> bytes:
    return ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask
