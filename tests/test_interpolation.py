"""Pictures enlarged: what is between their pixels."""

from __future__ import annotations

import math

import pytest
import torch
import torch.nn.functional as F

from nst_engine.enlarge import enlarged
from nst_engine.pixels import Size
from nst_engine.tensors import covered, resize

PIXELS = 256


def waves(period: float) -> torch.Tensor:
    """Strokes of this width, one after the other across a picture."""
    across = torch.arange(float(PIXELS))
    return (0.5 + 0.3 * torch.sin(2 * math.pi * across / period)).expand(1, 3, 32, PIXELS).contiguous()


def mirrored(picture: torch.Tensor) -> float:
    """Share of the power at frequencies that the small picture cannot have."""
    row = picture[0, 0].mean(dim=0)
    power = torch.fft.rfft((row - row.mean()) * torch.hann_window(len(row))).abs().square()
    return float(power[PIXELS // 2 + 1 :].sum() / power.sum())


@pytest.mark.parametrize("width", [489, 512, 700])
@pytest.mark.parametrize("period", [3.0, 6.0])
def test_fine_strokes_get_no_lattice_when_they_are_enlarged(width, period, monkeypatch):
    """Sharpening left out, which adds frequencies of its own: edges."""
    monkeypatch.setattr("nst_engine.enlarge.SHARPENING", 0.0)
    size = Size(64, width)
    cubic = mirrored(F.interpolate(waves(period), size, mode="bicubic"))
    assert mirrored(resize(waves(period), size)) < 0.25 * cubic
    assert mirrored(enlarged(waves(period), size)) < 0.25 * cubic


def test_what_varies_slowly_stays_as_it_is():
    ramp = torch.linspace(0.2, 0.8, 64).expand(1, 3, 64, 64)
    large = resize(ramp, Size(128, 192))
    assert torch.allclose(
        large[..., 12:-12], torch.linspace(0.2, 0.8, 64 * 3)[12:-12].expand(1, 3, 128, 168), atol=5e-3
    )


def test_enlarged_in_one_direction_alone_the_other_keeps_its_numbers():
    picture = torch.rand(1, 3, 24, 32, generator=torch.Generator().manual_seed(1))
    assert torch.allclose(resize(picture, Size(24, 96))[..., 1::3], picture, atol=1e-6)
    assert torch.allclose(resize(picture, Size(72, 32))[:, :, 1::3], picture, atol=1e-6)


def test_in_bands_of_rows_it_is_the_same_picture(monkeypatch):
    picture, heard = torch.rand(1, 3, 24, 32, generator=torch.Generator().manual_seed(1)), []
    whole = resize(picture, Size(50, 64))
    monkeypatch.setattr("nst_engine.pixels.BAND_PIXELS", 7 * 64)
    assert torch.equal(resize(picture, Size(50, 64), lambda: heard.append("a band")), whole)
    assert len(heard) == 50 // 7


def test_of_a_picture_that_covers_another_only_the_middle_is_enlarged():
    """All of the frieze would be 7500 times as large as what is wanted of it."""
    frieze = torch.zeros(1, 3, 16, 60_000)
    frieze[..., 29_990:30_010] = 1
    middle = covered(frieze, Size(400, 800))
    assert middle.shape == (1, 3, 400, 800)
    assert middle.mean() > 0.5
    assert covered(frieze, Size(16, 2000)).mean() == pytest.approx(20 / 2000, rel=0.01)
    assert covered(frieze, Size(8, 40)).shape == (1, 3, 8, 40)
