"""Pictures made by formulas, for tests that need something to paint."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray


def stripes(height: int, width: int, period: int, seed: int) -> NDArray[np.float32]:
    """A colorful slanted pattern with a little noise, H×W×4: a picture with structure at one scale."""
    generator = np.random.default_rng(seed)
    y, x = np.mgrid[:height, :width]
    wave = 0.5 + 0.5 * np.sin(2 * np.pi * (x + y * generator.uniform(-1, 1)) / period)
    first, second = generator.random((2, 3))
    rgb = wave[..., None] * first + (1 - wave[..., None]) * second + generator.normal(0, 0.03, (height, width, 3))
    return np.concatenate([rgb.clip(0, 1), np.ones((height, width, 1))], axis=2).astype(np.float32)
