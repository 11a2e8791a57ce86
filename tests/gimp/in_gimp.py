"""Put in front of the batch code of the tests: makes pictures, calls the plug-in, reads pixels. Runs inside GIMP."""

import glob
import json
import os
import struct

import gi

gi.require_version("Gegl", "0.4")
gi.require_version("Gimp", "3.0")
from gi.repository import Gegl, Gimp, Gio

Gegl.init(None)

FORMAT = "R'G'B'A float"
RED, GREEN, BLUE, YELLOW = (1, 0, 0, 1), (0, 1, 0, 1), (0, 0, 1, 0.5), (1, 1, 0, 1)
CYAN, MAGENTA = (0, 1, 1, 1), (1, 0, 1, 1)


def new_image(base=Gimp.ImageBaseType.RGB, precision=Gimp.Precision.U8_NON_LINEAR):
    return Gimp.Image.new_with_precision(100, 80, base, precision)


def add_layer(image, name, x, y, width, height, color, parent=None):
    is_gray = image.get_base_type() == Gimp.ImageBaseType.GRAY
    kind = Gimp.ImageType.GRAYA_IMAGE if is_gray else Gimp.ImageType.RGBA_IMAGE
    layer = Gimp.Layer.new(image, name, width, height, kind, 100.0, Gimp.LayerMode.NORMAL)
    fill(layer, 0, 0, width, height, color)
    layer.set_offsets(x, y)
    image.insert_layer(layer, parent, 0)
    return layer


def add_quadrants(image, name="photo", parent=None):
    """A layer away from the origin; its quadrants are red and green above half transparent blue and yellow."""
    layer = add_layer(image, name, 30, 20, 40, 30, RED, parent)
    fill(layer, 20, 0, 20, 15, GREEN)
    fill(layer, 0, 15, 20, 15, BLUE)
    fill(layer, 20, 15, 20, 15, YELLOW)
    return layer


def fill(layer, x, y, width, height, color):
    buffer = layer.get_buffer()
    buffer.set(Gegl.Rectangle.new(x, y, width, height), FORMAT, struct.pack("4f", *color) * (width * height))
    buffer.flush()


def pixel(layer, x, y, digits=3):
    pixels = layer.get_buffer().get(Gegl.Rectangle.new(x, y, 1, 1), 1.0, FORMAT, Gegl.AbyssPolicy.NONE)
    return [round(value, digits) for value in struct.unpack("4f", pixels)]


def quadrant_pixels(layer):
    width, height = layer.get_width(), layer.get_height()
    return [pixel(layer, x, y) for y in (height // 4, height - 1) for x in (width // 4, width - 1)]


def stylize(image, *drawables, procedure="plug-in-neural-style", **arguments):
    """Run the plug-in as a script does; returns its new layer or what it complained about."""
    procedure = Gimp.get_pdb().lookup_procedure(procedure)
    config = procedure.create_config()
    config.set_property("run-mode", Gimp.RunMode.NONINTERACTIVE)
    config.set_property("image", image)
    config.set_core_object_array("drawables", drawables)
    for name, value in arguments.items():
        config.set_property(name.replace("_", "-"), value)
    answer = procedure.run(config)
    if answer.index(0) == Gimp.PDBStatusType.SUCCESS:
        return answer.index(1)
    return f"{answer.index(0).value_nick}: {Gimp.get_pdb().get_last_error()}"


def engine_log():
    """What the stand-in noted of its job, and whatever else it wrote."""
    logs = glob.glob(os.path.expanduser("~/.local/state/neural-style/engine-*.log"))
    with open(max(logs, key=os.path.getmtime)) as log:
        return log.read()


def file(path):
    return Gio.File.new_for_path(path)


def tell(**facts):
    """Print for the test that waits outside."""
    print("FACTS " + json.dumps(facts), flush=True)
