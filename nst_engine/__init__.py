"""Neural style transfer by optimisation (Gatys, Ecker & Bethge 2015/2016) for image editors and for Python.

>>> from nst_engine import Options, stylize
>>> picture = stylize(content, style, Options(quality="draft"))  # H×W×3|4 arrays or Pillow images in, H×W×4 out
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from nst_engine.errors import (
    DeviceError,
    NetworkError,
    OptionError,
    OutOfMemory,
    PictureError,
    ProtocolError,
    StyleTransferError,
)
from nst_engine.options import Options, checked

# PyTorch's threads on Linux wait for one another by spinning, which starves them beside a busy editor. With a short
# spin a picture took a third less time beside one busy process, and 7 % more alone. To be set before torch is loaded.
os.environ.setdefault("GOMP_SPINCOUNT", "1000")

# The library of convolutions remembers code for 1024 shapes, and a folder of pictures has new ones with each picture.
os.environ.setdefault("ONEDNN_PRIMITIVE_CACHE_CAPACITY", "256")

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from nst_engine.library_pictures import Given
    from nst_engine.pixels import StylePicture as StylePicture
    from nst_engine.progress import Step

__all__ = [
    "DeviceError",
    "NetworkError",
    "OptionError",
    "Options",
    "OutOfMemory",
    "PictureError",
    "ProtocolError",
    "StylePicture",
    "StyleTransferError",
    "stylize",
]
__version__ = "0.1.0"


def stylize(
    content: Given,
    styles: Given | StylePicture | Sequence[Given | StylePicture],
    options: Options | Mapping[str, Any] = Options(),
    *,
    protection: Given | None = None,
    selection: Given | None = None,
    init: Given | None = None,
    on_step: Callable[[Step], None] = lambda step: None,
    should_stop: Callable[[], bool] = lambda: False,
) -> NDArray[Any]:
    """Paint a picture in one or several styles.

    Pictures are arrays, tensors or Pillow images of sRGB-encoded values with straight alpha: H×W×3|4, or gray, or
    channels first, or a batch of one; fractions, 8 or 16 bits. What could mean two things is refused. Pillow images
    are taken as they lie in memory, not turned as EXIF may ask. A style may be a :class:`StylePicture`, which adds
    weight and region.
    ``protection`` (what is to stay) and ``selection`` (what is to be painted) are masks of the content's size; of
    colors the lightness counts. ``init`` is the picture to start from, ``options`` may be a mapping of names to values.

    ``on_step`` hears of each step, and now and then within a long one: fraction done, seconds left, losses, how many
    steps are made, and a preview that is made when asked for. When ``should_stop`` says so, the picture as it
    stands is returned. The result is H×W×4 float32 in [0, 1], of the content's size (uint8 where no memory was left for
    that). Raises :class:`StyleTransferError`.
    """
    from nst_engine import memory

    chosen = checked(options)
    if init is not None and chosen.init:
        raise OptionError("init and the option 'init' both say what to start from.", "Leave one of them out.")
    memory.check_start()

    from nst_engine import (
        library_pictures,
        modes,
        painting,
    )  # not before they are needed: PyTorch takes seconds to load
    from nst_engine.pixels import Masks

    masks = Masks(library_pictures.mask(protection), library_pictures.mask(selection))
    started_from = None if init is None else library_pictures.pixels(init)
    pictures = library_pictures.pixels(content), library_pictures.styles(styles)
    with modes.usual():
        return painting.Painter(chosen).paint(*pictures, masks, started_from, on_step, should_stop).picture


def __getattr__(name: str) -> Any:
    """StylePicture, which needs numpy; an installer reads the options with nothing but Python."""
    if name != "StylePicture":
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from nst_engine.pixels import StylePicture

    return StylePicture
