"""The filter in each language that there is a catalog for. Screenshots go to $NST_SCREENSHOTS."""

from __future__ import annotations

import time
from pathlib import Path

import catalogs
import pytest
from plug_in import CHECKOUT, PlugIn
from watching import wait_until
from window import WindowSession

CATALOGS = sorted((CHECKOUT / "gimp_plugin/neural-style/locale").glob("*/LC_MESSAGES/neural-style.po"))
TOO_LARGE = "Painting at {size} px needs about {needed:.1f} GB of memory; {left:.1f} GB are free."
OPEN = """
image = Gimp.get_images()[0]
procedure = Gimp.get_pdb().lookup_procedure("plug-in-neural-style")
config = procedure.create_config()
config.set_property("run-mode", Gimp.RunMode.INTERACTIVE)
config.set_property("image", image)
config.set_core_object_array("drawables", [image.get_layers()[0]])
procedure.run(config)
"""
"""As the menu does; not every keyboard has the letters of every menu."""

REMEDY = "Close other programs, or scale the pictures down."


@pytest.mark.parametrize("path", CATALOGS, ids=lambda path: path.parts[-3])
def test_the_dialog_speaks_it_and_so_does_the_engine(
    path: Path, installed_plug_in: PlugIn, two_layers: Path, screenshots: Path
) -> None:
    words = catalogs.read_po(path.read_text(encoding="utf-8"))
    language, title = path.parts[-3], words["Neural Style"]
    installed_plug_in.use("is_short")
    said = f"{words[TOO_LARGE].format(size=512, needed=2.5, left=0.25)} {words[REMEDY]}"
    gimp, profile = installed_plug_in.gimp, installed_plug_in.profile
    with WindowSession(gimp, profile, two_layers, {"LANGUAGE": language}) as window:
        window.begin(OPEN)
        window.toggle(title, words["Advanced"], True)
        wait_until(lambda: f"label {said!r}" in window.tree())
        time.sleep(0.5)  # until it is drawn
        window.screenshot(screenshots / f"dialog-{language}.png")
