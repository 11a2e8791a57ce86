"""How large to paint, from speed and memory."""

from __future__ import annotations

import pytest
import torch

from nst_engine import estimate, pyramid
from nst_engine.estimate import Machine
from nst_engine.options import Options
from nst_engine.pyramid import Size
from nst_engine.recipes import RECIPES

PAINTERLY = RECIPES["painterly"]
LARGE = Size(6000, 8000)
PLENTY = 10**12


@pytest.mark.parametrize("quality", list(estimate.MINUTES))
def test_the_automatic_size_is_the_largest_that_keeps_to_the_time(quality):
    options = Options(quality=quality)
    found = estimate.estimate(LARGE, options, PAINTERLY, Machine(1e-5, PLENTY, torch.float32))
    allowed = 60 * estimate.MINUTES[quality]
    assert found.seconds <= allowed
    larger = next(side for side in estimate.LADDER if side > max(found.size))
    assert (
        estimate.estimate(
            LARGE, Options(quality=quality, size=larger), PAINTERLY, Machine(1e-5, PLENTY, torch.float32)
        ).seconds
        > allowed
    )


def test_a_fast_machine_paints_at_the_content_s_own_size_and_a_small_memory_below_it():
    assert estimate.estimate(LARGE, Options(), PAINTERLY, Machine(1e-12, PLENTY, torch.float32)).size == LARGE
    assert max(estimate.estimate(LARGE, Options(), PAINTERLY, Machine(1e-12, 10**9, torch.float32)).size) < 1000


def test_the_slowest_machine_still_paints():
    assert (
        max(estimate.estimate(LARGE, Options(), PAINTERLY, Machine(10.0, PLENTY, torch.float32)).size)
        == estimate.LADDER[0]
    )


def test_a_size_that_is_asked_for_is_kept():
    found = estimate.estimate(LARGE, Options(size=1000), PAINTERLY, Machine(1.0, PLENTY, torch.float32))
    assert found.size == Size(750, 1000)
    pixels = sum(scale.cost for scale in pyramid.schedule(found.size, Options(size=1000), PAINTERLY, torch.float32))
    assert found.seconds == pytest.approx(estimate.PREPARATION * pixels)


def test_a_size_that_fits_the_memory_is_known():
    for side in (300, 1000):
        memory = estimate.needed_memory(LARGE.scaled_to(side), PAINTERLY)
        assert estimate.fitting_long_side(LARGE, PAINTERLY, memory) == pytest.approx(side, abs=2)
    assert estimate.fitting_long_side(LARGE, PAINTERLY, estimate.FIXED_BYTES) == 0


@pytest.mark.parametrize("number_format", [torch.float32, torch.bfloat16])
def test_better_qualities_cost_three_to_five_times_as_much(number_format):
    costs = [cost(quality, number_format) for quality in estimate.MINUTES]
    assert all(2.5 < after / before < 5 for before, after in zip(costs, costs[1:], strict=False))


@pytest.mark.parametrize("quality", list(estimate.MINUTES))
def test_a_device_with_half_precision_does_more_at_each_quality(quality):
    assert 1.4 < cost(quality, torch.bfloat16) / cost(quality, torch.float32) < 3


def cost(quality, number_format):
    options = Options(quality=quality)
    return sum(scale.cost for scale in pyramid.schedule(Size(384, 512), options, PAINTERLY, number_format))
