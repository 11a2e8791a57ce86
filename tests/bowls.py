"""Objectives whose lowest place and curvature are known."""

from __future__ import annotations

import torch
from torch import Tensor

from nst_engine.losses import Losses
from nst_engine.pixels import Size

COARSE, FINE = Size(48, 64), Size(95, 128)

UNIT = 2.0**40
"""So much larger is everything said to be: the classic script's Adam would not move for less."""


def noise(size: Size, seed: int = 0) -> Tensor:
    return torch.randn(1, 3, *size, generator=torch.Generator().manual_seed(seed))


def gradient_change(change: Tensor) -> Tensor:
    """That of an objective a hundred times as steep for the finest of details, thrice for a color."""
    height, width = change.shape[2:]
    frequency = torch.hypot(torch.fft.fftfreq(height)[:, None], torch.fft.rfftfreq(width)[None])
    steepness = 0.01 + frequency.square()
    light = change.mean(dim=1, keepdim=True)
    weighted = light + 3 * (change - light)
    return torch.fft.irfft2(torch.fft.rfft2(weighted) * steepness, s=(height, width)) / (height * width)


class Bowl:
    """Half the error times its gradient, around a goal."""

    def __init__(self, goal: Tensor) -> None:
        self.goal = goal

    def value(self, image: Tensor) -> Losses:
        return self.value_and_gradient(image)[0]

    def value_and_gradient(self, image: Tensor) -> tuple[Losses, Tensor]:
        error = image - self.goal
        gradient = gradient_change(error)
        return Losses({"style": (error * gradient).sum() / 2}, UNIT), gradient
