"""A picture painted small and shown large."""

from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F

from nst_engine.enlarge import enlarged
from nst_engine.pixels import Size


def edge(height: int, width: int) -> torch.Tensor:
    picture = torch.full((1, 3, height, width), 0.2)
    picture[..., width // 2 :] = 0.8
    return picture


@pytest.mark.parametrize("size", [Size(64, 96), Size(50, 75), Size(33, 49)])
def test_edges_stay_steep_and_get_no_halos(size):
    painted = edge(16, 24)
    large = enlarged(painted, size)
    assert large.shape == (1, 3, *size)
    blurred = F.interpolate(painted, size, mode="bicubic")
    assert float(large.diff(dim=3).max()) > 1.15 * float(blurred.diff(dim=3).max())
    assert float(large.min()) >= 0.2 - 0.08
    assert float(large.max()) <= 0.8 + 0.08


def test_a_flat_picture_stays_flat():
    assert torch.allclose(enlarged(torch.full((1, 3, 16, 16), 0.3), Size(40, 40)), torch.full((1, 3, 40, 40), 0.3))


def test_a_picture_keeps_its_brightness():
    painted = torch.rand(1, 3, 20, 30, generator=torch.Generator().manual_seed(1))
    large = enlarged(painted, Size(80, 120))
    assert torch.allclose(large.mean(dim=(2, 3)), painted.mean(dim=(2, 3)), atol=0.02)
