"""Tells GIMP of the procedures: their places in the menu and their arguments, most of them the engine's options."""

from __future__ import annotations

from typing import Any

from gi.repository import Gimp, GObject

from nst_plugin.shared import settings
from nst_plugin.shared.settings import argument_name
from nst_plugin.shared.translation import N_, _

PROCEDURE, AGAIN = "plug-in-neural-style", "plug-in-neural-style-again"
ENGINE = "plug-in-neural-style-engine"
MENU_LABELS = {PROCEDURE: N_("_Neural Style..."), AGAIN: N_("Neural Style A_gain...")}
MENU = "<Image>/Filters/"
BLURBS = {
    PROCEDURE: N_("Paint the selected layer in the style of another layer or of a picture file"),
    AGAIN: N_("Paint anew what the selected layer was painted from, with the settings that it was made with"),
}
HELP = N_(
    "The result is a new layer just above the selected one. Colors, strokes and textures come from the style, "
    "what is shown comes from the selected layer. When several styles are given, a file goes before a painting, and "
    "both before a layer."
)
STYLE_LABEL = N_("St_yle layer")
STYLE_HELP = N_(
    "The layer to take the style from. In a layer group each visible layer is a style, and counts as it is opaque."
)
FILE_LABEL, FILE_HELP = N_("Style f_ile"), N_("A picture file to take the style from, in place of a layer.")
NAME_LABEL = N_("Style na_me")
NAME_HELP = N_("Name of the style layer in the image, for scripts, in place of the layer itself.")
PAINTING_LABEL = N_("Painting")
PAINTING_HELP = N_("A painting to take the style from, in place of a layer: one that came along, or one of your own.")
MASK_LABEL = N_("Layer _mask")
MASK_HELP = N_("What black parts of the layer's own mask mean: nothing is there, or they are to stay as they are.")
ENGINE_LABEL = N_("Co_mputer")
ENGINE_HELP = N_(
    "The engine to paint with, on this computer or another one, by its name; the first where none is given."
)
TRANSPARENCY, PROTECTION = "transparency", "protection"
STYLE_ARGUMENTS = ("style", "style-file", "style-name", "painting")
READ_WRITE = GObject.ParamFlags.READWRITE


def create_procedure(plug_in: Gimp.PlugIn, name: str, run: Gimp.RunImageFunc) -> Gimp.ImageProcedure:
    """The procedure as GIMP registers and runs it."""
    procedure = Gimp.ImageProcedure.new(plug_in, name, Gimp.PDBProcType.PLUGIN, run, None)
    procedure.set_image_types("*")
    procedure.set_sensitivity_mask(Gimp.ProcedureSensitivityMask.DRAWABLE)
    procedure.set_menu_label(_(MENU_LABELS[name]))
    procedure.add_menu_path(MENU)
    procedure.set_documentation(_(BLURBS[name]), _(HELP), name)
    procedure.set_attribution("Neural Style for GIMP", "Neural Style for GIMP", "2026")
    procedure.add_layer_argument("style", _(STYLE_LABEL), _(STYLE_HELP), True, READ_WRITE)
    # OPEN would be more to the point, but then GIMP itself refuses a missing file, in words that help nobody.
    action = Gimp.FileChooserAction.ANY
    procedure.add_file_argument("style-file", _(FILE_LABEL), _(FILE_HELP), action, True, None, READ_WRITE)
    for row in settings.option_rows():
        add_option(procedure, row)
    procedure.add_string_argument("style-name", _(NAME_LABEL), _(NAME_HELP), "", READ_WRITE)
    procedure.add_choice_argument("mask", _(MASK_LABEL), _(MASK_HELP), mask_choice(), TRANSPARENCY, READ_WRITE)
    procedure.add_string_argument("painting", _(PAINTING_LABEL), _(PAINTING_HELP), "", READ_WRITE)
    procedure.add_string_argument("engine", _(ENGINE_LABEL), _(ENGINE_HELP), "", READ_WRITE)
    procedure.add_layer_return_value("layer", _("Layer"), _("The new layer."), True, READ_WRITE)
    return procedure


def create_engine_procedure(plug_in: Gimp.PlugIn, run: Gimp.RunFunc) -> Gimp.Procedure:
    """The menu's way to the window about the engine, which needs no image."""
    procedure = Gimp.Procedure.new(plug_in, ENGINE, Gimp.PDBProcType.PLUGIN, run, None)
    run_mode = ("run-mode", _("Run mode"), _("Whether somebody is there to answer."))
    procedure.add_enum_argument(*run_mode, Gimp.RunMode, Gimp.RunMode.INTERACTIVE, READ_WRITE)
    procedure.set_menu_label(_("Neural Style E_ngine..."))
    procedure.add_menu_path(MENU)
    procedure.set_documentation(_("Install, update, repair or remove the engine of Neural Style"), "", ENGINE)
    procedure.set_attribution("Neural Style for GIMP", "Neural Style for GIMP", "2026")
    return procedure


def add_option(procedure: Gimp.Procedure, row: dict[str, Any]) -> None:
    """Add one row of the option table as an argument."""
    names = (argument_name(row["name"]), _(row["label"]), _(row["help"]))
    kind, default = row["kind"], row["default"]
    if kind == "int":
        procedure.add_int_argument(*names, row["low"], row["high"], default, READ_WRITE)
    elif kind == "float":
        procedure.add_double_argument(*names, row["low"], row["high"], default, READ_WRITE)
    elif kind == "choice":
        procedure.add_choice_argument(*names, choice(row), default, READ_WRITE)
    else:
        procedure.add_string_argument(*names, default, READ_WRITE)


def choice(row: dict[str, Any]) -> Gimp.Choice:
    """The values of an option as GIMP offers them."""
    choices = Gimp.Choice.new()
    for number, entry in enumerate(row["choices"]):
        choices.add(entry["value"], number, _(entry["label"]), "")
    return choices


def mask_choice() -> Gimp.Choice:
    choices = Gimp.Choice.new()
    choices.add(TRANSPARENCY, 0, _("Transparent where black"), "")
    choices.add(PROTECTION, 1, _("Protected where black"), "")
    return choices


def option_row(name: str) -> dict[str, Any]:
    """What the option table says of one option."""
    return next(row for row in settings.option_rows() if row["name"] == name)


def defaults() -> dict[str, Any]:
    """All arguments, with what they are when nobody sets them."""
    options = {argument_name(row["name"]): row["default"] for row in settings.option_rows()}
    return {"style": None, "style-file": None, **options, "style-name": "", "mask": TRANSPARENCY, "painting": ""}


def values(config: Gimp.ProcedureConfig) -> dict[str, Any]:
    """All arguments, with what they are set to. GIMP remembers an empty text as none from one session to the next."""
    found = {}
    for name, default in defaults().items():
        value = config.get_property(name)
        found[name] = default if value is None else value
    return found


def engine(config: Gimp.ProcedureConfig) -> str:
    """The name of the engine that was chosen; empty for the first."""
    return config.get_property("engine") or ""


def options(config: Gimp.ProcedureConfig) -> dict[str, Any]:
    """What all options are set to, by the names that the engine knows them by."""
    found = values(config)
    return {row["name"]: found[argument_name(row["name"])] for row in settings.option_rows()}


def chosen_options(config: Gimp.ProcedureConfig) -> dict[str, Any]:
    """The options that were set to something other than their defaults: what the engine is told."""
    defaults = {row["name"]: row["default"] for row in settings.option_rows()}
    return {name: value for name, value in options(config).items() if value != defaults[name]}
