"""The real GIMP that every test in this folder runs in."""

from __future__ import annotations

import os
import shutil
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parents[2] / "install"))

import real_gimp
from plug_in import EchoedPlugIn, PlugIn
from watching import processes, wait_until
from window import WindowSession

# Where the pointer is in nobody's way: it would make tooltips appear.
EMPTY = (800, 900 - 43)


@pytest.fixture(scope="session")
def gimp(request: pytest.FixtureRequest) -> real_gimp.Gimp:
    """GIMP 3.0, unless a test is parametrized with another Debian release."""
    return real_gimp.prepare(getattr(request, "param", real_gimp.DEFAULT_SUITE))


@pytest.fixture(scope="session")
def profile(gimp: real_gimp.Gimp) -> Iterator[Path]:
    """A GIMP profile of this test run; the first start fills it, later starts are quick."""
    folder = Path(tempfile.mkdtemp(prefix="profile-", dir=gimp.outside("/tmp")))
    yield folder
    shutil.rmtree(folder)


@pytest.fixture(scope="session")
def installed_plug_in(gimp: real_gimp.Gimp, profile: Path) -> Iterator[PlugIn]:
    plug_in = PlugIn(gimp, profile)
    yield plug_in
    plug_in.running.close()


@pytest.fixture
def plug_in(installed_plug_in: PlugIn) -> PlugIn:
    """The plug-in with an engine that answers at once."""
    installed_plug_in.use("answers")
    return installed_plug_in


@pytest.fixture
def echo(installed_plug_in: PlugIn, tmp_path: Path) -> EchoedPlugIn:
    return EchoedPlugIn(installed_plug_in, tmp_path / "job.frame")


@pytest.fixture(scope="session")
def two_layers(installed_plug_in: PlugIn, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An image with a photo above a painting."""
    installed_plug_in.use("answers")
    path = installed_plug_in.gimp.outside("/tmp") / "two-layers.xcf"
    installed_plug_in.facts(f"""
image = new_image()
add_layer(image, "painting", 0, 0, 100, 80, CYAN)
add_quadrants(image)
Gimp.file_save(Gimp.RunMode.NONINTERACTIVE, image, file({installed_plug_in.gimp.inside(path)!r}), None)
image.delete()
""")
    kept = tmp_path_factory.mktemp("image") / path.name
    kept.write_bytes(path.read_bytes())
    path.unlink()
    return kept


@pytest.fixture(scope="session")
def session(installed_plug_in: PlugIn, two_layers: Path) -> Iterator[WindowSession]:
    """GIMP in a window."""
    with WindowSession(installed_plug_in.gimp, installed_plug_in.profile, two_layers) as window:
        yield window


@pytest.fixture(scope="module")
def nothing_remembered(installed_plug_in: PlugIn, session: WindowSession) -> None:
    """The plug-in knows nothing of what other files' tests have chosen, neither from the profile nor by the image."""
    shutil.rmtree(installed_plug_in.profile / "plug-in-settings", ignore_errors=True)
    if session.is_running:
        session.batch("""
image = Gimp.get_images()[0]
for name in image.get_parasite_list():
    if name.endswith("-last"):
        image.detach_parasite(name)
""")


@pytest.fixture
def window(session: WindowSession, plug_in: PlugIn, nothing_remembered: None) -> Iterator[WindowSession]:
    """GIMP with the image as it was loaded and the photo selected.

    No test may leave the plug-in or a message behind; after one that does GIMP starts anew, so that only it fails.
    """
    if not session.is_running:
        session.restart()
    session.batch("""
image = Gimp.get_images()[0]
for layer in image.get_layers()[:-2]:
    image.remove_layer(layer)
image.set_selected_layers([image.get_layers()[0]])
Gimp.displays_flush()
""")
    session.click(*EMPTY)
    yield session
    try:
        wait_until(lambda: not processes(session, "neural-style.py"))
        assert not session.find_window("^GIMP Message$"), session.tree()[-1500:]
    except AssertionError:
        session.restart()
        raise


@pytest.fixture(scope="session")
def screenshots(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the pictures of the screen go: the folder that $NST_SCREENSHOTS names, or one that pytest removes."""
    folder = os.environ.get("NST_SCREENSHOTS")
    if folder is None:
        return tmp_path_factory.mktemp("screenshots")
    Path(folder).mkdir(parents=True, exist_ok=True)
    return Path(folder)
