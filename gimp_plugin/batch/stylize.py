"""Neural Style without a window: load a picture, paint it in the style of another, save the result.

    gimp-console -idf --quit --batch-interpreter=python-fu-eval -b '
        import sys; sys.path.insert(0, "gimp_plugin/batch"); import stylize
        stylize.file("photo.jpg", "painting.jpg", "result.png", size=512, quality="normal")'

Every option of the filter can be given by name, with underscores. GIMP's exit code is 0 when the file is written,
and 64 after one line that says what went wrong.
"""

from __future__ import annotations

import sys

from gi.repository import Gimp, Gio

sys.tracebacklimit = 0


def file(content: str, style: str, output: str, **options: object) -> None:
    """Paint the picture in the file ``content`` in the style of that in ``style``, and save it as ``output``."""
    image = Gimp.file_load(Gimp.RunMode.NONINTERACTIVE, Gio.File.new_for_path(content))
    if image is None:
        raise RuntimeError(f"GIMP cannot open {content} as a picture.")
    try:
        layer(image, image.get_layers()[0], style, **options)
        if not Gimp.file_save(Gimp.RunMode.NONINTERACTIVE, image, Gio.File.new_for_path(output), None):
            raise RuntimeError(f"GIMP cannot save {output}.")
    finally:
        image.delete()


def layer(image: Gimp.Image, content: Gimp.Layer, style: str, **options: object) -> Gimp.Layer:
    """Paint one layer of an image in the style of a picture file; returns the new layer above it."""
    procedure = Gimp.get_pdb().lookup_procedure("plug-in-neural-style")
    if procedure is None:
        raise RuntimeError("GIMP does not know Neural Style: run install/install.py.")
    config = procedure.create_config()
    config.set_property("image", image)
    config.set_core_object_array("drawables", [content])
    config.set_property("style-file", Gio.File.new_for_path(style))
    for name, value in options.items():
        config.set_property(name.replace("_", "-"), value)
    answer = procedure.run(config)
    if answer.index(0) != Gimp.PDBStatusType.SUCCESS:
        raise RuntimeError(Gimp.get_pdb().get_last_error())
    return answer.index(1)
