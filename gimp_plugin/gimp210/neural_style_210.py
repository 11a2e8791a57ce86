#!/usr/bin/env python2
"""Neural Style for GIMP 2.10: the file that GIMP starts. Written for Python 2.7 and gimpfu.

GIMP's text is bytes in UTF-8 here; it is decoded where it comes in and encoded where it goes out.
"""

import os
import sys

import gimpfu
from gimpfu import gimp, pdb

from nst_plugin.shared import engines, frames, paintings, settings, translation
from nst_plugin.shared.durations import time_left
from nst_plugin.shared.errors import BadRequest, explained
from nst_plugin.shared.layered import is_icon, is_layered
from nst_plugin.shared.messages import Mask, Picture, Request, Style, plain
from nst_plugin.shared.painted_area import Area, widened
from nst_plugin.shared.placement import TURNS, Placement, View, of_part, placed
from nst_plugin.shared.translation import _

MYPY = False
if MYPY:  # typing.TYPE_CHECKING needs a module that Python 2.7 lacks
    from typing import Any, Dict, Iterator, List, Optional, Tuple, Union

PROCEDURE = "python-fu-neural-style"
BLURB = "Paint the selected layer in the style of another layer or of a picture file"
HELP = (
    "The result is a new layer just above the selected one. Colors, strokes and textures come from the style, "
    "what is shown comes from the selected layer. When several styles are given, a file goes before a painting, and "
    "both before a layer."
)
BAND_ROWS = 128
"""Rows read or written at a time, so that there is no second copy of all pixels in memory."""

PRECISIONS = {
    "uint8": gimpfu.PRECISION_U8_GAMMA,
    "uint16": gimpfu.PRECISION_U16_GAMMA,
    "float32": gimpfu.PRECISION_FLOAT_GAMMA,
}
TURNINGS = (
    (False, None),
    (False, gimpfu.ROTATE_90),
    (False, gimpfu.ROTATE_270),
    (False, gimpfu.ROTATE_180),
    (True, None),
    (True, gimpfu.ROTATE_180),
    (True, gimpfu.ROTATE_270),
    (True, gimpfu.ROTATE_90),
)
"""For each of TURNS, whether the picture is mirrored from left to right, and how it is rotated then."""


def register():
    # type: () -> None
    """Tell GIMP of the procedure. Its arguments are positional, so the option table only ever grows at its end."""
    arguments = [
        (gimpfu.PF_IMAGE, "image", "The image.", None),
        (gimpfu.PF_DRAWABLE, "drawable", "The layer to paint.", None),
        (gimpfu.PF_LAYER, "style", _("St_yle layer").encode("utf-8"), None),
        (gimpfu.PF_FILE, "style-file", _("Style f_ile").encode("utf-8"), ""),
    ]  # type: List[Tuple[Any, ...]]
    gimpfu.register(
        PROCEDURE,
        _(BLURB).encode("utf-8"),
        _(HELP).encode("utf-8"),
        "Neural Style for GIMP",
        "Neural Style for GIMP",
        "2026",
        _("_Neural Style...").encode("utf-8"),
        "*",
        arguments + [argument(row) for row in settings.option_rows()],
        [(gimpfu.PF_LAYER, "layer", "The new layer.")],
        run,
        menu="<Image>/Filters",
    )


def argument(row):
    # type: (Dict[str, Any]) -> Tuple[Any, ...]
    """A row of the option table as gimpfu wants it. A choice is a text, as in GIMP 3, which only PF_RADIO allows."""
    name, label, default = settings.argument_name(row["name"]), _(row["label"]).encode("utf-8"), row["default"]
    if row["kind"] == "int":
        return gimpfu.PF_SPINNER, name, label, default, (row["low"], row["high"], 1)
    if row["kind"] == "float":
        return gimpfu.PF_SLIDER, name, label, default, (row["low"], row["high"], (row["high"] - row["low"]) / 100.0)
    if row["kind"] == "choice":
        choices = [(_(choice["label"]).encode("utf-8"), choice["value"].encode("utf-8")) for choice in row["choices"]]
        return gimpfu.PF_RADIO, name, label, default.encode("utf-8"), tuple(choices)
    return gimpfu.PF_STRING, name, label, default.encode("utf-8")


def run(image, drawable, style_layer, style_file, *values):
    # type: (gimp.Image, gimp.Drawable, Optional[gimp.Layer], bytes, Any) -> gimp.Layer
    """GIMP's way in. A failure is shown as one sentence, and the run ends as a canceled one does."""
    lead_process_group()
    try:
        return stylize(image, drawable, style_layer, style_file, chosen_options(values))
    except gimpfu.CancelError:
        raise
    except Exception as error:  # whatever it is, GIMP waits for an answer
        sentence = explained(error).args[0]
        gimp.message(sentence if isinstance(sentence, bytes) else sentence.encode("utf-8"))
        sys.tracebacklimit = 0
        raise gimpfu.CancelError


