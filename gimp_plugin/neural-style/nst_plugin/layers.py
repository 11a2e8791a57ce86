"""The only pixels in the plug-in: layers and files become pictures for the engine, and its picture a layer."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator

from gi.repository import Gegl, Gimp, Gio

from nst_plugin.engine_client import Picture, Style
from nst_plugin.errors import BadRequest

PIXEL_FORMAT = "R'G'B'A float"
"""GEGL's name for sRGB-encoded RGBA in float32, whatever the image's own profile and depth."""

PIXEL_BYTES = 16
BAND_ROWS = 128
"""Rows read or written at a time: quicker than the whole at once, and no second copy of it in memory."""


def read_layer(layer: Gimp.Layer) -> Picture:
    """What a layer shows by itself: with its filters and its mask, a group with all that is in it."""
    with merged_copy(layer) as copy:
        return read_pixels(copy)


def read_style_layer(layer: Gimp.Layer) -> Style:
    return Style(layer.get_name(), read_layer(layer))


def read_style_file(file: Gio.File) -> Style:
    """The visible picture of a file, in any format that GIMP opens."""
    image = Gimp.file_load(Gimp.RunMode.NONINTERACTIVE, file)
    if image is None:
        raise BadRequest(f"GIMP cannot open the style file {file.get_parse_name()} as a picture: choose another one.")
    try:
        visible = Gimp.Layer.new_from_visible(image, image, None)
        style = Style(os.path.splitext(file.get_basename())[0], read_pixels(visible))
        visible.delete()
        return style
    finally:
        image.delete()


def insert_result(picture: Picture, content: Gimp.Layer, name: str) -> Gimp.Layer:
    """Add the picture as a layer just above the content: one undo step, and nothing before it is complete."""
    image = content.get_image()
    is_gray = image.get_base_type() == Gimp.ImageBaseType.GRAY
    kind = Gimp.ImageType.GRAYA_IMAGE if is_gray else Gimp.ImageType.RGBA_IMAGE
    layer = Gimp.Layer.new(image, name, picture.width, picture.height, kind, 100.0, Gimp.LayerMode.NORMAL)
    write_pixels(layer, picture)
    _, x, y = content.get_offsets()
    layer.set_offsets(x, y)
    image.undo_group_start()
    try:
        image.insert_layer(layer, content.get_parent(), image.get_item_position(content))
    finally:
        image.undo_group_end()
    Gimp.displays_flush()
    return layer


@contextlib.contextmanager
def merged_copy(layer: Gimp.Layer) -> Iterator[Gimp.Layer]:
    """A copy of the layer in an image of its own, where filters, mask and the layers of a group become its pixels."""
    image = layer.get_image()
    workbench = Gimp.Image.new_with_precision(
        layer.get_width(), layer.get_height(), image.get_base_type(), image.get_precision()
    )
    try:
        workbench.set_color_profile(image.get_effective_color_profile())
        copy = Gimp.Layer.new_from_drawable(layer, workbench)
        workbench.insert_layer(copy, None, 0)
        if isinstance(copy, Gimp.GroupLayer):
            copy = copy.merge()
        else:
            copy.merge_filters()
        if copy.get_mask() and copy.get_apply_mask():
            copy.remove_mask(Gimp.MaskApplyMode.APPLY)
        yield copy
    finally:
        workbench.delete()


def read_pixels(layer: Gimp.Layer) -> Picture:
    width, height = layer.get_width(), layer.get_height()
    buffer = layer.get_buffer()
    rgba = bytearray(width * height * PIXEL_BYTES)
    for band, part in bands(width, height):
        rgba[part] = buffer.get(band, 1.0, PIXEL_FORMAT, Gegl.AbyssPolicy.NONE)
    return Picture(width, height, rgba)


def write_pixels(layer: Gimp.Layer, picture: Picture) -> None:
    buffer = layer.get_buffer()
    rgba = memoryview(picture.rgba)
    for band, part in bands(picture.width, picture.height):
        buffer.set(band, PIXEL_FORMAT, bytes(rgba[part]))
    buffer.flush()


def bands(width: int, height: int) -> Iterator[tuple[Gegl.Rectangle, slice]]:
    """The picture cut into bands, each as an area of it and as a slice of its bytes."""
    row_bytes = width * PIXEL_BYTES
    for top in range(0, height, BAND_ROWS):
        rows = min(BAND_ROWS, height - top)
        yield Gegl.Rectangle.new(0, top, width, rows), slice(top * row_bytes, (top + rows) * row_bytes)
