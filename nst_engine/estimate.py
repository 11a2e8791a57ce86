"""How large this machine can paint in reasonable time, and how long it will take."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Sequence
from typing import NamedTuple

import torch

from nst_engine import pyramid
from nst_engine.network.vgg import VGG19
from nst_engine.objective import Objective, Region
from nst_engine.options import Options
from nst_engine.pixels import Size
from nst_engine.pyramid import Scale
from nst_engine.recipes import Recipe
from nst_engine.style_statistics import statistics_of

MINUTES = {"draft": 1, "normal": 3, "high": 10, "best": 30}
"""Longest time for each quality that the automatic size allows for painting; it allows as much again for finishing."""

MOST_ENLARGED, PATIENCE = 2, 4
"""Before what is painted is enlarged more than so many times, it may take so many times as long."""

PAINTED_LONG_SIDES = (math.inf, pyramid.PAINTED_LONG_SIDE, pyramid.PAINTED_LONG_SIDE / 2)
"""Up to where the automatic size has scales painted that it wants finished, best first."""

PROBE_SIDE = 160
"""Of the picture that a step is timed with."""

QUICK_LONG_SIDE = 384
"""Pictures up to here are quick everywhere: no probe is needed."""

LADDER = [round(64 * 2 ** (step / 2) / 32) * 32 for step in range(17)]
"""Long sides that the automatic size chooses from, far apart so that a probe's noise seldom changes it."""

SLOWEST_LONG_SIDE = 256
"""Smallest of them that is chosen for want of time; smaller ones are for want of memory."""

PREPARATION = 1.05
"""Whole time over that of steps and targets: previews, the result."""


class Machine(NamedTuple):
    """What a device can do: seconds of a full step per pixel of its cost, the convolutions' format, and what scales
    cost in pixels, where memory may want tiles; None for those that do not fit.

    ``speed`` is asked only where it matters, since finding it takes a second.
    """

    speed: Callable[[], float]
    number_format: torch.dtype
    cost: Callable[[Sequence[Scale]], float | None]


class Estimate(NamedTuple):
    """The size to work at and about how many seconds that takes."""

    size: Size
    seconds: float


def seconds_per_pixel(vgg: VGG19, recipe: Recipe) -> float:
    """Seconds of a full step per pixel of its cost (:attr:`nst_engine.pyramid.Scale.cost`), measured now."""
    device = vgg.device
    image = torch.rand(1, 3, PROBE_SIDE, PROBE_SIDE, dtype=torch.float32, device=device)
    style = statistics_of(vgg, image, None, recipe.style_layers, recipe.sampled_layers)
    objective = Objective(vgg, recipe, image, [Region(style)])
    started = 0.0
    for _ in range(2):  # the first run warms up
        started = time.perf_counter()
        float(objective.value_and_gradient(image * 0.5)[1].sum())
    return (time.perf_counter() - started) / (image[0, 0].numel() + pyramid.STEP_OVERHEAD)


def estimate(content: Size, options: Options, recipe: Recipe, machine: Machine) -> Estimate:
    """Size and seconds for a content."""
    scales = working_scales(content, options, recipe, machine)
    return Estimate(scales[-1].size, _seconds(scales, machine))


def working_scales(content: Size, options: Options, recipe: Recipe, machine: Machine) -> list[Scale]:
    """The scales to paint a content at: up to the size asked for, or to the largest that keeps to time and memory."""
    if options.size:
        size = pyramid.working_size(content, options.size)
        return pyramid.schedule(size, options, recipe, machine.number_format)
    own, half = max(content), math.ceil(max(content) / MOST_ENLARGED)
    for side in (own, *sorted({half, *(side for side in LADDER if side < own)}, reverse=True)):
        size = pyramid.working_size(content, side)
        is_quick = side <= SLOWEST_LONG_SIDE or own <= QUICK_LONG_SIDE
        patience = PATIENCE if side <= half else 1
        for painted in PAINTED_LONG_SIDES:
            scales = pyramid.schedule(size, options, recipe, machine.number_format, painted)
            if machine.cost(scales) and (is_quick or _is_in_time(scales, options, machine, patience)):
                return scales
    return scales


def _is_in_time(scales: Sequence[Scale], options: Options, machine: Machine, patience: float) -> bool:
    """Whether the automatic size may choose these scales, with so much patience for the finish."""
    allowed = 60 * MINUTES[options.quality]
    painted = [scale for scale in scales if not scale.is_finish]
    return _seconds(painted, machine) <= allowed and _seconds(scales, machine) <= 2 * patience * allowed


def _seconds(scales: Sequence[Scale], machine: Machine) -> float:
    """About how long it takes to paint at these scales."""
    return PREPARATION * machine.speed() * (machine.cost(scales) or sum(scale.cost for scale in scales))
