"""Regions share the picture out among themselves, whole."""

from __future__ import annotations

import pytest
import torch

from nst_engine.regions import shared_out


def test_masks_that_leave_nothing_to_do_stay_as_they_are():
    left = torch.zeros(4, 6)
    left[:, :3] = 1
    first, second = shared_out([left, 1 - left], [1.0, 1.0])
    assert torch.equal(first, left)
    assert torch.equal(second, 1 - left)


def test_soft_edges_stay_soft_and_add_up_to_one():
    ramp = torch.linspace(0, 1, 9).expand(3, 9)
    first, second = shared_out([ramp, None], [1.0, 1.0])
    assert torch.allclose(first, ramp)
    assert torch.allclose(first + second, torch.ones(3, 9))


def test_overlaps_are_shared_by_weight():
    ones = torch.ones(2, 2)
    first, second = shared_out([ones, ones], [1.0, 3.0])
    assert torch.allclose(first, ones / 4)
    assert torch.allclose(second, ones * 3 / 4)


def test_gaps_are_filled_from_the_nearer_region():
    masks = torch.zeros(2, 16, 64)
    masks[0, :, :8], masks[1, :, 56:] = 1, 1
    first, second = shared_out(list(masks), [1.0, 1.0])
    assert torch.allclose(first + second, torch.ones(16, 64), atol=1e-5)
    assert first[8, 12] > 0.9
    assert second[8, 52] > 0.9


def test_masks_that_are_all_black_share_equally():
    parts = shared_out([torch.zeros(5, 7)] * 2, [1.0, 1.0])
    assert torch.stack(parts) == pytest.approx(torch.full((2, 5, 7), 0.5))
