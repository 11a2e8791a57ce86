#!/usr/bin/env python3
"""A plug-in for the tests: runs pieces of Python-Fu, one after another, in a process that GIMP has started once.

Where $NST_BATCHES names a pipe, each line in it names two files: that of the code, and that for what came of it.
"""

import contextlib
import io
import json
import os
import sys
import traceback

import gi

gi.require_version("Gegl", "0.4")
gi.require_version("Gimp", "3.0")
from gi.repository import Gimp, GLib

PIPE = "NST_BATCHES"


class Listens(Gimp.PlugIn):
    def do_set_i18n(self, _name):
        return False  # or GIMP would complain that there is no catalog

    def do_query_procedures(self):
        return ["tests-listen"]

    def do_create_procedure(self, name):
        return Gimp.Procedure.new(self, name, Gimp.PDBProcType.PERSISTENT, self.listen, None)

    def listen(self, procedure, _config, _data):
        """GIMP's way in, at its start."""
        procedure.persistent_ready()
        if PIPE in os.environ:
            self.persistent_enable()  # or this process would outlive GIMP
            with open(os.environ[PIPE], "rb", buffering=0) as pipe:
                GLib.io_add_watch(pipe, GLib.IO_IN, lambda *_: run(*pipe.readline().decode().split()) or True)
                GLib.MainLoop().run()
        return procedure.new_return_values(Gimp.PDBStatusType.SUCCESS, None)


def run(script, answer):
    printed, raised = io.StringIO(), None
    try:
        with contextlib.redirect_stdout(printed), open(script) as code:
            exec(compile(code.read(), script, "exec"), {"Gimp": Gimp})
    except BaseException:
        raised = traceback.format_exc()
    with open(f"{answer}.part", "w") as part:
        json.dump({"printed": printed.getvalue(), "raised": raised}, part)
    os.rename(f"{answer}.part", answer)


Gimp.main(Listens.__gtype__, sys.argv)
