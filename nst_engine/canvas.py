"""The content and the maps on it, at any size."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from nst_engine.errors import PictureError
from nst_engine.objective import Constraints
from nst_engine.originals import Original, OriginalMask, OriginalPicture
from nst_engine.pixels import Masks, Pixels, Size, bands
from nst_engine.tensors import resize
from nst_engine.words import Words


class Scaled:
    """A picture or mask on a device, at the size painted at and below. Of its own size nothing is kept but what was
    given."""

    REMEMBERED = 2
    """How many sizes below the one painted at are kept: that of a scale, and that of its previews."""

    def __init__(
        self, original: Original, painted: Size, device: torch.device, on_band: Callable[[], None] = lambda: None
    ) -> None:
        self.original, self.painted, self.device, self.on_band = original, painted, device, on_band
        self.kept = None if painted == original.size else original.at(painted, on_band).to(device)
        self.smaller: dict[Size, Tensor] = {}

    def at(self, size: Size) -> Tensor:
        """1×C×H×W in [0, 1], at most as large as the size painted at."""
        return self._at(size, self.on_band)

    def rows(self, size: Size, band: slice) -> Tensor:
        """Rows of it at its own size or at one that :meth:`at` knows, in main memory; nobody hears of it."""
        if size == self.original.size:
            return self.original.rows(band)
        return self._at(size, lambda: None)[:, :, band].cpu()

    def _at(self, size: Size, on_band: Callable[[], None]) -> Tensor:
        if size == self.painted:
            return self.original.at(size, on_band).to(self.device) if self.kept is None else self.kept
        if size not in self.smaller:
            while len(self.smaller) >= self.REMEMBERED:
                del self.smaller[next(iter(self.smaller))]
            made = self.original.at(size, on_band) if self.kept is None else resize(self.kept, size).clamp_(0, 1)
            self.smaller[size] = made.to(self.device)
        return self.smaller[size]


class Canvas:
    """The content and the maps on it, to be painted at one size. Masks are None where all is alike.

    ``on_band`` hears of parts of what takes seconds at a large size.
    """

    def __init__(
        self,
        content: OriginalPicture,
        masks: Masks,
        painted: Size,
        device: torch.device,
        on_band: Callable[[], None] = lambda: None,
    ) -> None:
        self.original, self.size, self.painted, self.device = content, content.size, painted, device
        self.on_band = on_band
        self.content = Scaled(content, painted, device, on_band)
        self.protection = self.mask(Words("protection map"), masks.protection)
        self.selection = self.mask(Words("selection"), masks.selection)
        if not any(self._is_paintable(band) for band in bands(self.size)):
            raise PictureError("Nothing of the content is left to paint.", "Select or unprotect some of it.")

    def mask(self, what: Words, pixels: Pixels | None) -> Scaled | None:
        """A mask of the content's size; PictureError for one of another size."""
        if pixels is None:
            return None
        return Scaled(OriginalMask(what, pixels, self.size), self.painted, self.device, self.on_band)

    def content_at(self, size: Size) -> Tensor:
        """The content, 1×3×H×W in [0, 1]."""
        return self.content.at(size)[:, :3]

    def constraints_at(self, size: Size) -> Constraints:
        """What may change at a scale, and what is held there."""
        return _constraints(*(None if map_ is None else map_.at(size) for map_ in self._maps))

    def constraints_rows(self, size: Size, band: slice) -> Constraints:
        """The same of these rows at the content's own size or one painted at, in main memory."""
        return _constraints(*(None if map_ is None else map_.rows(size, band) for map_ in self._maps))

    def styled_at(self, size: Size) -> Tensor | None:
        """Where the picture is to have a style, H×W; None for everywhere."""
        return _styled(self.constraints_at(size))

    @property
    def _maps(self) -> tuple[Scaled | None, Scaled | None, Scaled | None]:
        return self.content if not self.original.is_opaque else None, self.protection, self.selection

    def _is_paintable(self, band: slice) -> bool:
        styled = _styled(self.constraints_rows(self.size, band))
        return styled is None or bool(styled.max() > 0.01)


def flat(mask: Tensor | None) -> Tensor | None:
    """The last channel of 1×C×H×W → H×W."""
    return None if mask is None else mask[0, -1]


def product(first: Tensor | None, second: Tensor | None) -> Tensor | None:
    """Two masks as one; None is a mask of ones."""
    return second if first is None else first if second is None else first * second


def inverse(mask: Tensor | None) -> Tensor | None:
    return None if mask is None else 1 - mask


def _constraints(content: Tensor | None, protection: Tensor | None, selection: Tensor | None) -> Constraints:
    """From the content with its alpha (None where it is opaque) and the masks, 1×C×H×W."""
    alpha = None if content is None else content[0, 3].clone()  # without the colors, which may be large
    protection, selection = flat(protection), flat(selection)
    return Constraints(
        free=product(inverse(protection), selection), protection=protection, area=product(alpha, selection)
    )


def _styled(constraints: Constraints) -> Tensor | None:
    return product(constraints.area, inverse(constraints.protection))