def lead_process_group():
    # type: () -> None
    """GIMP's Cancel kills a plug-in without notice, and with it the group that it leads: here, the engine."""
    if hasattr(os, "setpgid"):
        os.setpgid(0, 0)


def chosen_options(values):
    # type: (Tuple[Any, ...]) -> Dict[str, Any]
    """The options that were set to something other than their defaults: what the engine is told."""
    options = {}
    for row, value in zip(settings.option_rows(), values):
        if row["kind"] == "int":
            value = int(value)  # gimpfu's dialog gives floats
        elif isinstance(value, bytes):
            value = value.decode("utf-8")
        if value != row["default"]:
            options[row["name"]] = value
    return options


def stylize(image, drawable, style_layer, style_file, options):
    # type: (gimp.Image, gimp.Drawable, Optional[gimp.Layer], bytes, Dict[str, Any]) -> gimp.Layer
    """The whole story. Only its last line changes the image."""
    content = check_content(image, drawable)
    source = style_source(content, style_layer, style_file)
    area, name = painted_area(content), content.name.decode("utf-8")
    if image.base_type != gimpfu.RGB:
        words = _("The result is gray because the image is. For colors choose Image > Mode > RGB first.")
        gimp.message(words.encode("utf-8"))
    with engines.start(engines.chosen(), stay_responsive) as engine:
        gimp.progress_init(_("Neural Style: starting the engine").encode("utf-8"))
        selection = read_selection(content, area)
        pdb.gimp_plugin_enable_precision()  # from here on pixels are of the image's own kind, before of 8 bits
        style, styles = read_style(source, engine.dtype)
        request = Request(read_layer(content, area, engine.dtype), styles, options, None, selection)
        before = view_of(content)
        result = engine.stylize(request, report)
    if image not in gimp.image_list():
        raise BadRequest(_("The image was closed while it was being painted, so nothing was added."))
    now = view_of(content) if pdb.gimp_item_is_valid(content) else before
    place = of_part(placed(before, now), before.area, area)
    name = _("{content} in the style of {style}").format(content=name, style=style)
    layer = new_layer(result.picture, image, name, place)
    layer.set_offsets(now.area.x + place.x, now.area.y + place.y)
    insert_above(layer, content, image)
    if result.remark:
        gimp.message(result.remark.encode("utf-8"))
    return layer


def check_content(image, drawable):
    # type: (gimp.Image, gimp.Item) -> gimp.Layer
    """The layer to paint, if it can be."""
    if not isinstance(drawable, gimp.Layer):
        raise BadRequest(_("A mask or channel is selected: select the layer itself."))
    if image.base_type == gimpfu.INDEXED:
        raise BadRequest(_("An image with a palette cannot take the new colors: choose Image > Mode > RGB first."))
    if drawable.is_floating_sel:
        raise BadRequest(_("The selected layer floats: choose Layer > Anchor or Layer > To New Layer first."))
    return drawable


def style_source(content, layer, path):
    # type: (gimp.Layer, Optional[gimp.Layer], bytes) -> Union[gimp.Layer, bytes]
    """The path of the style file if there is one, else the style layer. BadRequest when useless.

    In the place of a path, the name of a painting stands for its file.
    """
    painting = paintings.find(path.decode("utf-8")) if path else None
    if painting:
        return painting.path if isinstance(painting.path, bytes) else painting.path.encode("utf-8")
    if path:
        if not os.path.exists(path.decode("utf-8") if os.name == "nt" else path):
            sentence = _("There is no style file {file}: choose another one.")
            raise BadRequest(sentence.format(file=path.decode("utf-8")))
        return path
    if layer is None:
        raise BadRequest(_("There is no style yet: choose a style layer or a style file."))
    if layer == content:
        raise BadRequest(_("The style layer is the layer to be painted: choose another one."))
    if isinstance(layer, gimp.GroupLayer):
        if is_in(content, layer):
            raise BadRequest(_("The layer to be painted is in the style group: move it out of the group."))
        if not members(layer):
            sentence = _('No layer of the style group "{name}" is visible: make one visible.')
            raise BadRequest(sentence.format(name=layer.name.decode("utf-8")))
    return layer


def is_in(layer, group):
    # type: (gimp.Layer, gimp.GroupLayer) -> bool
    return layer.parent is not None and (layer.parent == group or is_in(layer.parent, group))


