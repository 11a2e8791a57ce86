"""One run of the filter, from the user's wish to the new layer."""

from __future__ import annotations

import os

from gi.repository import Gegl, Gimp, GLib, GObject

from nst_plugin import layers, progress, registration, settings
from nst_plugin.engine_client import Engine, Style
from nst_plugin.errors import BadRequest, Canceled, EngineError

STATUSES: dict[type[Exception], Gimp.PDBStatusType] = {
    Canceled: Gimp.PDBStatusType.CANCEL,
    BadRequest: Gimp.PDBStatusType.CALLING_ERROR,
    EngineError: Gimp.PDBStatusType.EXECUTION_ERROR,
}
"""What GIMP is told of each way to end without a layer."""


def run(
    procedure: Gimp.Procedure,
    run_mode: Gimp.RunMode,
    image: Gimp.Image,
    drawables: list[Gimp.Drawable],
    config: Gimp.ProcedureConfig,
    _data: object,
) -> Gimp.ValueArray:
    """GIMP's way in. The answer is a layer or what went wrong."""
    lead_process_group()
    try:
        layer = stylize(procedure, run_mode, image, drawables, config)
    except tuple(STATUSES) as ending:
        message = GLib.Error.new_literal(Gimp.PlugIn.error_quark(), str(ending), 0) if str(ending) else None
        return procedure.new_return_values(STATUSES[type(ending)], message)
    answer = procedure.new_return_values(Gimp.PDBStatusType.SUCCESS, None)
    answer.remove(1)
    answer.insert(1, GObject.Value(Gimp.Layer, layer))
    return answer


def lead_process_group() -> None:
    """GIMP's Cancel kills a plug-in without notice, and with it the group that it leads: here, the engine."""
    if hasattr(os, "setpgid"):
        os.setpgid(0, 0)


def stylize(
    procedure: Gimp.Procedure,
    run_mode: Gimp.RunMode,
    image: Gimp.Image,
    drawables: list[Gimp.Drawable],
    config: Gimp.ProcedureConfig,
) -> Gimp.Layer:
    """The whole story. Only its last line changes the image."""
    content = content_layer(image, drawables)
    if run_mode != Gimp.RunMode.INTERACTIVE:
        check_style(config, content)
    with Engine(settings.engine_command(), settings.log_path(), progress.stay_responsive) as engine:
        if run_mode == Gimp.RunMode.INTERACTIVE:
            ask(procedure, config, content)
        progress.start()
        Gegl.init(None)
        style = read_style(config)
        engine.wait_for_greeting()
        options = registration.chosen_options(config)
        picture = engine.stylize(layers.read_layer(content), [style], options, progress.report)
    if image not in Gimp.get_images() or not content.is_valid():
        raise BadRequest("The layer was removed while it was being painted, so nothing was added.")
    return layers.insert_result(picture, content, f"{content.get_name()} in the style of {style.name}")


def content_layer(image: Gimp.Image, drawables: list[Gimp.Drawable]) -> Gimp.Layer:
    """The one layer to paint."""
    if len(drawables) != 1:
        raise BadRequest("Select exactly one layer to paint.")
    (content,) = drawables
    if not isinstance(content, Gimp.Layer):
        raise BadRequest("A mask or channel is selected: select the layer itself.")
    if image.get_base_type() == Gimp.ImageBaseType.INDEXED:
        raise BadRequest("An image with a palette cannot take the new colors: choose Image > Mode > RGB first.")
    return content


def check_style(config: Gimp.ProcedureConfig, content: Gimp.Layer) -> None:
    """Refuse a style that is missing or pointless. A style file is used even when there is a style layer as well."""
    layer, file = config.get_property("style"), config.get_property("style-file")
    if file is not None:
        if not file.query_exists(None):
            raise BadRequest(f"There is no style file {file.get_parse_name()}: choose another one.")
    elif layer is None:
        raise BadRequest("There is no style yet: choose a style layer or a style file.")
    elif layer == content:
        raise BadRequest("The style layer is the layer to be painted: choose another one.")


def ask(procedure: Gimp.Procedure, config: Gimp.ProcedureConfig, content: Gimp.Layer) -> None:
    """Let the user choose; what was chosen is in the config then."""
    from nst_plugin import dialog  # GTK needs a display, which batch mode lacks

    if not dialog.show(procedure, config, content, lambda: check_style(config, content)):
        raise Canceled


def read_style(config: Gimp.ProcedureConfig) -> Style:
    file = config.get_property("style-file")
    return layers.read_style_layer(config.get_property("style")) if file is None else layers.read_style_file(file)
