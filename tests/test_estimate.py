"""How large to paint, from speed and memory."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
import torch

from nst_engine import estimate, pyramid
from nst_engine.estimate import Estimate, Machine
from nst_engine.options import Options
from nst_engine.pixels import Size
from nst_engine.pyramid import Scale
from nst_engine.recipes import RECIPES

PAINTERLY = RECIPES["painterly"]
LARGE = Size(6000, 8000)


def cost_of(scales: Sequence[Scale]) -> float:
    return sum(scale.cost for scale in scales)


def machine(speed: float, largest: int = 10**6) -> Machine:
    """One of this speed whose memory holds so long a side."""
    return Machine(lambda: speed, torch.float32, lambda scales: cost_of(scales) * (max(scales[-1].size) <= largest))


def found(options: Options, speed: float, content: Size = LARGE, largest: int = 10**6) -> Estimate:
    """The estimate for a machine of this speed whose memory holds so long a side."""
    return estimate.estimate(content, options, PAINTERLY, machine(speed, largest))


def scales(options: Options, speed: float, content: Size = LARGE) -> list[Scale]:
    """What such a machine does."""
    return estimate.working_scales(content, options, PAINTERLY, machine(speed))


@pytest.mark.parametrize("quality", list(estimate.MINUTES))
def test_the_automatic_size_is_the_largest_that_keeps_to_the_time(quality):
    content = Size(1500, 2000)
    automatic = found(Options(quality=quality), 2e-5, content)
    allowed = 60 * estimate.MINUTES[quality]
    assert automatic.seconds <= 2 * allowed
    larger = next(side for side in (*estimate.LADDER, 2000) if side > max(automatic.size))
    assert found(Options(quality=quality, size=larger), 2e-5, content).seconds > allowed


@pytest.mark.parametrize("quality", ["draft", "normal"])
@pytest.mark.parametrize("speed", [4e-6, 12e-6])
def test_a_phone_s_photo_is_painted_small_and_finished_large(quality, speed):
    """Seconds a pixel of two cores with bfloat16 and without: enlarged by two at most."""
    chosen = scales(Options(quality=quality), speed, Size(3000, 4000))
    painted = [scale for scale in chosen if not scale.is_finish]
    assert 500 <= max(painted[-1].size) <= 1024
    assert max(chosen[-1].size) >= 2000
    assert cost_of(chosen) * speed * estimate.PREPARATION <= 120 * estimate.MINUTES[quality]


@pytest.mark.parametrize("quality", list(estimate.MINUTES))
def test_the_largest_photos_are_enlarged_by_two_at_most_where_that_takes_up_to_four_times_as_long(quality):
    for content in (Size(4000, 6000), Size(6912, 9216), Size(9000, 16000)):
        chosen = scales(Options(quality=quality), 4e-6, content)
        assert 2 * max(chosen[-1].size) >= max(content)
        assert cost_of(chosen) * 4e-6 * estimate.PREPARATION <= estimate.PATIENCE * 120 * estimate.MINUTES[quality]


def test_where_there_is_time_all_of_a_photo_is_painted():
    assert not any(scale.is_finish for scale in scales(Options(), 1e-8))


def test_a_fast_machine_paints_at_the_content_s_own_size_and_a_small_memory_below_it():
    assert found(Options(), 1e-12).size == LARGE
    assert max(found(Options(), 1e-12, largest=1000).size) == 736
    assert max(found(Options(), 1e-12, largest=100).size) == 96
    assert max(found(Options(), 1e-12, Size(300, 200), largest=200).size) == 192


def test_the_slowest_machine_still_paints():
    assert max(found(Options(), 10.0).size) == estimate.SLOWEST_LONG_SIDE


def test_what_is_quick_everywhere_is_not_measured():
    unmeasured = Machine(lambda: pytest.fail("measured"), torch.float32, cost_of)
    for content, options, size in ((Size(300, 384), Options(), (300, 384)), (LARGE, Options(size=4000), (3000, 4000))):
        assert estimate.working_scales(content, options, PAINTERLY, unmeasured)[-1].size == size


def test_a_size_that_is_asked_for_is_kept():
    asked = found(Options(size=1000), 1.0, largest=10)
    assert asked.size == Size(750, 1000)
    pixels = cost_of(pyramid.schedule(asked.size, Options(size=1000), PAINTERLY, torch.float32))
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
    return cost_of(pyramid.schedule(Size(384, 512), options, PAINTERLY, number_format))


@pytest.mark.parametrize("content", [Size(200_000, 16), Size(16, 200_000), Size(20_000, 20)])
@pytest.mark.parametrize("long_side", [64, 512, 16_384])
def test_a_very_thin_picture_is_never_painted_larger_than_it_is(content, long_side):
    assert pyramid.working_size(content, long_side) == content
