"""Layers, masks and files as pixels for the engine, and its pixels as a layer."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator

from gi.repository import Gegl, Gimp, Gio

from nst_plugin.shared import frames
from nst_plugin.shared.errors import BadRequest
from nst_plugin.shared.layered import is_icon, is_layered
from nst_plugin.shared.messages import Mask, Picture, Preview, plain
from nst_plugin.shared.painted_area import Area, reduced
from nst_plugin.shared.translation import _

PIXEL_FORMATS = {"float32": "R'G'B'A float", "uint16": "R'G'B'A u16", "uint8": "R'G'B'A u8"}
"""GEGL's names for sRGB-encoded RGBA of each kind of number, whatever the image's own profile and depth."""

MASK_FORMAT, ALPHA_FORMAT = "Y u8", "A u8"
BAND_ROWS = 128
"""Rows read or written at a time: quicker than the whole at once, and no second copy of it in memory."""

Shrink = Callable[[Area], float]
"""By which factor something of this size is made smaller as it is read."""


def at_full_size(_area: Area) -> float:
    return 1.0


def whole(drawable: Gimp.Drawable) -> Area:
    return Area(0, 0, drawable.get_width(), drawable.get_height())


def read_layer(
    layer: Gimp.Layer,
    area: Area | None = None,
    with_mask: bool = True,
    dtype: str = "float32",
    shrink: Shrink = at_full_size,
) -> Picture:
    """What a layer shows by itself: with its filters, a group with all that is in it, and as a rule with its mask."""
    with merged_copy(layer, with_mask) as copy:
        return read_pixels(copy, area or whole(copy), dtype, shrink)


def read_file(file: Gio.File, dtype: str = "float32", shrink: Shrink = at_full_size) -> Picture:
    """The visible picture of a file, in any format that GIMP opens, upright as its camera was held.

    One that is read smaller is only looked at, and may be often: then nothing is said of what was left out.
    """
    image = opened(file, is_told=shrink is at_full_size)
    try:
        visible = Gimp.Layer.new_from_visible(image, image, None)
        picture = read_pixels(visible, whole(visible), dtype, shrink)
        visible.delete()
        return picture
    finally:
        image.delete()


def opened(file: Gio.File, is_told: bool = True) -> Gimp.Image:
    """The picture in a file, upright, to be deleted when it was read. Of several the first; GIMP says so if told to."""
    image = Gimp.file_load(Gimp.RunMode.NONINTERACTIVE, file)
    if image is None:
        sentence = _("GIMP cannot open the style file {file} as a picture: choose another one.")
        raise BadRequest(sentence.format(file=file.get_parse_name()))
    image.policy_rotate(False)
    count = keep_first(image, file.get_basename())
    if count > 1 and is_told:
        sentence = _("{file} has {count} frames or pages: the first one is the style.")
        Gimp.message(plain(sentence.format(file=file.get_basename(), count=count)))
    return image


def keep_first(image: Gimp.Image, name: str) -> int:
    """Leave in the image of a file, whose name is given, of frames or pages the first; returns how many there were.

    Of an icon's sizes the largest is left. These, and layers that make a picture together, count as one. What is left
    is whole, wherever the file says that it belongs on a larger page.
    """
    found = image.get_layers()
    if not found or is_layered(name):
        return 1
    kept = max(found, key=lambda layer: whole(layer).width * whole(layer).height) if is_icon(name) else found[-1]
    for layer in found:
        if layer != kept:
            image.remove_layer(layer)
    image.resize_to_layers()
    return 1 if is_icon(name) else len(found)


def read_mask(mask: Gimp.Drawable, area: Area, pixel_format: str = MASK_FORMAT, shrink: Shrink = at_full_size) -> Mask:
    """A part of a layer mask, of the selection or of a layer's alpha; 0 where the area reaches beyond it."""
    factor = shrink(area)
    place = reduced(area, factor)
    values = mask.get_buffer().get(Gegl.Rectangle.new(*place), factor, pixel_format, Gegl.AbyssPolicy.NONE)
    return Mask(place.width, place.height, values)


