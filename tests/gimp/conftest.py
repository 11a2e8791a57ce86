"""The real GIMP that every test in this folder runs in."""

from __future__ import annotations

import json
import shutil
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from nst_engine import options

sys.path.insert(0, str(Path(__file__).parents[2] / "install"))

import console
import plugin_folder
import real_gimp

HERE = Path(__file__).parent
CHECKOUT = HERE.parents[1]


@pytest.fixture(scope="session")
def gimp() -> real_gimp.Gimp:
    return real_gimp.prepare()


@pytest.fixture(scope="session")
def profile(gimp: real_gimp.Gimp) -> Iterator[Path]:
    """A GIMP profile of this test run; the first start fills it, later starts are quick."""
    folder = Path(tempfile.mkdtemp(prefix="profile-", dir=gimp.outside("/tmp")))
    yield folder
    shutil.rmtree(folder)


class PlugIn:
    """The plug-in as the installer puts it into a profile, beside an engine of the test's choice."""

    def __init__(self, gimp: real_gimp.Gimp, profile: Path) -> None:
        self.gimp, self.profile = gimp, profile

    def use(self, stand_in: str) -> None:
        """Put one of the stand-ins beside this file in the engine's place."""
        self.use_command([sys.executable, str(HERE / "engines" / f"{stand_in}.py")])

    def use_command(self, command: list[str]) -> None:
        engine = self.gimp.engine_command(command)
        plugin_folder.install_plugin(self.profile / "plug-ins", CHECKOUT, json.dumps(options.table()), engine)

    def facts(self, code: str) -> dict[str, Any]:
        """Run Python-Fu with the helpers of in_gimp.py and return what it tells."""
        outcome = console.run_python(self.gimp, self.profile, (HERE / "in_gimp.py").read_text() + code)
        assert outcome.exit_code == 0, outcome.stderr
        told = [line[6:] for line in outcome.stdout.splitlines() if line.startswith("FACTS ")]
        return {name: fact for line in told for name, fact in json.loads(line).items()}


@pytest.fixture(scope="session")
def installed_plug_in(gimp: real_gimp.Gimp, profile: Path) -> PlugIn:
    return PlugIn(gimp, profile)


@pytest.fixture
def plug_in(installed_plug_in: PlugIn) -> PlugIn:
    """The plug-in with an engine that answers at once."""
    installed_plug_in.use("answers")
    return installed_plug_in