def members(group):
    # type: (gimp.GroupLayer) -> List[gimp.Layer]
    """The layers of a group that can be seen; a group among them counts as one layer."""
    return [layer for layer in group.layers if layer.visible and layer.opacity > 0]


def painted_area(content):
    # type: (gimp.Layer) -> Area
    """The part of the layer to send: all of it, or what is selected of it and some of its surroundings."""
    if pdb.gimp_selection_is_empty(content.image):
        return whole(content)
    is_touched, x, y, width, height = pdb.gimp_drawable_mask_intersect(content)
    if not is_touched:
        raise BadRequest(_("Nothing of the layer is selected: select a part of it, or choose Select > None."))
    return widened(Area(x, y, width, height), (content.width, content.height))


def report(fraction, seconds_left, text):
    # type: (float, Optional[float], str) -> None
    """Show how far the engine is."""
    if seconds_left is not None:
        text = "%s - %s" % (text, time_left(seconds_left))
    pdb.gimp_progress_set_text(text.encode("utf-8"))
    gimp.progress_update(fraction)


def stay_responsive():
    # type: () -> None
    """Keep gimpfu's dialog alive, where there is one; closing its window cancels."""
    gtk = sys.modules.get("gtk")  # type: Any
    while gtk and gtk.events_pending():
        if gtk.main_iteration(False):
            raise gimpfu.CancelError


def read_selection(content, area):
    # type: (gimp.Layer, Area) -> Optional[Mask]
    """How much each pixel of the area is selected; None when there is no selection."""
    image = content.image
    if pdb.gimp_selection_is_empty(image):
        return None
    left, top = area.x + content.offsets[0], area.y + content.offsets[1]
    first, end = max(0, left), min(image.width, left + area.width)
    region = image.selection.get_pixel_rgn(0, 0, image.width, image.height, False, False)
    values = bytearray(area.width * area.height)  # 0 where the area reaches beyond the image
    for row in range(max(0, top), min(image.height, top + area.height)):
        start = (row - top) * area.width + first - left
        values[start : start + end - first] = region[first:end, row : row + 1]
    return Mask(area.width, area.height, values)


def read_style(source, dtype):
    # type: (Union[gimp.Layer, bytes], str) -> Tuple[str, List[Style]]
    """Name and style of a layer or file, or the styles of a group's layers, which weigh as much as they are opaque."""
    if not isinstance(source, gimp.Layer):
        return read_style_file(source, dtype)
    name = source.name.decode("utf-8")
    if not isinstance(source, gimp.GroupLayer):
        return name, [Style(name, read_layer(source, whole(source), dtype), 1.0)]
    return name, [
        Style(layer.name.decode("utf-8"), read_layer(layer, whole(layer), dtype), layer.opacity / 100)
        for layer in members(source)
    ]


def read_style_file(path, dtype):
    # type: (bytes, str) -> Tuple[str, List[Style]]
    """Name and visible picture of a file, in any format that GIMP opens; of several pictures the first."""
    file = path.decode("utf-8")
    try:
        image = pdb.gimp_file_load(path, path, run_mode=gimpfu.RUN_NONINTERACTIVE)
    except RuntimeError:
        sentence = _("GIMP cannot open the style file {file} as a picture: choose another one.")
        raise BadRequest(sentence.format(file=file))
    try:
        keep_first(image, os.path.basename(file))
        visible = pdb.gimp_layer_new_from_visible(image, image, "visible")
        name = os.path.splitext(os.path.basename(file))[0]
        return name, [Style(name, read_layer(visible, whole(visible), dtype), 1.0)]
    finally:
        pdb.gimp_image_delete(image)


def keep_first(image, name):
    # type: (gimp.Image, str) -> None
    """Leave in the image of a file of this name of frames or pages the first, and say so; of sizes the largest.

    What is left is whole, wherever the file says that it belongs on a larger page.
    """
    found = image.layers
    if not found or is_layered(name):
        return
    kept = max(found, key=lambda layer: layer.width * layer.height) if is_icon(name) else found[-1]
    for layer in found:
        if layer != kept:
            pdb.gimp_image_remove_layer(image, layer)
    pdb.gimp_image_resize_to_layers(image)
    if len(found) > 1 and not is_icon(name):
        sentence = _("{file} has {count} frames or pages: the first one is the style.")
        gimp.message(plain(sentence.format(file=name, count=len(found))).encode("utf-8"))


