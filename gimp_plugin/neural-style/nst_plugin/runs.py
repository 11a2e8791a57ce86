"""One run of the filter, from the user's wish to the new layer."""

from __future__ import annotations

import os

import gi
from gi.repository import Gegl, Gimp, GLib, GObject

from nst_plugin import installer, procedures, progress_bar
from nst_plugin.image import jobs, layers, recall
from nst_plugin.image.jobs import Job
from nst_plugin.shared import engines, messages, settings
from nst_plugin.shared.engine_client import Engine
from nst_plugin.shared.errors import BadRequest, Canceled, PluginError, explained
from nst_plugin.shared.translation import _


def run(
    procedure: Gimp.Procedure,
    run_mode: Gimp.RunMode,
    _image: Gimp.Image,
    drawables: list[Gimp.Drawable],
    config: Gimp.ProcedureConfig,
    _data: object,
) -> Gimp.ValueArray:
    """GIMP's way in. The answer is a layer or what went wrong."""
    lead_process_group()
    try:
        layer = stylize(procedure, run_mode, drawables, config)
    except Canceled:
        return procedure.new_return_values(Gimp.PDBStatusType.CANCEL, None)
    except Exception as error:  # whatever it is, GIMP waits for an answer
        return failure(procedure, explained(error))
    answer = procedure.new_return_values(Gimp.PDBStatusType.SUCCESS, None)
    answer.remove(1)
    answer.insert(1, GObject.Value(Gimp.Layer, layer))
    return answer


def failure(procedure: Gimp.Procedure, problem: PluginError) -> Gimp.ValueArray:
    """What GIMP is told of a run that came to nothing."""
    is_request = isinstance(problem, BadRequest)
    status = Gimp.PDBStatusType.CALLING_ERROR if is_request else Gimp.PDBStatusType.EXECUTION_ERROR
    sentence = messages.plain(str(problem))
    return procedure.new_return_values(status, GLib.Error.new_literal(Gimp.PlugIn.error_quark(), sentence, 0))


def lead_process_group() -> None:
    """GIMP's Cancel kills a plug-in without notice, and with it the group that it leads: here, the engine."""
    if hasattr(os, "setpgid"):
        os.setpgid(0, 0)


def stylize(
    procedure: Gimp.Procedure,
    run_mode: Gimp.RunMode,
    drawables: list[Gimp.Drawable],
    config: Gimp.ProcedureConfig,
) -> Gimp.Layer:
    """The whole story."""
    content = selected = selected_layer(drawables)
    if procedure.get_name() == procedures.AGAIN:
        content = recall.content_of(selected)
        recall.restore(config, selected, keep_given=run_mode == Gimp.RunMode.NONINTERACTIVE)
    part = jobs.part_of(content, selected)
    if run_mode != Gimp.RunMode.INTERACTIVE:
        jobs.check(config, content, part)
    watched = open_display(run_mode)
    if watched and run_mode == Gimp.RunMode.INTERACTIVE:
        offer_engine()
    with start_engine(config, may_choose=run_mode == Gimp.RunMode.INTERACTIVE) as engine:
        Gegl.init(None)
        if run_mode == Gimp.RunMode.INTERACTIVE:
            ask(procedure, config, content, part, engine)
        paint = paint_on_the_canvas if watched else paint_unseen
        return paint(engine, jobs.read(config, content, selected, part, engine.dtype))


def start_engine(config: Gimp.ProcedureConfig, may_choose: bool) -> Engine:
    """The chosen engine; where somebody is about to choose, another one on this computer if it cannot be started."""
    name = procedures.engine(config)
    if not may_choose:
        return engines.start(engines.chosen(name), progress_bar.stay_responsive)
    engine, started = engines.start_for_choice(name, progress_bar.stay_responsive)
    config.set_property("engine", started)
    return engine


def open_display(run_mode: Gimp.RunMode) -> bool:
    """Whether somebody watches. A script may ask for the last values where there is no display to open."""
    if run_mode == Gimp.RunMode.NONINTERACTIVE:
        return False
    gi.require_version("Gtk", "3.0")
    from gi.repository import Gtk

    if not Gtk.init_check(None)[0]:
        return False
    gi.require_version("GimpUi", "3.0")
    from gi.repository import GimpUi

    GimpUi.init(procedures.PROCEDURE)
    return True


def offer_engine() -> None:
    """Where the engine is missing or older than the plug-in, and the installer came along, let the user install it."""
    if settings.is_up_to_date() or not installer.is_there():
        return
    from nst_plugin.window.engine_window import EngineWindow  # GTK needs a display, which batch mode lacks

    EngineWindow().run()
    if not settings.is_up_to_date():
        raise Canceled


def about_engine(procedure: Gimp.Procedure, _config: Gimp.ProcedureConfig, _data: object) -> Gimp.ValueArray:
    """GIMP's way to the window about the engine."""
    try:
        if not installer.is_there():
            raise BadRequest(_("The engine was not installed from GIMP: its installer updates and removes it."))
        if not open_display(Gimp.RunMode.INTERACTIVE):
            raise BadRequest(_("There is no display to show a window on."))
        from nst_plugin.window.engine_window import EngineWindow

        EngineWindow().run()
    except Exception as error:  # as in run()
        return failure(procedure, explained(error))
    return procedure.new_return_values(Gimp.PDBStatusType.SUCCESS, None)


def paint_on_the_canvas(engine: Engine, job: Job) -> Gimp.Layer:
    """The layer is there at once and forms before the user's eyes."""
    from nst_plugin.window import watched_run  # GTK needs a display, which batch mode lacks

    return watched_run.stylize(engine, job)


def paint_unseen(engine: Engine, job: Job) -> Gimp.Layer:
    """The image changes only when the layer is complete."""
    progress_bar.start()
    result = engine.stylize(job.request, progress_bar.report)
    if job.image not in Gimp.get_images():
        raise BadRequest(_("The image was closed while it was being painted, so nothing was added."))
    layer = job.new_layer(job.name)
    layers.write_pixels(layer, result.picture)
    layer.attach_parasite(job.parasite(result))
    layers.insert_above(layer, job.above, job.image)
    progress_bar.remark(result.remark)
    return layer


def selected_layer(drawables: list[Gimp.Drawable]) -> Gimp.Layer:
    """The one layer to paint, or to paint again."""
    if len(drawables) != 1:
        raise BadRequest(_("Select exactly one layer to paint."))
    (layer,) = drawables
    if not isinstance(layer, Gimp.Layer):
        raise BadRequest(_("A mask or channel is selected: select the layer itself."))
    jobs.refuse_useless(layer)
    return layer


def ask(
    procedure: Gimp.Procedure,
    config: Gimp.ProcedureConfig,
    content: Gimp.Layer,
    part: Gimp.Layer | None,
    engine: Engine,
) -> None:
    """Let the user choose; what was chosen is in the config then."""
    from nst_plugin.window import dialog  # GTK needs a display, which batch mode lacks

    if not dialog.show(procedure, config, content, part, engine):
        raise Canceled