def new_layer(image: Gimp.Image, name: str, x: int, y: int, width: int, height: int) -> Gimp.Layer:
    """A layer for a result, at its place but not in the image yet. A gray image can only hold gray ones."""
    is_gray = image.get_base_type() == Gimp.ImageBaseType.GRAY
    kind = Gimp.ImageType.GRAYA_IMAGE if is_gray else Gimp.ImageType.RGBA_IMAGE
    layer = Gimp.Layer.new(image, name, width, height, kind, 100.0, Gimp.LayerMode.NORMAL)
    layer.set_offsets(x, y)
    return layer


def insert_above(layer: Gimp.Layer, neighbor: Gimp.Layer, image: Gimp.Image) -> None:
    """Add a new layer just above another one, or on top where that one is gone.

    This is one undo step, whatever is written to the layer later.
    """
    parent, position = None, 0
    if neighbor.is_valid():
        parent, position = neighbor.get_parent(), image.get_item_position(neighbor)
    image.undo_group_start()
    try:
        image.insert_layer(layer, parent, position)
    finally:
        image.undo_group_end()
    Gimp.displays_flush()


@contextlib.contextmanager
def merged_copy(layer: Gimp.Layer, with_mask: bool) -> Iterator[Gimp.Layer]:
    """A copy of the layer in an image of its own, where filters, mask and the layers of a group become its pixels."""
    workbench = new_workbench(layer)
    try:
        copy = Gimp.Layer.new_from_drawable(layer, workbench)
        workbench.insert_layer(copy, None, 0)
        copy.set_lock_content(False)
        if not with_mask and copy.get_mask():
            copy.remove_mask(Gimp.MaskApplyMode.DISCARD)
        if isinstance(copy, Gimp.GroupLayer):
            copy = copy.merge()
        else:
            copy.merge_filters()
        if copy.get_mask() and copy.get_apply_mask():
            copy.remove_mask(Gimp.MaskApplyMode.APPLY)
        yield copy
    finally:
        workbench.delete()


def new_workbench(layer: Gimp.Layer) -> Gimp.Image:
    """An image like the layer's own, except that it has no palette, since filters would be held to its colors."""
    image = layer.get_image()
    is_gray = image.get_base_type() == Gimp.ImageBaseType.GRAY
    base = Gimp.ImageBaseType.GRAY if is_gray else Gimp.ImageBaseType.RGB
    workbench = Gimp.Image.new_with_precision(layer.get_width(), layer.get_height(), base, image.get_precision())
    workbench.set_color_profile(image.get_effective_color_profile())
    return workbench


def read_pixels(layer: Gimp.Layer, area: Area, dtype: str = "float32", shrink: Shrink = at_full_size) -> Picture:
    buffer = layer.get_buffer()
    factor = shrink(area)
    place = reduced(area, factor)
    rgba = bytearray(frames.byte_count(dtype, (place.height, place.width, 4)))
    for band, part in bands(place, dtype):
        rgba[part] = buffer.get(band, factor, PIXEL_FORMATS[dtype], Gegl.AbyssPolicy.NONE)
    return Picture(place.width, place.height, rgba)


def write_pixels(layer: Gimp.Layer, picture: Picture) -> None:
    buffer = layer.get_buffer()
    fill(buffer, picture, picture.dtype)
    buffer.flush()


def fill(buffer: Gegl.Buffer, picture: Picture | Preview, dtype: str) -> None:
    """Write a picture of the buffer's size, whose numbers are of this kind."""
    rgba = memoryview(picture.rgba)
    for band, part in bands(Area(0, 0, picture.width, picture.height), dtype):
        buffer.set(band, PIXEL_FORMATS[dtype], bytes(rgba[part]))


def bands(area: Area, dtype: str) -> Iterator[tuple[Gegl.Rectangle, slice]]:
    """The area cut into bands, each as a part of the layer and as a slice of the area's bytes."""
    row_bytes = frames.byte_count(dtype, (area.width, 4))
    for top in range(0, area.height, BAND_ROWS):
        rows = min(BAND_ROWS, area.height - top)
        part = slice(top * row_bytes, (top + rows) * row_bytes)
        yield Gegl.Rectangle.new(area.x, area.y + top, area.width, rows), part
