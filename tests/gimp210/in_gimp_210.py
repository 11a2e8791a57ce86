# coding: utf-8
"""Put in front of the batch code of the tests: makes pictures, calls the plug-in, reads pixels. Runs inside GIMP 2.10.

Colors are R, G, B, A from 0 to 1, and pixels are read and written as such whatever the image's own depth.
"""

import glob
import json
import os
import struct

import gimpfu
from gimpfu import gimp, pdb

pdb.gimp_plugin_enable_precision()

RED, GREEN, BLUE, YELLOW = (1, 0, 0, 1), (0, 1, 0, 1), (0, 0, 1, 0.5), (1, 1, 0, 1)
CYAN, MAGENTA = (0, 1, 1, 1), (1, 0, 1, 1)
OPTIONS = []  # the rows of the option table, filled in by plug_in_210.py
facts = {}


def new_image(base=gimpfu.RGB, precision=gimpfu.PRECISION_U8_GAMMA):
    return pdb.gimp_image_new_with_precision(100, 80, base, precision)


def add_layer(image, name, x, y, width, height, color, parent=None):
    layer = new_layer(image, name, width, height, color)
    pdb.gimp_layer_set_offsets(layer, x, y)
    pdb.gimp_image_insert_layer(image, layer, parent, 0)
    return layer


def add_quadrants(image, name="photo", parent=None):
    """A layer away from the origin; its quadrants are red and green above half transparent blue and yellow."""
    workbench = new_workbench()
    painted = new_painted(workbench, 40, 30, RED)
    for x, y, color in ((20, 0, GREEN), (0, 15, BLUE), (20, 15, YELLOW)):
        fill(painted, x, y, 20, 15, color)
    layer = pdb.gimp_layer_new_from_drawable(painted, image)
    pdb.gimp_image_delete(workbench)
    layer.name = name
    pdb.gimp_layer_set_offsets(layer, 30, 20)
    pdb.gimp_image_insert_layer(image, layer, parent, 0)
    return layer


def new_layer(image, name, width, height, color):
    workbench = new_workbench()
    layer = pdb.gimp_layer_new_from_drawable(new_painted(workbench, width, height, color), image)
    pdb.gimp_image_delete(workbench)
    layer.name = name
    return layer


def new_workbench():
    return new_image(precision=gimpfu.PRECISION_FLOAT_GAMMA)


def new_painted(workbench, width, height, color):
    mode = gimpfu.LAYER_MODE_NORMAL
    layer = pdb.gimp_layer_new(workbench, width, height, gimpfu.RGBA_IMAGE, "painted", 100, mode)
    fill(layer, 0, 0, width, height, color)
    return layer


def fill(layer, x, y, width, height, color):
    region = layer.get_pixel_rgn(x, y, width, height, True, False)
    region[x : x + width, y : y + height] = struct.pack("4f", *color) * (width * height)
    layer.flush()


def pixels(layer, *places, **options):
    """The colors at some places of a layer."""
    workbench = new_workbench()
    copy = pdb.gimp_layer_new_from_drawable(layer, workbench)
    pdb.gimp_layer_add_alpha(copy)
    region = copy.get_pixel_rgn(0, 0, layer.width, layer.height, False, False)
    found = [struct.unpack("4f", region[x, y]) for x, y in places]
    pdb.gimp_image_delete(workbench)
    return [[round(value, options.get("digits", 2)) for value in color] for color in found]


def quadrant_pixels(layer):
    places = [(x, y) for y in (layer.height // 4, layer.height - 1) for x in (layer.width // 4, layer.width - 1)]
    return pixels(layer, *places)


def stylize(image, drawable, style=None, style_file="", **options):
    """Run the plug-in as a script does: its new layer, or None when it failed."""
    values = [options.get(row["name"], row["default"]) for row in OPTIONS]
    try:
        return pdb.python_fu_neural_style(image, drawable, style, style_file, *values)
    except RuntimeError:
        return None


def names(image):
    return [layer.name for layer in image.layers]


def engine_log():
    """What the stand-in noted of its job, and whatever else it wrote."""
    logs = glob.glob(os.path.expanduser("~/.local/state/neural-style/engine-*.log"))
    with open(max(logs, key=os.path.getmtime)) as log:
        return log.read()


def tell(**more):
    """Keep for the test that waits outside."""
    facts.update(more)


def finish(path):
    with open(path + ".part", "w") as told:
        json.dump(facts, told)
    os.rename(path + ".part", path)
