"""The layers of VGG-19: their names, and how their positions lie in a picture."""

from __future__ import annotations

from nst_engine.pixels import Size

CONVOLUTIONS = tuple(
    f"conv{block}_{index}" for block, depth in enumerate((2, 2, 4, 4, 4), start=1) for index in range(1, depth + 1)
)
"""The convolutions of VGG-19 (Simonyan & Zisserman 2014, table 1, column E), shallowest first."""

LAYERS = tuple(name.replace("conv", "relu") for name in CONVOLUTIONS)
"""The layers whose features can be asked for, shallowest first: each is a convolution after its ReLU."""


def stride(layer: str) -> int:
    """Pixels from one position of a layer's feature map to the next."""
    return 1 << int(layer[4]) - 1


def positions_of(size: Size, layer: str) -> Size:
    """Height and width of a layer's feature map for a picture of this size."""
    return Size(*(length // stride(layer) for length in size))


def reach(layer: str) -> int:
    """How many pixels beyond a position's own stride×stride pixels its features depend on, on each side."""
    return sum(stride(name) for name in LAYERS[: LAYERS.index(layer) + 1])
