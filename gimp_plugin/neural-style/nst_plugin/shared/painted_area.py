"""Parts of a picture. Understood by Python 2.7 and 3."""

import collections

MYPY = False
if MYPY:  # typing.TYPE_CHECKING needs a module that Python 2.7 lacks
    from typing import Tuple

CONTEXT_SHARE = 0.15
CONTEXT_PIXELS = 64
"""How much the engine sees around the selection, so that strokes go on beyond its edge: a share of its long side,
and at least so many pixels."""

Area = collections.namedtuple("Area", "x y width height")
"""A part of a layer or mask, in its own pixels."""


def widened(selected, size):
    # type: (Area, Tuple[int, int]) -> Area
    """What is selected of a layer of this width and height, and some of its surroundings."""
    margin = max(CONTEXT_PIXELS, int(round(CONTEXT_SHARE * max(selected.width, selected.height))))
    left, top = max(0, selected.x - margin), max(0, selected.y - margin)
    right = min(size[0], selected.x + selected.width + margin)
    bottom = min(size[1], selected.y + selected.height + margin)
    return Area(left, top, right - left, bottom - top)


def reduced(area, factor):
    # type: (Area, float) -> Area
    """The same part of the picture made smaller by this factor."""
    x, y, width, height = (int(round(length * factor)) for length in area)
    return Area(x, y, max(1, width), max(1, height))
