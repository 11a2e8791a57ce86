"""The plug-in in a profile of the real GIMP 2.10, and batch code that tries it."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import plugin_folder
import source
from real_gimp_210 import Gimp210
from record import Record

from nst_engine import options

HERE = Path(__file__).parent
CHECKOUT = HERE.parents[1]
ENGINES = CHECKOUT / "tests/gimp/engines"
REAL_ENGINE = ["/usr/bin/env", f"PYTHONPATH={CHECKOUT}", sys.executable, "-m", "nst_engine", "worker"]
"""The checkout's engine, whatever else is installed."""


class PlugIn:
    """The plug-in as the installer puts it into a profile, beside an engine of the test's choice."""

    def __init__(self, gimp: Gimp210, profile: Path) -> None:
        self.gimp, self.profile = gimp, profile
        self.folder = profile / "plug-ins" / source.NAME_210

    def use(self, stand_in: str, *arguments: str) -> None:
        """Put one of the stand-ins of the tests for GIMP 3 in the engine's place."""
        found = [folder / f"{stand_in}.py" for folder in (HERE, ENGINES) if (folder / f"{stand_in}.py").exists()]
        self.use_command([sys.executable, str(found[0]), *arguments])

    def use_command(self, command: list[str]) -> None:
        """Of a plug-in that is there already only the engine changes, so that GIMP need not look at it anew."""
        engine = plugin_folder.local_engine(self.gimp.engine_command(command))
        if self.folder.exists():
            (self.folder / source.ENGINE).unlink(missing_ok=True)
            (self.folder / source.ENGINE).write_bytes(plugin_folder.described(CHECKOUT, engine, self.folder))
            return
        table = json.dumps(options.table())
        record = Record.load(self.profile / "plug-in.json")
        self.folder.parent.mkdir(exist_ok=True)
        plugin_folder.install_plugin(self.folder.parent, CHECKOUT, table, engine, record, source.NAME_210)

    def facts(self, code: str, **env: str) -> dict[str, Any]:
        """Run Python-Fu with the helpers of in_gimp_210.py and return what it tells, and what GIMP printed."""
        script, told = self.write_script(code)
        outcome = self.gimp.console(self.profile, f"execfile({self.gimp.inside(script)!r})", env=env)
        assert told.exists(), outcome.stderr
        return {**json.loads(told.read_text()), "stderr": outcome.stderr}

    def write_script(self, code: str) -> tuple[Path, Path]:
        """A file with batch code, and the one that will hold what it tells once it has come to its end."""
        script, told = self.profile / "batch.py", self.profile / "told.json"
        told.unlink(missing_ok=True)
        helpers = (HERE / "in_gimp_210.py").read_text()
        rows = f"OPTIONS[:] = json.loads({json.dumps(options.table()['options'])!r})"
        script.write_text(f"{helpers}\n{rows}\n{code}\nfinish({self.gimp.inside(told)!r})\n")
        return script, told
