"""What a layer looks like at one time, so that it is known again later."""

from __future__ import annotations

from gi.repository import Gegl, Gimp

from nst_plugin.shared.painted_area import Area
from nst_plugin.shared.placement import View

GRAY_FORMAT = "Y' u8"
ROWS = 5
"""How many rows of a layer tell whether it is as it was."""


def of_layer(layer: Gimp.Layer) -> View:
    area, buffer = area_of(layer), layer.get_buffer()
    return View(area, canvas_of(layer), bytearray(gray_of(buffer, Gegl.Rectangle.new(0, 0, area.width, area.height))))


def look_again(view: View, buffer: Gegl.Buffer, band: Gegl.Rectangle) -> None:
    """Bring whole rows of a view up to date."""
    width = view.area.width
    view.gray[band.y * width : (band.y + band.height) * width] = gray_of(buffer, band)


def is_same(view: View, layer: Gimp.Layer) -> bool:
    """Whether a layer is as it was, wherever it is now."""
    width, height = view.area.width, view.area.height
    if not layer.is_valid() or area_of(layer)[2:] != (width, height):
        return False
    buffer = layer.get_buffer()  # one of before would tell what it was then
    return all(
        gray_of(buffer, Gegl.Rectangle.new(0, row, width, 1)) == view.gray[row * width : (row + 1) * width]
        for row in (int(height * (number + 0.5) / ROWS) for number in range(ROWS))
    )


def gray_of(buffer: Gegl.Buffer, part: Gegl.Rectangle) -> bytes:
    return buffer.get(part, 1.0, GRAY_FORMAT, Gegl.AbyssPolicy.NONE)


def area_of(layer: Gimp.Layer) -> Area:
    x, y = layer.get_offsets()[1:]
    return Area(x, y, layer.get_width(), layer.get_height())


def canvas_of(layer: Gimp.Layer) -> tuple[int, int]:
    image = layer.get_image()
    return image.get_width(), image.get_height()
