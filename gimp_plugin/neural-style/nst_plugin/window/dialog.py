"""The dialog: the pictures and the style first, the basic options in view, the others folded away."""

from __future__ import annotations

from collections.abc import Callable

import gi

gi.require_version("GimpUi", "3.0")
gi.require_version("Gtk", "3.0")
from gi.repository import Gimp, GimpUi, GObject, Gtk  # noqa: E402  (the versions come first)

from nst_plugin.shared import settings  # noqa: E402
from nst_plugin.shared.engine_client import Engine  # noqa: E402
from nst_plugin.shared.errors import BadRequest  # noqa: E402
from nst_plugin.shared.translation import _  # noqa: E402
from nst_plugin.window import engine_choice, painting_choice, style_choice, thumbnails  # noqa: E402
from nst_plugin.window.plan_line import PlanLine  # noqa: E402


def show(
    procedure: Gimp.Procedure,
    config: Gimp.ProcedureConfig,
    content: Gimp.Layer,
    engine: Engine,
    check: Callable[[], None],
) -> bool:
    """Ask until the answer passes ``check`` or the user cancels; returns whether to go on."""
    dialog = GimpUi.ProcedureDialog.new(procedure, config, _("Neural Style"))
    style_rows = style_choice.rows(config, content)
    engine_rows = engine_choice.rows(config, engine, lambda problem: explain(dialog, problem))
    align(dialog, [*style_rows, *engine_rows])
    painting_row = painting_choice.row(config, content, lambda problem: explain(dialog, problem))
    put_on_top(dialog, [thumbnails.row(config, content), *style_rows, painting_row, *notices(content)])
    fill(dialog, with_mask=content.get_mask() is not None)
    plan_line = PlanLine(engine, config, content)
    for row in (plan_line.label, *engine_rows):
        row.show_all()
        dialog.get_content_area().pack_end(row, False, False, 0)
    try:
        while dialog.run():
            try:
                check()
                return True
            except BadRequest as problem:
                explain(dialog, str(problem))
        return False
    finally:
        plan_line.end()
        dialog.destroy()


def fill(dialog: GimpUi.ProcedureDialog, with_mask: bool) -> None:
    """Show all options, as the option table groups them, and what the layer's mask means if it has one."""
    groups: dict[str, list[str]] = {"basic": ["mask"] if with_mask else [], "advanced": []}
    for row in settings.option_rows():
        name = settings.argument_name(row["name"])
        groups[row["group"]].append(name)
        if row["kind"] == "float":
            dialog.get_scale_entry(name, 1.0)
    dialog.get_label("advanced-title", _("Advanced"), False, False)
    dialog.fill_box("advanced-box", groups["advanced"])
    expander = dialog.fill_expander("advanced", "advanced-title", False, "advanced-box")
    expander.set_tooltip_text(_("Options that are seldom needed."))
    dialog.fill([*groups["basic"], "advanced"])


def align(dialog: GimpUi.ProcedureDialog, rows: list[style_choice.Row]) -> None:
    """Let our own rows' labels be as wide as those of the rows that GIMP makes."""
    column = Gtk.SizeGroup(mode=Gtk.SizeGroupMode.HORIZONTAL)
    for label in (dialog.get_widget("quality", GObject.TYPE_NONE).get_label(), *(row.label for row in rows)):
        column.add_widget(label)


def notices(content: Gimp.Layer) -> list[Gtk.Widget]:
    if content.get_image().get_base_type() != Gimp.ImageBaseType.GRAY:
        return []
    return [
        GimpUi.HintBox.new(_("The result is gray because the image is. For colors choose Image > Mode > RGB first."))
    ]


def put_on_top(dialog: GimpUi.ProcedureDialog, rows: list[Gtk.Widget]) -> None:
    area = dialog.get_content_area()
    for position, row in enumerate(rows):
        row.show_all()
        area.pack_start(row, False, False, 0)
        area.reorder_child(row, position)


def explain(dialog: GimpUi.ProcedureDialog, problem: str) -> None:
    """Say what is missing, in front of the dialog that it is missing from."""
    message = Gtk.MessageDialog(transient_for=dialog, modal=True, buttons=Gtk.ButtonsType.OK, text=problem)
    message.run()
    message.destroy()
