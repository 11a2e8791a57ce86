"""How steeply the objective curves along each frequency and color of a picture, learned while it is painted.

The network does the same at every place of a picture, so the Hessian by its pixels is close to a convolution, which
the Fourier transform makes diagonal: coarse shapes and fine ones, light and colors each have a steepness of their own,
and these differ by orders of magnitude. In cycles per pixel they hold at every scale of a pyramid.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from typing import NamedTuple

import torch
from torch import Tensor

from nst_engine.pixels import Size

AXES = ((1 / 3**0.5,) * 3, (0.5**0.5, 0.0, -(0.5**0.5)), (1 / 6**0.5, -((2 / 3) ** 0.5), 1 / 6**0.5))
"""An orthonormal basis: light and two opposed colors: what the channels of pictures have in common, and what not. One
after the other is worked on, which takes a third of the memory."""

BANDS, LOWEST, HIGHEST = 14, 1 / 32, 0.5**0.5
"""Number of bands of frequencies, equally wide on a logarithmic scale, and the middles of the first and last in
cycles per pixel. What lies below the first counts to it."""

PART = 2**20
"""Fourier coefficients that are weighted at once."""

DECAY = 0.9
"""Share of what was known that stays at each new observation."""

FLOOR = 1e-2
"""Least curvature, as a share of the largest."""

GUESS = 1e-8
"""How much a first guess counts: the mean square of such a change of the picture. Any real change outweighs it."""


class _Spectrum(NamedTuple):
    """Where the Fourier coefficients of a picture of ``size`` lie among the bands.

    ``place`` is h×(w/2 + 1), from 0 for the middle of the first band to BANDS − 1 for that of the last. ``weight``, for
    each column, is 2 where a coefficient of the half spectrum stands for its conjugate too.
    """

    size: Size
    place: Tensor
    weight: Tensor

    @staticmethod
    def of(size: Size, device: torch.device) -> _Spectrum:
        """That of a picture of this size."""
        down = torch.fft.fftfreq(size.height, dtype=torch.float32, device=device)
        across = torch.fft.rfftfreq(size.width, dtype=torch.float32, device=device)
        frequency = torch.hypot(down[:, None], across[None])
        place = (frequency.clamp(min=LOWEST) / LOWEST).log() * ((BANDS - 1) / math.log(HIGHEST / LOWEST))
        weight = torch.full_like(across, 2)
        weight[0] = 1
        if size.width % 2 == 0:
            weight[-1] = 1
        return _Spectrum(size, place, weight)

    def parts(self) -> Iterator[tuple[slice, Tensor, Tensor]]:
        """Runs of rows with the next lower band of each coefficient and its share in the one above."""
        height, width = self.place.shape
        count = max(1, PART // width)
        for rows in (slice(top, top + count) for top in range(0, height, count)):
            band = self.place[rows].long().clamp_(max=BANDS - 2)
            yield rows, band, self.place[rows] - band


class Curvature:
    """Root mean squares of gradient changes over those of picture changes, by color axis and band (3×BANDS).

    The objective is a mean over positions, so gradients are multiplied by the number of pixels to compare sizes.
    """

    def __init__(self, changes: Tensor, differences: Tensor) -> None:
        self.changes, self.differences = changes, differences
        self.spectrum: _Spectrum | None = None

    @classmethod
    def of_first_step(cls, gradient: Tensor, mean_change: float) -> Curvature:
        """A first guess, the same everywhere, with which a step from this gradient changes a pixel by so much."""
        slope = gradient.abs().mean() * (gradient[0, 0].numel() / mean_change)
        powers = gradient.new_full((len(AXES), BANDS), GUESS)
        return cls(powers, powers * slope.square())

    def learn(self, change: Tensor, difference: Tensor) -> None:
        """Take in a change of the picture and the change of the gradient that it made, both 1×3×H×W."""
        spectrum = self._spectrum_of(change)
        self.changes = DECAY * self.changes + _powers(change, spectrum)
        self.differences = DECAY * self.differences + _powers(difference * change[0, 0].numel(), spectrum)

    def newton_step(self, gradient: Tensor, on_transform: Callable[[], None] = lambda: None) -> Tensor:
        """Minus the gradient (1×3×H×W) over the curvature, frequency by frequency; ``on_transform`` hears of each
        Fourier transform that is done, which takes seconds for a large picture."""
        spectrum = self._spectrum_of(gradient)
        curvature = self._by_band()
        largest = curvature.max()
        step = torch.zeros_like(gradient)
        for axis, bands in zip(AXES, (curvature / largest).log(), strict=True):
            coefficients = _transformed(gradient, axis)
            on_transform()
            for rows, band, share in spectrum.parts():
                coefficients[rows] /= torch.lerp(bands[band], bands[band + 1], share).exp_()
            along = torch.fft.irfft2(coefficients, s=spectrum.size)
            for channel, part in zip(step[0], axis, strict=True):
                channel.add_(along, alpha=part)
            on_transform()
        return step.mul_(-spectrum.size.pixels / largest)

    def _spectrum_of(self, picture: Tensor) -> _Spectrum:
        """That of a picture, 1×3×H×W, kept for the next one of its size."""
        size = Size(*picture.shape[2:])
        if self.spectrum is None or self.spectrum.size != size:
            self.spectrum = _Spectrum.of(size, picture.device)
        return self.spectrum

    def _by_band(self) -> Tensor:
        """Curvatures, 3×BANDS; where a picture has nothing of a frequency or color, the mean of all counts."""
        differences, changes = (power + 1e-6 * power.mean() for power in (self.differences, self.changes))
        curvature = (differences / changes.clamp(min=1e-30)).sqrt()
        return torch.maximum(curvature, FLOOR * curvature.max()).clamp(min=1e-30)


def _transformed(picture: Tensor, axis: Sequence[float]) -> Tensor:
    """Fourier coefficients along a color axis, h×(w/2 + 1), of 1×3×h×w."""
    first, second, third = picture[0]
    along = (first * axis[0]).add_(second, alpha=axis[1]).add_(third, alpha=axis[2])
    coefficients: Tensor = torch.fft.rfft2(along)
    return coefficients


def _powers(picture: Tensor, spectrum: _Spectrum) -> Tensor:
    """Mean squares of 1×3×h×w by color axis and band, 3×BANDS."""
    powers = picture.new_zeros(len(AXES), BANDS)
    for axis, found in zip(AXES, powers, strict=True):
        coefficients = _transformed(picture, axis)
        for rows, band, share in spectrum.parts():
            power = coefficients[rows].abs().square_().mul_(spectrum.weight / spectrum.size.pixels**2)
            found.index_add_(0, band.flatten(), (power * (1 - share)).flatten())
            found.index_add_(0, band.flatten() + 1, (power * share).flatten())
    return powers
