"""Which part of the content is painted: the selection says where, and its layer mask may say where not."""

from __future__ import annotations

from gi.repository import Gimp

from nst_plugin.image import layers
from nst_plugin.image.layers import Shrink, at_full_size
from nst_plugin.shared.errors import BadRequest
from nst_plugin.shared.messages import Mask
from nst_plugin.shared.painted_area import Area, widened
from nst_plugin.shared.translation import _

INVERTED = bytes(range(255, -1, -1))


def painted_area(content: Gimp.Layer, part: Gimp.Layer | None = None) -> Area:
    """The area of the layer to send: all of it, or what is selected of it and some of its surroundings.

    ``part`` is a layer that was painted from a part of the content: without a selection, that part is it again.
    """
    if not Gimp.Selection.is_empty(content.get_image()):
        is_touched, x, y, width, height = content.mask_intersect()
        if not is_touched:
            raise BadRequest(_("Nothing of the layer is selected: select a part of it, or choose Select > None."))
        return widened(Area(x, y, width, height), (content.get_width(), content.get_height()))
    return overlap(part, content) if part else layers.whole(content)


def selection(
    content: Gimp.Layer, area: Area, part: Gimp.Layer | None = None, shrink: Shrink = at_full_size
) -> Mask | None:
    """How much each pixel of the area is selected; None when all of it is. ``part`` as above."""
    image = content.get_image()
    if not Gimp.Selection.is_empty(image):
        x, y = content.get_offsets()[1:]
        place_in_image = area._replace(x=area.x + x, y=area.y + y)
        return layers.read_mask(image.get_selection(), place_in_image, shrink=shrink)
    if part:
        x, y = place(part, content)
        return layers.read_mask(part, area._replace(x=area.x - x, y=area.y - y), layers.ALPHA_FORMAT, shrink)
    return None


def overlap(part: Gimp.Layer, content: Gimp.Layer) -> Area:
    """The area of the content that the other layer covers."""
    if not part.is_valid():
        raise BadRequest(_("The layer to be painted again is gone: bring it back with Edit > Undo, or select a part."))
    x, y = place(part, content)
    left, top = max(0, x), max(0, y)
    right, bottom = min(content.get_width(), x + part.get_width()), min(content.get_height(), y + part.get_height())
    if left >= right or top >= bottom:
        raise BadRequest(_("The layer is not above what it was painted from any more: move it back, or select a part."))
    return Area(left, top, right - left, bottom - top)


def place(part: Gimp.Layer, content: Gimp.Layer) -> tuple[int, int]:
    """Where a layer is, seen from the content's upper left corner."""
    (part_x, part_y), (x, y) = part.get_offsets()[1:], content.get_offsets()[1:]
    return part_x - x, part_y - y


def protection(content: Gimp.Layer, area: Area, shrink: Shrink = at_full_size) -> Mask:
    """How much each pixel of the area is to stay: where the layer's mask is black. BadRequest without a mask."""
    mask = content.get_mask()
    if mask is None:
        raise BadRequest(_("The layer has no mask that could protect it: add one with Layer > Mask > Add Layer Masks."))
    painted = layers.read_mask(mask, area, shrink=shrink)
    return painted._replace(values=painted.values.translate(INVERTED))
