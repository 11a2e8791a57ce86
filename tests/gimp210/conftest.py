"""The real GIMP 2.10 that every test in this folder runs in."""

from __future__ import annotations

import shutil
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parents[2] / "install"))

import real_gimp_210
from plug_in_210 import PlugIn


@pytest.fixture(scope="session")
def gimp_210() -> real_gimp_210.Gimp210:
    return real_gimp_210.prepare()


@pytest.fixture(scope="session")
def installed_plug_in(gimp_210: real_gimp_210.Gimp210) -> Iterator[PlugIn]:
    """The plug-in in a profile of this test run; the first start fills it, later starts are quick."""
    profile = Path(tempfile.mkdtemp(prefix="profile-", dir=gimp_210.outside("/tmp")))
    yield PlugIn(gimp_210, profile)
    shutil.rmtree(profile)


@pytest.fixture
def plug_in(installed_plug_in: PlugIn) -> PlugIn:
    """The plug-in with an engine that answers at once."""
    installed_plug_in.use("answers")
    return installed_plug_in
