"""The job in small, of which the engine makes a sketch: a scale model of content, masks and styles."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

from gi.repository import Gegl, Gimp

from nst_plugin import procedures
from nst_plugin.image import jobs, layers, styles
from nst_plugin.image.forming_layer import buffer_of
from nst_plugin.shared.messages import Picture, Request, Sketched, Style
from nst_plugin.shared.painted_area import Area

Part = TypeVar("Part")

PIXELS = 130_000
"""Of a sketch: less has no room for brushwork, more takes too long to wait for."""

STYLE_SIDE = 1024
"""Longest side of a style, which is only looked at for very broad strokes."""

LEAST_SIDE = 32
"""Shortest side of all: from less the engine learns nothing."""


class Model:
    """Reads anew only what a change in the dialog concerns: large pictures take their time."""

    def __init__(self, config: Gimp.ProcedureConfig, content: Gimp.Layer, part: Gimp.Layer | None) -> None:
        """``part`` is as for :func:`nst_plugin.image.jobs.read`."""
        self._config, self._content, self._part = config, content, part
        self._read: dict[str, tuple[object, Any]] = {}

    def request(self, painted_side: int, dtype: str) -> Request:
        """What to ask for when the painting will have this long side; BadRequest when there is nothing to paint.

        ``dtype`` is that of the pixels' numbers.
        """
        values = procedures.values(self._config)
        area = jobs.painted_area(self._content, self._part)
        long_side = max(area.width, area.height)
        shrink = factor_for(area, min(painted_side, long_side * (PIXELS / (area.width * area.height)) ** 0.5))
        side = long_side * shrink
        wanted = (side / painted_side, min(STYLE_SIDE, side * values["style-scale"]), dtype)
        style = [values[name] for name in procedures.STYLE_ARGUMENTS]
        chosen = self._once("styles", (style, wanted), lambda: self._styles(*wanted))
        key = (values["mask"], area, shrink, dtype)
        request = self._once("content", key, lambda: self._request(chosen, dtype, shrink))
        return request._replace(styles=chosen, options=procedures.chosen_options(self._config))

    def _styles(self, factor: float, most: float, dtype: str) -> list[Style]:
        """The styles smaller by the same factor as the painting, and no larger than the engine looks at."""
        source = styles.source(self._config, self._content)

        def shrink(area: Area) -> float:
            return factor_for(area, min(most, factor * max(area.width, area.height)))

        try:
            return styles.read(source, dtype, shrink)
        finally:
            Gimp.progress_end()  # or the window would go on saying that a file is being opened

    def _request(self, chosen: list[Style], dtype: str, factor: float) -> Request:
        return jobs.read_request(self._config, self._content, self._part, chosen, dtype, lambda _area: factor)

    def _once(self, name: str, key: object, read: Callable[[], Part]) -> Part:
        """What was read before as long as the key is the same."""
        if name not in self._read or self._read[name][0] != key:
            self._read[name] = key, read()
        found: Part = self._read[name][1]
        return found


def factor_for(area: Area, long_side: float) -> float:
    """By how much a picture of this size is made smaller to have about this long side, and no side too short."""
    wanted: float = long_side / max(area.width, area.height)
    least: float = LEAST_SIDE / min(area.width, area.height)
    return min(1.0, max(wanted, least))


def in_eight_bits(picture: Picture) -> Sketched:
    """A small picture as one of the engine's sketches is."""
    whole = Gegl.Rectangle.new(0, 0, picture.width, picture.height)
    rgba = buffer_of(picture, picture.dtype).get(whole, 1.0, layers.PIXEL_FORMATS["uint8"], Gegl.AbyssPolicy.NONE)
    return Sketched(picture.width, picture.height, rgba)
