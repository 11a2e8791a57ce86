#!/usr/bin/env python3
"""Neural Style for GIMP 3: the file that GIMP starts."""

from __future__ import annotations

import sys

import gi

gi.require_version("Gegl", "0.4")
gi.require_version("Gimp", "3.0")
from gi.repository import Gimp, Gio, GLib  # noqa: E402  (the versions come first)

from nst_plugin import procedures, runs  # noqa: E402
from nst_plugin.shared import settings, translation  # noqa: E402


class NeuralStyle(Gimp.PlugIn):
    """What GIMP asks of every plug-in: its procedures by name, and each of them when it is called."""

    def do_set_i18n(self, procedure_name: str) -> bool:
        return False  # translation.py knows the catalogs

    def do_query_procedures(self) -> list[str]:
        self.set_help_domain(procedures.PROCEDURE, Gio.File.new_for_path(settings.HELP_FOLDER))
        return [procedures.PROCEDURE, procedures.AGAIN, procedures.ENGINE]

    def do_create_procedure(self, name: str) -> Gimp.Procedure:
        if name == procedures.ENGINE:
            return procedures.create_engine_procedure(self, runs.about_engine)
        return procedures.create_procedure(self, name, runs.run)


translation.use(GLib.get_language_names())
Gimp.main(NeuralStyle.__gtype__, sys.argv)
