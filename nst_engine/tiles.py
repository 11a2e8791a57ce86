"""A picture in tiles: which pixels each tile owns, and how much around them the network has to see.

Each position of each feature map belongs to exactly one tile. A tile's features are those of the whole picture if it
is seen with a margin of the network's receptive field and starts where the poolings' windows do; at the picture's
real border nothing is added, so there the network pads as it does for the whole.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import NamedTuple

from torch import Tensor

from nst_engine.network.layers import positions_of, reach, stride
from nst_engine.pixels import Size

ALIGNMENT = 16
"""Pixels of a pooling window of the deepest layers. Tiles and margins are whole numbers of it."""


class Box(NamedTuple):
    """A rectangle in a picture or a feature map; ends are exclusive."""

    top: int
    left: int
    bottom: int
    right: int

    @property
    def size(self) -> Size:
        """Its height and width."""
        return Size(self.bottom - self.top, self.right - self.left)

    def of(self, maps: Tensor) -> Tensor:
        """This part of a …×H×W tensor, no copy."""
        return maps[..., self.top : self.bottom, self.left : self.right]

    def within(self, other: Box) -> Box:
        """The same rectangle, counted from the other's corner."""
        return Box(self.top - other.top, self.left - other.left, self.bottom - other.top, self.right - other.left)

    def widened(self, before: int, after: int, size: Size) -> Box:
        """With so many more pixels before and after, as far as a picture of this size has them."""
        bottom, right = min(size.height, self.bottom + after), min(size.width, self.right + after)
        return Box(max(0, self.top - before), max(0, self.left - before), bottom, right)


class Tile(NamedTuple):
    """Pixels that a tile owns of a picture of ``size``, and those that the network is shown for them."""

    owned: Box
    shown: Box
    size: Size

    def owned_at(self, layer: str) -> Box:
        """The positions that it owns in a layer's feature map of the whole picture."""
        step, whole = stride(layer), positions_of(self.size, layer)
        bottom = whole.height if self.owned.bottom == self.size.height else self.owned.bottom // step
        right = whole.width if self.owned.right == self.size.width else self.owned.right // step
        return Box(self.owned.top // step, self.owned.left // step, bottom, right)

    def owned_features(self, layer: str, features: Tensor) -> Tensor:
        """Of the features of what is shown (C×h×w), those that it owns."""
        step = stride(layer)
        corner = Box(self.shown.top // step, self.shown.left // step, 0, 0)
        return self.owned_at(layer).within(corner).of(features)

    def owned_pixels(self, shown: Tensor, following: int) -> Tensor:
        """Of what is shown (…×h×w), what it owns and so many pixels after it, as far as there are any."""
        return self.owned.widened(0, following, self.size).within(self.shown).of(shown)


SIDES = (None, 1024, 768, 512, 384, 256)
"""About how large tiles may be, from none at all to the smallest that are worth their margins."""


SHARED_PIXELS = 2**20
"""Pictures with fewer pixels stay on one device, however many there are: its steps take milliseconds."""


class Toll(NamedTuple):
    """What tiles cost. ``pixels`` is what the network is shown of the largest of them; ``work`` is that of the device
    with most of it over that of a picture in one piece. The way forward is gone twice where a device has several."""

    pixels: int
    work: float


def toll(size: Size, side: int | None, layers: Collection[str], devices: int = 1) -> Toll:
    """What tiles of about this side cost for a picture of this size that so many devices share, each in its turn."""
    shown = [tile.shown.size.pixels for tile in tiles(size, side, layers)]
    devices = devices if size.pixels >= SHARED_PIXELS else 1
    most = max(sum(shown[first::devices]) for first in range(devices))
    return Toll(max(shown), (1.0 if len(shown) <= devices else 4 / 3) * most / size.pixels)


def sides_by_work(size: Size, layers: Collection[str], devices: int = 1) -> list[int | None]:
    """SIDES, the quickest first."""
    return sorted(SIDES, key=lambda side: toll(size, side, layers, devices).work)


def side_within(size: Size, pixels: int, layers: Collection[str], devices: int = 1) -> int | None:
    """The side of the quickest tiles of which the network is shown no more than so many pixels at once."""
    quickest = sides_by_work(size, layers, devices)
    return next((side for side in quickest if toll(size, side, layers).pixels <= pixels), SIDES[-1])


def tiles(size: Size, side: int | None, layers: Collection[str]) -> list[Tile]:
    """A picture's tiles of about this side for the features of these layers; one tile where it is None."""
    margin = max((-(-reach(layer) // ALIGNMENT) * ALIGNMENT for layer in layers), default=ALIGNMENT)
    rows, columns = (_cuts(length, side or length) for length in size)
    owned = [
        Box(top, left, bottom, right)
        for top, bottom in zip(rows, rows[1:], strict=False)
        for left, right in zip(columns, columns[1:], strict=False)
    ]
    return [Tile(box, box.widened(margin, margin, size), size) for box in owned]


def _cuts(length: int, side: int) -> list[int]:
    """Where to cut a length into equal parts of at most about ``side``, none below twice the alignment."""
    count = max(1, min(-(-length // side), length // (2 * ALIGNMENT)))
    return [*(round(length * index / count / ALIGNMENT) * ALIGNMENT for index in range(count)), length]
