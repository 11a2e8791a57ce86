"""What the eye notices and no style loss measures: the lattice in flat areas."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

BLOCK = 16
"""Side of the blocks that :func:`lattice` looks at."""

FLATTEST = 0.1
"""Share of the blocks that counts as flat."""


def lattice(picture: NDArray[np.uint8]) -> float:
    """How much one wave of 2 to 4 px stands out in the flattest tenth of a picture (H×W×3, 0…255).

    Mean power spectrum of the flat blocks of 16×16 px; the strongest bin over the median of the bins of about the
    same wavelength. Grain gives about 2, photographs 2 to 5; a lattice that can be seen gives more than 10.
    """
    blocks = _flat_blocks(picture.astype(np.float64))
    window = np.hanning(BLOCK)
    deviations = (blocks - blocks.mean(axis=(1, 2), keepdims=True)) * np.outer(window, window)[:, :, None]
    power = np.square(np.abs(np.fft.fft2(deviations, axes=(1, 2)))).mean(axis=(0, 3))
    index = np.abs(np.fft.fftfreq(BLOCK, 1 / BLOCK))
    ring = np.maximum(index[:, None], index[None])
    return max(
        float(power[ring == k].max() / (np.median(power[ring == k]) + 1e-9)) for k in range(BLOCK // 4, BLOCK // 2)
    )


def _flat_blocks(pixels: NDArray[np.float64]) -> NDArray[np.float64]:
    """The blocks, N×16×16×3, whose parts of 4×4 px differ least in their means."""
    rows, columns = pixels.shape[0] // BLOCK, pixels.shape[1] // BLOCK
    cut = pixels[: rows * BLOCK, : columns * BLOCK]
    blocks = cut.reshape(rows, BLOCK, columns, BLOCK, 3).swapaxes(1, 2).reshape(-1, BLOCK, BLOCK, 3)
    means = blocks.reshape(-1, 4, BLOCK // 4, 4, BLOCK // 4, 3).mean(axis=(2, 4))
    variation = means.var(axis=(1, 2)).sum(axis=1)
    count = max(1, round(FLATTEST * len(blocks)))
    return blocks[np.argsort(variation, kind="stable")[:count]]
