"""How large to paint, from speed and memory."""

from __future__ import annotations

import pytest
import torch

from nst_engine import estimate, pyramid
from nst_engine.estimate import Estimate, Machine
from nst_engine.options import Options
from nst_engine.pixels import Size
from nst_engine.recipes import RECIPES

PAINTERLY = RECIPES["painterly"]
LARGE = Size(6000, 8000)


def found(options: Options, speed: float, content: Size = LARGE, largest: int = 10**6) -> Estimate:
    """The estimate for a machine of this speed whose memory holds so long a side."""
    machine = Machine(lambda: speed, torch.float32, lambda size: max(size) <= largest)
    return estimate.estimate(content, options, PAINTERLY, machine)


@pytest.mark.parametrize("quality", list(estimate.MINUTES))
def test_the_automatic_size_is_the_largest_that_keeps_to_the_time(quality):
    automatic = found(Options(quality=quality), 1e-5)
    allowed = 60 * estimate.MINUTES[quality]
    assert automatic.seconds <= allowed
    larger = next(side for side in estimate.LADDER if side > max(automatic.size))
    assert found(Options(quality=quality, size=larger), 1e-5).seconds > allowed


def test_a_fast_machine_paints_at_the_content_s_own_size_and_a_small_memory_below_it():
    assert found(Options(), 1e-12).size == LARGE
    assert max(found(Options(), 1e-12, largest=1000).size) == 736
    assert max(found(Options(), 1e-12, largest=100).size) == 96
    assert max(found(Options(), 1e-12, Size(300, 200), largest=200).size) == 192


def test_the_slowest_machine_still_paints():
    assert max(found(Options(), 10.0).size) == estimate.SLOWEST_LONG_SIDE


def test_what_is_quick_everywhere_is_not_measured():
    machine = Machine(lambda: pytest.fail("measured"), torch.float32, lambda size: True)
    assert estimate.working_size(Size(300, 384), Options(), PAINTERLY, machine) == Size(300, 384)
    assert estimate.working_size(LARGE, Options(size=4000), PAINTERLY, machine) == Size(3000, 4000)


def test_a_size_that_is_asked_for_is_kept():
    asked = found(Options(size=1000), 1.0, largest=10)
    assert asked.size == Size(750, 1000)
    pixels = sum(scale.cost for scale in pyramid.schedule(asked.size, Options(size=1000), PAINTERLY, torch.float32))
    assert asked.seconds == pytest.approx(estimate.PREPARATION * pixels)


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


@pytest.mark.parametrize("content", [Size(200_000, 16), Size(16, 200_000), Size(20_000, 20)])
@pytest.mark.parametrize("long_side", [64, 512, 16_384])
def test_a_very_thin_picture_is_never_painted_larger_than_it_is(content, long_side):
    assert pyramid.working_size(content, long_side) == content
