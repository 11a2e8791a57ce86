"""A sketch: how a painting would look, small and soon, while what it is to be is still being chosen.

It is a scale model: content and styles come reduced by one factor, and are painted at the content's size with all that
was chosen, in fewer steps.
"""

from __future__ import annotations

import dataclasses

from nst_engine.options import Options
from nst_engine.pixels import Size

STEPS = 12
"""At the finest scale; coarser ones follow in proportion, as for a draft."""

SECONDS = 5
"""After so long a sketch is shown as far as it is: on a slow machine it is to keep nobody waiting."""


def options_for(options: Options, content: Size) -> Options:
    """The options of a sketch of a content that is as small as it is to be painted.

    Whatever the recipe, it descends by L-BFGS: a thousand steps of Adam do not fit in two seconds.
    """
    return dataclasses.replace(
        options, size=max(content), quality="draft", iterations=STEPS, optimizer="lbfgs", keep="last"
    )
