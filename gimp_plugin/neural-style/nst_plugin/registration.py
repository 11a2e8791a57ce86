"""Tells GIMP of the procedure: its place in the menu and its arguments, which come from the engine's option table."""

from __future__ import annotations

from typing import Any

from gi.repository import Gimp, GObject

from nst_plugin import settings

PROCEDURE = "plug-in-neural-style"
MENU_LABEL = "_Neural Style..."
MENU = "<Image>/Filters/"
BLURB = "Paint the selected layer in the style of another layer or of a picture file"
HELP = (
    "The result is a new layer just above the selected one. Colors, strokes and textures come from the style, "
    "what is shown comes from the selected layer. When both a style layer and a style file are given, the file is used."
)
STYLE_LABEL, STYLE_HELP = "St_yle layer", "The layer to take the style from."
FILE_LABEL, FILE_HELP = "Style f_ile", "A picture file to take the style from, in place of a layer."
READ_WRITE = GObject.ParamFlags.READWRITE


def create_procedure(plug_in: Gimp.PlugIn, name: str, run: Gimp.RunImageFunc) -> Gimp.ImageProcedure:
    """The procedure as GIMP registers and runs it."""
    procedure = Gimp.ImageProcedure.new(plug_in, name, Gimp.PDBProcType.PLUGIN, run, None)
    procedure.set_image_types("*")
    procedure.set_sensitivity_mask(Gimp.ProcedureSensitivityMask.DRAWABLE)
    procedure.set_menu_label(MENU_LABEL)
    procedure.add_menu_path(MENU)
    procedure.set_documentation(BLURB, HELP, None)
    procedure.set_attribution("Neural Style for GIMP", "Neural Style for GIMP", "2026")
    procedure.add_layer_argument("style", STYLE_LABEL, STYLE_HELP, True, READ_WRITE)
    # OPEN would be more to the point, but then GIMP itself refuses a missing file, in words that help nobody.
    action = Gimp.FileChooserAction.ANY
    procedure.add_file_argument("style-file", FILE_LABEL, FILE_HELP, action, True, None, READ_WRITE)
    for row in settings.option_rows():
        add_option(procedure, row)
    procedure.add_layer_return_value("layer", "Layer", "The new layer.", True, READ_WRITE)
    return procedure


def argument_name(row: dict[str, Any]) -> str:
    """How GIMP calls an option."""
    return str(row["name"]).replace("_", "-")


def add_option(procedure: Gimp.Procedure, row: dict[str, Any]) -> None:
    """Add one row of the option table as an argument."""
    names = (argument_name(row), row["label"], row["help"])
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
        choices.add(entry["value"], number, entry["label"], "")
    return choices


def chosen_options(config: Gimp.ProcedureConfig) -> dict[str, Any]:
    """The options that were set to something other than their defaults: what the engine is told."""
    values = {row["name"]: config.get_property(argument_name(row)) for row in settings.option_rows()}
    defaults = {row["name"]: row["default"] for row in settings.option_rows()}
    return {name: value for name, value in values.items() if value != defaults[name]}