def read_layer(layer, area, dtype):
    # type: (gimp.Layer, Area, str) -> Picture
    """What a layer shows by itself: with its mask, a group with all that is in it."""
    workbench = new_workbench(layer.width, layer.height, dtype)
    try:
        copy = pdb.gimp_layer_new_from_drawable(layer, workbench)
        pdb.gimp_item_set_lock_content(copy, False)
        pdb.gimp_image_insert_layer(workbench, copy, None, 0)
        if isinstance(copy, gimp.GroupLayer):
            copy = pdb.gimp_image_merge_layer_group(workbench, copy)
        if copy.mask and copy.apply_mask:
            copy.remove_mask(gimpfu.MASK_APPLY)
        copy.add_alpha()
        return read_pixels(copy, area, dtype)
    finally:
        pdb.gimp_image_delete(workbench)


def view_of(layer):
    # type: (gimp.Layer) -> View
    """What the layer looks like, so that it is known again; its green is as good as how bright it is."""
    image, (x, y) = layer.image, layer.offsets
    green = bytearray(read_layer(layer, whole(layer), "uint8").rgba[1::4])
    return View(Area(x, y, layer.width, layer.height), (image.width, image.height), green)


def new_layer(picture, image, name, placement):
    # type: (Picture, gimp.Image, str, Placement) -> gimp.Layer
    """A layer with the picture as it is placed, not in the image yet."""
    workbench = new_workbench(picture.width, picture.height, picture.dtype)
    try:
        painted = gimp.Layer(workbench, "painted", picture.width, picture.height, gimpfu.RGBA_IMAGE)
        write_pixels(painted, picture)
        pdb.gimp_image_insert_layer(workbench, painted, None, 0)
        lay(painted, placement)
        layer = pdb.gimp_layer_new_from_drawable(painted, image)
    finally:
        pdb.gimp_image_delete(workbench)
    layer.name = name.encode("utf-8")
    layer.mode = gimpfu.LAYER_MODE_NORMAL
    return layer


def lay(layer, placement):
    # type: (gimp.Layer, Placement) -> None
    """Scale and turn a layer."""
    if (layer.width, layer.height) != placement[:2]:
        pdb.gimp_layer_scale(layer, placement.width, placement.height, False)
    is_mirrored, rotation = TURNINGS[TURNS.index(placement.turn)]
    if is_mirrored:
        pdb.gimp_item_transform_flip_simple(layer, gimpfu.ORIENTATION_HORIZONTAL, True, 0)
    if rotation is not None:
        pdb.gimp_item_transform_rotate_simple(layer, rotation, True, 0, 0)


def insert_above(layer, neighbor, image):
    # type: (gimp.Layer, gimp.Layer, gimp.Image) -> None
    """Add a complete layer just above another one, or on top where that one is gone: one undo step."""
    parent, position = None, 0
    if pdb.gimp_item_is_valid(neighbor):
        parent, position = neighbor.parent, pdb.gimp_image_get_item_position(image, neighbor)
    image.undo_group_start()
    try:
        pdb.gimp_image_insert_layer(image, layer, parent, position)
    finally:
        image.undo_group_end()
    gimp.displays_flush()


def new_workbench(width, height, dtype):
    # type: (int, int, str) -> gimp.Image
    """An image whose pixels are like the engine's, sRGB in such numbers. GIMP converts the layers that come and go."""
    return pdb.gimp_image_new_with_precision(width, height, gimpfu.RGB, PRECISIONS[dtype])


def read_pixels(layer, area, dtype):
    # type: (gimp.Layer, Area, str) -> Picture
    rgba = bytearray(frames.byte_count(dtype, (area.height, area.width, 4)))
    region = layer.get_pixel_rgn(0, 0, layer.width, layer.height, False, False)
    for columns, rows, part in bands(area, dtype):
        rgba[part] = region[columns, rows]
    return Picture(area.width, area.height, rgba)


def write_pixels(layer, picture):
    # type: (gimp.Layer, Picture) -> None
    rgba = memoryview(picture.rgba)
    region = layer.get_pixel_rgn(0, 0, layer.width, layer.height, True, False)
    for columns, rows, part in bands(whole(layer), picture.dtype):
        region[columns, rows] = rgba[part].tobytes()
    layer.flush()


def bands(area, dtype):
    # type: (Area, str) -> Iterator[Tuple[slice, slice, slice]]
    """The area cut into bands: columns and rows of the layer, and the part of the area's bytes."""
    gimp.tile_cache_ntiles(2 * (area.width // gimp.tile_width() + 2))  # GIMP hands over tiles: what a band touches
    row_bytes = frames.byte_count(dtype, (area.width, 4))
    for top in range(0, area.height, BAND_ROWS):
        end = min(top + BAND_ROWS, area.height)
        part = slice(top * row_bytes, end * row_bytes)
        yield slice(area.x, area.x + area.width), slice(area.y + top, area.y + end), part


def whole(layer):
    # type: (gimp.Layer) -> Area
    return Area(0, 0, layer.width, layer.height)


translation.use()
register()
gimpfu.main()
