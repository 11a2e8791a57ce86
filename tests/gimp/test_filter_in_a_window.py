"""The filter as a person meets it: menu, dialog, layer, undo, mishaps. Screenshots go to $NST_SCREENSHOTS."""

from __future__ import annotations

import time
from pathlib import Path

from plug_in import PlugIn
from watching import AFTER, BEFORE, engines, layer_names, start, wait_for_layers, wait_until
from window import WindowSession


def test_menu_dialog_and_ok_make_a_layer_in_one_undo_step(window: WindowSession, screenshots: Path) -> None:
    window.search("Neural Style")
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
    wait_until(lambda: len(engines(window)) == 1)
    window.press("Neural Style", "Cancel")
    wait_until(lambda: not engines(window))
    assert layer_names(window) == BEFORE


def test_a_broken_engine_shows_its_sentence(
    window: WindowSession, installed_plug_in: PlugIn, screenshots: Path
) -> None:
    installed_plug_in.use("exits")
    start(window)
    window.wait_window("^GIMP Message$")
    assert "The engine did not start (it said: ModuleNotFoundError: " in window.tree()
    window.screenshot(screenshots / "error.png")
    window.press("GIMP Message", "OK")
    assert layer_names(window) == BEFORE
