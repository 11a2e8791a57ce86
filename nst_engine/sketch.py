"""A sketch: how a painting would look, small and soon, while what it is to be is still being chosen.

It is a scale model: content and styles come reduced by one factor, and are painted at the content's size with all that
was chosen but in a few steps: at coarse scales as a painting is, above those it is only finished.
"""

from __future__ import annotations

import dataclasses

from nst_engine.forecast import Job
from nst_engine.options import Options
from nst_engine.painting import Painter
from nst_engine.pixels import SMALLEST_SIDE
from nst_engine.pyramid import Scale, long_sides

PAINTED_LONG_SIDE = 256
"""Scales above this long side are only finished: that costs a third, and gives strokes their edges."""

STEPS, FINISH_STEPS = (5, 8), 3
"""Steps at the finest scale that is painted and at coarser ones, and at those that are finished. A sketch of 512 pixels
so costs as much as one of 256 with twelve steps at its finest scale, and has more of the painting's strokes."""

SECONDS = 5
"""After so long a sketch is shown as far as it is: on a slow machine it is to keep nobody waiting."""


class Sketcher(Painter):
    """Paints a content as small as it comes.

    Whatever the recipe, it descends by L-BFGS: a thousand steps of Adam do not fit in two seconds.
    """

    def __init__(self, options: Options, like: Painter | None = None) -> None:
        super().__init__(dataclasses.replace(options, size=0, optimizer="lbfgs", keep="last"), like=like)

    def fitting(self, job: Job) -> tuple[list[Scale], int | None]:
        """Few steps at every scale, and no tiles: so small a picture fits where the network does."""
        sizes = [job.content.scaled_to(side) for side in long_sides(max(job.content))]
        sizes = [job.content, *(size for size in sizes[1:] if min(size) >= SMALLEST_SIDE)]
        painted = [size for size in sizes if max(size) <= PAINTED_LONG_SIDE or size == sizes[-1]]
        steps = [STEPS[min(place, len(STEPS) - 1)] for place in range(len(painted))]
        scales = [Scale(size, FINISH_STEPS, is_finish=True) for size in sizes[: -len(painted)]]
        scales += [Scale(size, count) for size, count in zip(painted, steps, strict=True)]
        return scales[::-1], None
