"""Stylize a picture file from the command line, with GIMP's Python-Fu:

gimp-console -idf --quit --batch-interpreter=python-fu-eval \\
    -b "exec(open('stylize.py').read()); stylize('photo.jpg', 'painting.jpg', 'result.png', size=1024)"

The exit code is 0, or 64 after a line that says what went wrong.
"""

import sys

from gi.repository import Gimp, Gio


def stylize(content, style, output, **options):
    """Paint the picture file ``content`` in the style of another and save it. Options have _ in place of -."""
    sys.tracebacklimit = 0
    image = Gimp.file_load(Gimp.RunMode.NONINTERACTIVE, Gio.File.new_for_path(content))
    if image is None:
        raise ValueError(f"{content} cannot be opened as a picture.")
    try:
        layer = image.merge_visible_layers(Gimp.MergeType.CLIP_TO_IMAGE)
        call("plug-in-neural-style", image, drawables=[layer], style_file=Gio.File.new_for_path(style), **options)
        if not Gimp.file_save(Gimp.RunMode.NONINTERACTIVE, image, Gio.File.new_for_path(output), None):
            raise ValueError(f"{output} cannot be saved.")
    finally:
        image.delete()


def call(name, image, drawables, **arguments):
    """Run a procedure on layers of an image."""
    procedure = Gimp.get_pdb().lookup_procedure(name)
    if procedure is None:
        raise ValueError(f"GIMP has no procedure {name}: install Neural Style for GIMP, python3 install/install.py.")
    config = procedure.create_config()
    config.set_property("run-mode", Gimp.RunMode.NONINTERACTIVE)
    config.set_property("image", image)
    config.set_core_object_array("drawables", drawables)
    for argument, value in arguments.items():
        config.set_property(argument.replace("_", "-"), value)
    if procedure.run(config).index(0) != Gimp.PDBStatusType.SUCCESS:
        raise ValueError(Gimp.get_pdb().get_last_error())
