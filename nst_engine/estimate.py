"""How large this machine can paint in reasonable time, and how long it will take."""

from __future__ import annotations

import time
from typing import NamedTuple

import torch

from nst_engine import pyramid
from nst_engine.objective import Objective, Region, style_statistics
from nst_engine.options import Options
from nst_engine.pyramid import Size
from nst_engine.recipes import Recipe
from nst_engine.vgg import VGG19

MINUTES = {"draft": 1, "normal": 3, "high": 10, "best": 30}
"""Longest time for each quality that the automatic size allows for."""

PROBE_SIDE = 160

QUICK_LONG_SIDE = 384
"""Pictures up to here are quick everywhere: no probe is needed."""

LADDER = [round(256 * 2 ** (step / 2) / 32) * 32 for step in range(13)]
"""Long sides that the automatic size chooses from, far apart so that a probe's noise seldom changes it."""

FIXED_BYTES = 800_000_000
"""Memory that painting takes at any size, measured: Winograd's kernels, its tiles, the libraries' own."""

BYTES_PER_PIXEL = 3400
"""Peak memory of a step per pixel of the finest scale, measured: features to relu5_1, their gradients, Grams."""

BYTES_PER_PIXEL_LBFGS = BYTES_PER_PIXEL + 20 * 12
"""The same with ten pairs of L-BFGS history."""

PREPARATION = 1.05
"""Whole time over that of steps and targets: previews, the result."""


class Machine(NamedTuple):
    """What a device can do: seconds of a full step per pixel of its cost, free bytes, the convolutions' format."""

    speed: float
    memory: int
    number_format: torch.dtype


class Estimate(NamedTuple):
    """The size to work at and about how many seconds that takes."""

    size: Size
    seconds: float


def seconds_per_pixel(vgg: VGG19, recipe: Recipe) -> float:
    """Seconds of a full step per pixel of its cost (:attr:`nst_engine.pyramid.Scale.cost`), measured now."""
    device = vgg.pixel_mean.device
    image = torch.rand(1, 3, PROBE_SIDE, PROBE_SIDE, device=device)
    objective = Objective(vgg, recipe, image, [Region(style_statistics(vgg, image, None, recipe.style_layers))])
    started = 0.0
    for _ in range(2):  # the first run warms up
        started = time.perf_counter()
        float(objective.value_and_gradient(image * 0.5)[1].sum())
    return (time.perf_counter() - started) / (image[0, 0].numel() + pyramid.STEP_OVERHEAD)


def estimate(content: Size, options: Options, recipe: Recipe, machine: Machine) -> Estimate:
    """Size and seconds for a content."""
    if options.size:
        return _of(content, options.size, options, recipe, machine)
    allowed = 60 * MINUTES[options.quality]
    candidates = [max(content), *(side for side in reversed(LADDER) if side < max(content))]
    for side in candidates:
        found = _of(content, side, options, recipe, machine)
        if found.seconds <= allowed and needed_memory(found.size, recipe) <= machine.memory:
            break
    return found


def needed_memory(size: Size, recipe: Recipe) -> int:
    """Bytes that painting at this size takes on the device."""
    return FIXED_BYTES + size.pixels * (BYTES_PER_PIXEL_LBFGS if recipe.optimizer == "lbfgs" else BYTES_PER_PIXEL)


def fitting_long_side(size: Size, recipe: Recipe, memory: int) -> int:
    """Long side of the largest picture in these proportions that fits in so many bytes; 0 if none is worth it."""
    share = (memory - FIXED_BYTES) / (needed_memory(size, recipe) - FIXED_BYTES)
    fitting = int(max(size) * max(0.0, share) ** 0.5)
    return fitting if fitting >= pyramid.COARSEST_LONG_SIDE else 0


def _of(content: Size, long_side: int, options: Options, recipe: Recipe, machine: Machine) -> Estimate:
    size = pyramid.working_size(content, long_side)
    cost = sum(scale.cost for scale in pyramid.schedule(size, options, recipe, machine.number_format))
    return Estimate(size, PREPARATION * machine.speed * cost)
