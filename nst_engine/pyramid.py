"""Which scales a picture is painted at, coarse to fine, and how many steps at each."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

from nst_engine.options import Options
from nst_engine.pixels import SMALLEST_SIDE, Size

if TYPE_CHECKING:
    import torch

    from nst_engine.recipes import Recipe


COARSEST_LONG_SIDE = 64
"""Scales below this long side are not worth a visit: relu4_1 has some fifty positions there."""

PAINTED_LONG_SIDE = 1448
"""Scales above this long side are only finished: what deep layers see is decided by then, and only edges and grain are
still missing."""

STEP_OVERHEAD = 10_000
"""What a step costs however small the picture is, in pixels: 7,000 and 15,000 were measured on two machines."""

LEAN_PIXELS = 4_000_000
"""Scales with more pixels are finished with what was learned about the way down at coarser ones."""

FINISH_COST = 0.31
"""Cost of a step at the shallow layers alone, as a share of one at all of them."""


class Scale(NamedTuple):
    """One scale of the pyramid and the number of steps there. Where it ``is_finish`` shallow layers alone are looked at
    (:attr:`nst_engine.recipes.Recipe.finish`)."""

    size: Size
    steps: int
    is_finish: bool = False

    @property
    def is_lean(self) -> bool:
        """Whether its steps take no memory for what could be learned from them."""
        return self.is_finish and self.size.pixels > LEAN_PIXELS

    @property
    def step_cost(self) -> float:
        """Cost of a step, in pixels."""
        return self.size.pixels * (FINISH_COST if self.is_finish else 1.0) + STEP_OVERHEAD

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

FINISH_STEPS = {"draft": 3, "normal": 3, "high": 8, "best": 16}
"""Steps at each scale that is only finished."""


def schedule(
    finest: Size,
    options: Options,
    recipe: Recipe,
    number_format: torch.dtype,
    painted_long_side: float | None = None,
) -> list[Scale]:
    """The scales of a picture painted at this size, coarsest first, each twice as large as the one before.

    ``number_format`` is that of the convolutions. Those above ``painted_long_side``, by default PAINTED_LONG_SIDE, are
    only finished.
    """
    sizes = [finest.scaled_to(long_side) for long_side in long_sides(max(finest))]
    sizes = [finest, *(size for size in sizes[1:] if min(size) >= SMALLEST_SIDE)]
    if not recipe.coarse_to_fine:
        del sizes[1:]
    finished = _finished(sizes, recipe, painted_long_side or PAINTED_LONG_SIDE)
    schedules = SCHEDULES if number_format.itemsize == 4 else HALF_PRECISION_SCHEDULES
    steps = _steps(len(sizes) - finished, schedules[options.quality], recipe)
    painted = [Scale(*scale) for scale in zip(sizes[finished:], steps, strict=True)]
    return [*painted[::-1], *(Scale(size, FINISH_STEPS[options.quality], True) for size in sizes[:finished][::-1])]


def working_size(content: Size, long_side: int) -> Size:
    """The finest size worked at: never above the content's own, never too small for the network."""
    wanted = min(long_side, max(content))
    smallest = 2 * SMALLEST_SIDE * max(content) / min(content)
    return content.scaled_to(min(max(wanted, smallest), max(content)))


def useful_style_side(content: Size, options: Options) -> int:
    """Long side beyond which nothing of a style is looked at for this content, whatever size it is painted at."""
    return math.ceil(max(working_size(content, options.size or max(content))) * options.style_scale)


def long_sides(finest: int) -> list[float]:
    """The finest long side and its halves down to the coarsest that counts."""
    sides = [float(finest)]
    while sides[-1] / 2 >= COARSEST_LONG_SIDE * 0.75:
        sides.append(sides[-1] / 2)
    return sides


def _finished(sizes: Sequence[Size], recipe: Recipe, painted_long_side: float) -> int:
    """How many of these scales, finest first, are only finished. Who counts iterations wants all of each."""
    if recipe.iterations is not None or recipe.finish is None:
        return 0
    return sum(max(size) > painted_long_side for size in sizes[:-1])


def _steps(scales: int, table: tuple[int, ...], recipe: Recipe) -> list[int]:
    """Steps at each of so many scales, finest first; ``iterations``, where given, are the finest's."""
    table = table[max(0, len(table) - scales) :]
    steps = [table[min(level, len(table) - 1)] for level in range(scales)]
    if recipe.iterations is None:
        return steps
    factor = recipe.iterations / steps[0]
    return [recipe.iterations, *(max(1, round(coarser * factor)) for coarser in steps[1:])]
