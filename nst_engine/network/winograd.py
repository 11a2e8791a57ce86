"""3×3 convolutions with a quarter of the multiplications: Winograd's minimal filtering F(4×4, 3×3).

A. Lavin, S. Gray: Fast Algorithms for Convolutional Neural Networks, CVPR 2016, section 4.3. Tiles of 6×6 inputs, 4
apart, give tiles of 4×4 outputs: Y = Aᵀ[(G g Gᵀ) ⊙ (Bᵀ d B)]A. With many channels nearly all of the work is one
matrix product for each of the 36 places in a tile.
"""

from __future__ import annotations

from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

PLAIN: dict[str, Any] = {"dtype": torch.float32, "device": "cpu"}
"""Whatever PyTorch's defaults are in the program that imports this."""

B_TRANSPOSED = torch.tensor(
    [
        [4.0, 0, -5, 0, 1, 0],
        [0, -4, -4, 1, 1, 0],
        [0, 4, -4, -1, 1, 0],
        [0, -2, -1, 2, 1, 0],
        [0, 2, -1, -2, 1, 0],
        [0, 4, 0, -5, 0, 1],
    ],
    **PLAIN,
)
G = (
    torch.tensor(
        [[6, 0, 0], [-4, -4, -4], [-4, 4, -4], [1, 2, 4], [1, -2, 4], [0, 0, 24]], dtype=torch.float64, device="cpu"
    )
    / 24
)
A_TRANSPOSED = torch.tensor(
    [[1.0, 1, 1, 1, 1, 0], [0, 1, -1, 2, -2, 0], [0, 1, 1, 4, 4, 0], [0, 1, -1, 8, -8, 1]], **PLAIN
)

TILE, WINDOW = A_TRANSPOSED.shape
"""Sides of a tile of outputs and of the inputs that it needs."""

BAND = 6_000_000
"""Most numbers in the transformed tiles of one product, which bounds the memory."""

STRIP = 400_000
"""Most numbers in the tiles that are transformed at a time, which fit in a core's cache."""


class Winograd:
    """A frozen 3×3 convolution: inputs padded by zeros, with one on each side the output is as large as the input.

    In float32 its error is some 3e-6 of the output.
    """

    def __init__(self, kernel: Tensor) -> None:
        """``kernel``: out×in×3×3."""
        places = torch.kron(G, G).to(kernel) @ kernel.flatten(2).permute(2, 1, 0).flatten(1)
        self.kernel = places.view(WINDOW**2, kernel.shape[1], kernel.shape[0])

    def __call__(self, x: Tensor, padding: int = 1) -> Tensor:
        """1×in×h×w in channels-last layout, padded by so many zeros on each side → 1×out×h'×w' in the same."""
        channels, outputs = x.shape[1], self.kernel.shape[2]
        height, width = (side + 2 * padding - (WINDOW - TILE) for side in x.shape[2:])
        rows, columns = -(-height // TILE), -(-width // TILE)
        below, right = (
            count * TILE + WINDOW - TILE - padding - side
            for count, side in zip((rows, columns), x.shape[2:], strict=True)
        )
        padded = F.pad(x[0].permute(1, 2, 0), (0, 0, padding, right, padding, below)).contiguous()
        y = x.new_empty(rows, TILE, columns, TILE, outputs)
        for band in _parts(rows, BAND // (WINDOW**2 * columns * max(channels, outputs))):
            self._fill(y[band], padded[band.start * TILE :])
        y = y.view(1, rows * TILE, columns * TILE, outputs)[:, :height, :width]
        return y.contiguous().permute(0, 3, 1, 2)

    def _fill(self, out: Tensor, padded: Tensor) -> None:
        """Write rows×4×columns×4×out outputs, from the inputs H×W×in whose first rows of tiles are theirs."""
        rows, _, columns, _, outputs = out.shape
        channels = padded.shape[2]
        strips = _parts(rows, STRIP // (WINDOW**2 * columns * max(channels, outputs)))
        data = padded.new_empty(WINDOW**2, rows, columns, channels)
        for strip in strips:
            data[:, strip] = _transformed(padded[strip.start * TILE :], strip.stop - strip.start, columns)
        product = torch.bmm(data.flatten(1, 2), self.kernel).view(WINDOW**2, rows, columns, outputs)
        for strip in strips:
            out[strip] = _tiles(product[:, strip])


def _transformed(padded: Tensor, rows: int, columns: int) -> Tensor:
    """BᵀdB of the first rows of tiles of H×W×in, as 36×rows×columns×in."""
    down, right, _ = padded.stride()
    channels = padded.shape[2]
    tiles = padded.as_strided(
        (WINDOW, WINDOW, rows, columns, channels), (down, right, TILE * down, TILE * right, 1)
    ).reshape(WINDOW, -1)
    transform = B_TRANSPOSED.to(padded)
    by_rows = (transform @ tiles).view(WINDOW, WINDOW, -1)
    return (transform @ by_rows).view(WINDOW**2, rows, columns, channels)


def _tiles(product: Tensor) -> Tensor:
    """AᵀmA of 36×rows×columns×out products, as rows×4×columns×4×out."""
    transform = A_TRANSPOSED.to(product)
    by_columns = transform @ product.view(WINDOW, WINDOW, -1)
    tiles = transform @ by_columns.view(WINDOW, -1)
    return tiles.view(TILE, TILE, *product.shape[1:]).permute(2, 0, 3, 1, 4)


def _parts(count: int, most: int) -> list[slice]:
    """So many rows in runs of at most ``most``, and of at least one."""
    step = max(1, most)
    return [slice(start, min(start + step, count)) for start in range(0, count, step)]
