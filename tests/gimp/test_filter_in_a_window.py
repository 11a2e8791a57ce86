"""The filter as a person meets it: menu, dialog, progress, layer, undo, cancel. Screenshots go to $NST_SCREENSHOTS."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from conftest import HERE, PlugIn
from window import WindowSession

NAMES = "print([layer.get_name() for layer in Gimp.get_images()[0].get_layers()])"
BEFORE = ["photo", "painting"]
AFTER = ["photo in the style of painting", *BEFORE]
# The Cancel button beside GIMP's progress bar, in the lower right corner of the screen.
CANCEL = (1280 - 60, 900 - 43)
# Where the pointer is in nobody's way: it would make tooltips appear.
EMPTY = (800, 900 - 43)


@pytest.fixture(scope="module")
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


@pytest.fixture(scope="module")
def session(installed_plug_in: PlugIn, two_layers: Path) -> Iterator[WindowSession]:
    with WindowSession(installed_plug_in.gimp, installed_plug_in.profile, two_layers) as window:
        yield window


@pytest.fixture
def window(session: WindowSession, plug_in: PlugIn) -> WindowSession:
    """GIMP with the image as it was loaded and the photo selected."""
    session.batch("""
image = Gimp.get_images()[0]
for layer in image.get_layers()[:-2]:
    image.remove_layer(layer)
image.set_selected_layers([image.get_layers()[0]])
Gimp.displays_flush()
""")
    session.click(*EMPTY)
    return session


@pytest.fixture(scope="session")
def screenshots(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = os.environ.get("NST_SCREENSHOTS")
    if folder is None:
        return tmp_path_factory.mktemp("screenshots")
    Path(folder).mkdir(parents=True, exist_ok=True)
    return Path(folder)


def layer_names(window: WindowSession) -> list[str]:
    return eval(window.batch(NAMES))  # type: ignore[no-any-return]


def wait_for_layers(window: WindowSession, names: list[str], seconds: float = 20) -> None:
    deadline = time.monotonic() + seconds
    while (found := layer_names(window)) != names:
        assert time.monotonic() < deadline, f"{found}\n{window.log[-1000:]}"
        time.sleep(0.2)


def engines(window: WindowSession) -> list[int]:
    """The living processes of this window that run a stand-in."""
    return [pid for pid in window.processes if str(HERE / "engines") in Path(f"/proc/{pid}/cmdline").read_text()]


def wait_until(done: Callable[[], object], seconds: float) -> None:
    deadline = time.monotonic() + seconds
    while not done():
        assert time.monotonic() < deadline
        time.sleep(0.1)


def start(window: WindowSession) -> None:
    """Choose Filters > Neural Style and press OK."""
    window.action("Neural Style")
    window.press("Neural Style", "OK")


def test_menu_dialog_and_ok_make_a_layer_in_one_undo_step(window: WindowSession, screenshots: Path) -> None:
    window.action("Neural Style")
    window.wait_window("^Neural Style$")
    time.sleep(0.5)  # until the dialog is drawn
    window.screenshot(screenshots / "dialog.png")
    window.choose("Neural Style", "Quality", "Draft")
    window.press("Neural Style", "OK")
    wait_for_layers(window, AFTER)
    window.screenshot(screenshots / "result.png")
    window.focus("GIMP$")
    window.key("ctrl+z")
    assert layer_names(window) == BEFORE
    window.key("ctrl+y")
    assert layer_names(window) == AFTER
    assert engines(window) == []


def test_advanced_options_unfold(window: WindowSession, screenshots: Path) -> None:
    window.action("Neural Style")
    window.toggle("Neural Style", "Advanced", True)
    window.set_number("Neural Style", "Seed", 7)
    time.sleep(0.5)  # until the dialog is drawn
    window.screenshot(screenshots / "advanced.png")
    window.press("Neural Style", "Cancel")
    assert layer_names(window) == BEFORE


def test_ok_without_a_style_says_so_and_leaves_the_dialog_open(window: WindowSession, screenshots: Path) -> None:
    window.batch("image = Gimp.get_images()[0]; image.remove_layer(image.get_layers()[1])")
    start(window)
    window.screenshot(screenshots / "no-style.png")
    window.press("Information", "OK")
    window.press("Neural Style", "Cancel")
    window.focus("GIMP$")
    window.key("ctrl+z")
    assert layer_names(window) == BEFORE


def test_canceling_the_dialog_ends_the_engine(window: WindowSession) -> None:
    window.action("Neural Style")
    window.wait_window("^Neural Style$")
    assert len(engines(window)) == 1
    window.press("Neural Style", "Cancel")
    wait_until(lambda: not engines(window), 2)
    assert layer_names(window) == BEFORE


def test_cancel_in_the_status_bar_ends_plug_in_and_engine(
    window: WindowSession, installed_plug_in: PlugIn, screenshots: Path
) -> None:
    installed_plug_in.use("hangs")
    start(window)
    wait_until(lambda: not window.find_window("^Neural Style$") and "button 'Cancel'" in window.tree(), 20)
    window.screenshot(screenshots / "progress.png")
    assert len(engines(window)) == 1
    window.click(*CANCEL)
    wait_until(lambda: not engines(window), 2)
    assert layer_names(window) == BEFORE


def test_a_layer_removed_in_the_meantime_gets_no_result(window: WindowSession, installed_plug_in: PlugIn) -> None:
    installed_plug_in.use("takes_its_time")
    start(window)
    wait_until(lambda: not window.find_window("^Neural Style$") and "button 'Cancel'" in window.tree(), 20)
    window.batch("image = Gimp.get_images()[0]; image.remove_layer(image.get_layers()[0])")
    window.wait_window("^GIMP Message$")
    assert "The layer was removed while it was being painted, so nothing was added." in window.tree()
    window.press("GIMP Message", "OK")
    assert layer_names(window) == BEFORE[1:]
    window.focus("GIMP$")
    window.key("ctrl+z")
    assert layer_names(window) == BEFORE


def test_a_broken_engine_shows_its_sentence(
    window: WindowSession, installed_plug_in: PlugIn, screenshots: Path
) -> None:
    installed_plug_in.use("exits")
    start(window)
    window.wait_window("^GIMP Message$")
    assert "The engine did not start; its log may tell why: " in window.tree()
    window.screenshot(screenshots / "error.png")
    window.press("GIMP Message", "OK")
    assert layer_names(window) == BEFORE
