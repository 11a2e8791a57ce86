"""Which scales a picture is painted at, coarse to fine, and how many steps at each."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, NamedTuple

from nst_engine.options import Options
from nst_engine.pixels import SMALLEST_SIDE, Size

if TYPE_CHECKING:
    import torch

    from nst_engine.recipes import Recipe


COARSEST_LONG_SIDE = 64
"""Scales below this long side are not worth a visit: relu4_1 has some fifty positions there."""

STEP_OVERHEAD = 10_000
"""What a step costs however small the picture is, in pixels: 7,000 and 15,000 were measured on two machines."""


class Scale(NamedTuple):
    """One scale of the pyramid and the number of steps there."""

    size: Size
    steps: int

    @property
    def step_cost(self) -> float:
        """Cost of a step, in pixels."""
        return self.size.pixels + STEP_OVERHEAD

    @property
    def cost(self) -> float:
        """Cost of all steps and of the targets' features, which take as long as a step, in pixels."""
        return (self.steps + 1) * self.step_cost


SCHEDULES = {
    "draft": (5, 3, 3, 8),
    "normal": (27, 12, 12),
    "high": (130, 40, 30),
    "best": (360, 120, 60),
}
"""Steps for each quality, finest scale first. The last entry serves all scales coarser still; a picture with fewer
scales takes the last entries, since whatever scale comes first has the most to do."""

HALF_PRECISION_SCHEDULES = {
    "draft": (10, 3, 8),
    "normal": (40, 16, 12),
    "high": (200, 40, 30),
    "best": (600, 120, 60),
}
"""The same for devices that are quickest in bfloat16. They do more in the time that a quality stands for."""


def schedule(finest: Size, options: Options, recipe: Recipe, number_format: torch.dtype) -> list[Scale]:
    """The scales of a picture painted at this size, coarsest first, each twice as large as the one before.

    ``number_format`` is that of the convolutions.
    """
    sizes = [finest.scaled_to(long_side) for long_side in _long_sides(max(finest))]
    sizes = [finest, *(size for size in sizes[1:] if min(size) >= SMALLEST_SIDE)]
    if not recipe.coarse_to_fine:
        del sizes[1:]
    schedules = SCHEDULES if number_format.itemsize == 4 else HALF_PRECISION_SCHEDULES
    steps = _steps(len(sizes), schedules[options.quality], recipe)
    return [Scale(*scale) for scale in zip(sizes, steps, strict=True)][::-1]


def working_size(content: Size, long_side: int) -> Size:
    """The finest size worked at: never above the content's own, never too small for the network."""
    wanted = min(long_side, max(content))
    smallest = 2 * SMALLEST_SIDE * max(content) / min(content)
    return content.scaled_to(min(max(wanted, smallest), max(content)))


def useful_style_side(content: Size, options: Options) -> int:
    """Long side beyond which nothing of a style is looked at for this content, whatever size it is painted at."""
    return math.ceil(max(working_size(content, options.size or max(content))) * options.style_scale)


def _long_sides(finest: int) -> list[float]:
    """The finest long side and its halves down to the coarsest that counts."""
    sides = [float(finest)]
    while sides[-1] / 2 >= COARSEST_LONG_SIDE * 0.75:
        sides.append(sides[-1] / 2)
    return sides


def _steps(scales: int, table: tuple[int, ...], recipe: Recipe) -> list[int]:
    """Steps at each of so many scales, finest first; ``iterations``, where given, are the finest's."""
    table = table[max(0, len(table) - scales) :]
    steps = [table[min(level, len(table) - 1)] for level in range(scales)]
    if recipe.iterations is None:
        return steps
    factor = recipe.iterations / steps[0]
    return [recipe.iterations, *(max(1, round(coarser * factor)) for coarser in steps[1:])]
