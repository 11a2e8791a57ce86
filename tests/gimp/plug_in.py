"""The plug-in in a real GIMP, beside an engine of the test's choice."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import console
import numpy as np
import plugin_folder
import real_gimp
import source
from record import Record

from nst_engine import frames, options

HERE = Path(__file__).parent
CHECKOUT = HERE.parents[1]
HELPERS = (HERE / "in_gimp.py").read_text()
REAL_ENGINE = ["/usr/bin/env", f"PYTHONPATH={CHECKOUT}", sys.executable, "-m", "nst_engine", "worker"]


class PlugIn:
    """The plug-in as the installer puts it into a profile, beside an engine of the test's choice."""

    def __init__(self, gimp: real_gimp.Gimp, profile: Path, running: console.Console | None = None) -> None:
        """``running`` is the GIMP for :meth:`facts`, if not a new one."""
        self.gimp, self.profile = gimp, profile
        self.running = running or console.Console(gimp, profile)

    def use(self, stand_in: str, *arguments: str) -> None:
        """Put one of the stand-ins beside this file in the engine's place."""
        self.use_command([sys.executable, str(HERE / "engines" / f"{stand_in}.py"), *arguments])

    def use_command(self, command: list[str]) -> None:
        """Of a plug-in that is there already only the engine changes, so that GIMP need not look at it anew."""
        engine = plugin_folder.local_engine(self.gimp.engine_command(command))
        folder = self.profile / "plug-ins" / source.NAME
        if folder.exists():
            (folder / source.ENGINE).unlink(missing_ok=True)
            (folder / source.ENGINE).write_bytes(plugin_folder.described(CHECKOUT, engine, folder))
            return
        record = Record.load(self.profile / "plug-in.json")
        folder.parent.mkdir(exist_ok=True)
        plugin_folder.install_plugin(folder.parent, CHECKOUT, json.dumps(options.table()), engine, record)

    def run(self, code: str) -> console.Outcome:
        """Run Python-Fu with the helpers of in_gimp.py to its good end."""
        outcome = console.run_python(self.gimp, self.profile, HELPERS + code)
        assert outcome.exit_code == 0, outcome.stderr
        return outcome

    def facts(self, code: str, in_new_gimp: bool = False) -> dict[str, Any]:
        """Run Python-Fu with the helpers of in_gimp.py and return what it tells; GIMP goes on running, unless new."""
        printed = self.run(code).stdout if in_new_gimp else self.running.run(HELPERS + code)
        told = [line[6:] for line in printed.splitlines() if line.startswith("FACTS ")]
        return {name: fact for line in told for name, fact in json.loads(line).items()}


class EchoedPlugIn(PlugIn):
    """The plug-in with an engine that keeps its last job and gives the content back."""

    def __init__(self, plug_in: PlugIn, recording: Path) -> None:
        super().__init__(plug_in.gimp, plug_in.profile, plug_in.running)
        self.recording = recording
        self.use_command([sys.executable, str(HERE / "engines/echoes.py"), str(recording)])

    @property
    def header(self) -> dict[str, Any]:
        return self._job.header  # type: ignore[no-any-return]

    @property
    def arrays(self) -> dict[str, Any]:
        """The arrays of the last job, height × width × channels."""
        return {
            name: np.frombuffer(array.data, dtype=array.dtype).reshape(array.shape)
            for name, array in self._job.arrays.items()
        }

    @property
    def _job(self) -> Any:
        with self.recording.open("rb") as stream:
            return frames.read_frame(stream)
