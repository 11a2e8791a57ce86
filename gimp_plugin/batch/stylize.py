"""Stylize picture files from the command line, with GIMP's Python-Fu. One file:

gimp-console -idf --quit --batch-interpreter=python-fu-eval \\
    -b "exec(open('stylize.py').read()); stylize('photo.jpg', 'painting.jpg', 'result.png', size=1024)"

All files of a folder, into another folder:

gimp-console -idf --quit --batch-interpreter=python-fu-eval \\
    -b "exec(open('stylize.py').read()); stylize_folder('photos/*.jpg', 'painting.jpg', 'painted', size=1024)"

Every option goes by its name, with _ in place of -. Each file that is written is a line on stdout. The exit code is 0,
or 64 after a line on stderr that says what went wrong.
"""

import glob
import os
import sys

from gi.repository import Gimp, Gio


def stylize(content, style, output, **options):
    """Paint the picture file ``content`` in the style of another; the suffix of ``output`` is the format to save in."""
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
    print(output, flush=True)


def stylize_folder(contents, style, folder, **options):
    """Paint all picture files that fit a pattern such as 'photos/*.jpg', under the same names in another folder.

    One that fails does not keep the others from being painted.
    """
    sys.tracebacklimit = 0
    paths = sorted(glob.glob(contents))
    if not paths:
        raise ValueError(f"No file fits {contents}.")
    if os.path.realpath(folder) in {os.path.realpath(os.path.dirname(path)) for path in paths}:
        raise ValueError(f"{folder} is where the pictures are: name another folder.")
    os.makedirs(folder, exist_ok=True)
    failed = 0
    for path in paths:
        try:
            stylize(path, style, os.path.join(folder, os.path.basename(path)), **options)
        except ValueError as problem:
            failed += 1
            print(f"{path}: {problem}", file=sys.stderr, flush=True)
    if failed:
        raise ValueError(f"{failed} of {len(paths)} pictures failed.")


def call(name, image, drawables, **arguments):
    """Run a procedure on layers of an image and return the new layer."""
    procedure = Gimp.get_pdb().lookup_procedure(name)
    if procedure is None:
        raise ValueError(f"GIMP has no procedure {name}: install Neural Style for GIMP, python3 install/install.py.")
    config = procedure.create_config()
    config.set_property("run-mode", Gimp.RunMode.NONINTERACTIVE)
    config.set_property("image", image)
    config.set_core_object_array("drawables", drawables)
    for argument, value in arguments.items():
        config.set_property(argument.replace("_", "-"), value)
        if isinstance(value, (str, int, float)) and config.get_property(argument.replace("_", "-")) != value:
            raise ValueError(f"{argument} cannot be {value!r}.")  # GIMP keeps the default and only warns
    answer = procedure.run(config)
    if answer.index(0) != Gimp.PDBStatusType.SUCCESS:
        raise ValueError(Gimp.get_pdb().get_last_error())
    return answer.index(1)
