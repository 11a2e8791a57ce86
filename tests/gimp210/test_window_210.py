"""Undo, menu and dialog, as a person meets them. gimpfu's dialog runs on stand-ins for the PyGTK that is missing."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
from plug_in_210 import HERE, PlugIn
from window_210 import Window210, engines, wait_until

BEFORE = ["photo", "painting"]
AFTER = ["photo in the style of painting", *BEFORE]

IMAGE = """
image = new_image()
style = add_layer(image, "painting", 0, 0, 100, 80, CYAN)
photo = add_quadrants(image)
"""


def wait_for_layers(window: Window210, names: list[str]) -> None:
    wait_until(lambda: window.layer_names() == names)


def test_the_new_layer_is_one_undo_step(plug_in: PlugIn) -> None:
    with Window210(plug_in, IMAGE + "stylize(image, photo, style)") as window:
        assert window.layer_names() == AFTER
        window.key("ctrl+z")
        wait_for_layers(window, BEFORE)
        window.key("ctrl+z")
        wait_for_layers(window, ["painting"])  # the step before, which added the photo
        window.key("ctrl+y", "ctrl+y")
        wait_for_layers(window, AFTER)


@pytest.fixture
def without_gtk(plug_in: PlugIn) -> str:
    """A folder for PYTHONPATH, as GIMP sees it, with stand-ins for what is missing of gimpfu's dialog."""
    folder = plug_in.profile / "without_gtk"
    shutil.copytree(HERE / "without_gtk", folder, dirs_exist_ok=True)
    return plug_in.gimp.inside(folder)


def test_the_menu_entry_and_ok_in_the_dialog_make_a_layer(plug_in: PlugIn, without_gtk: str) -> None:
    with Window210(plug_in, IMAGE, {"PYTHONPATH": without_gtk}) as window:
        window.action("Neural Style")
        wait_for_layers(window, AFTER)
        assert json.loads(engine_log(plug_in).splitlines()[0])["options"] == {}


def test_closing_the_dialog_ends_the_engine(plug_in: PlugIn, without_gtk: str) -> None:
    plug_in.use("hangs")
    close = plug_in.profile / "close"
    with Window210(plug_in, IMAGE, {"PYTHONPATH": without_gtk, "CLOSE_DIALOG": plug_in.gimp.inside(close)}) as window:
        window.action("Neural Style")
        wait_until(lambda: engines(window))
        close.touch()
        wait_until(lambda: not engines(window))
        assert window.layer_names() == BEFORE
        assert "Traceback" not in window.log


def test_the_picture_of_a_layer_that_is_removed_meanwhile_comes_on_top(
    plug_in: PlugIn, without_gtk: str, tmp_path: Path
) -> None:
    is_removed = tmp_path / "is removed"
    plug_in.use("takes_its_time", str(is_removed))
    with Window210(plug_in, IMAGE, {"PYTHONPATH": without_gtk}) as window:
        window.action("Neural Style")
        wait_until(lambda: engines(window) and '"kind": "stylize"' in engine_log(plug_in))
        window.focus("GIMP$")
        window.key("ctrl+z")
        wait_for_layers(window, ["painting"])
        is_removed.touch()
        wait_for_layers(window, [AFTER[0], "painting"])


NOISE = """
import random
noise = random.Random(1)
region = photo.get_pixel_rgn(0, 0, 40, 30, True, False)
region[0:40, 0:30] = bytes(bytearray(noise.randrange(256) if byte % 4 < 3 else 255 for byte in range(40 * 30 * 4)))
photo.flush()
"""
CHANGES = """
pdb.gimp_image_flip(image, gimpfu.ORIENTATION_HORIZONTAL)
pdb.gimp_image_rotate(image, gimpfu.ROTATE_90)
pdb.gimp_image_crop(image, 18, 25, 26, 34)
pdb.gimp_image_convert_precision(image, gimpfu.PRECISION_FLOAT_GAMMA)
"""
PLACES = """
painted, photo = [layer for layer in image.layers if layer.name.startswith("photo")]
left, top = photo.offsets
places = [(x, y) for x in range(left + 1, left + photo.width, 4) for y in range(top + 1, top + photo.height, 4)]
seen = [pixels(layer, *[(x - layer.offsets[0], y - layer.offsets[1]) for x, y in places]) for layer in (painted, photo)]
tell(pairs=list(zip(*seen)))
"""


def test_the_result_lies_on_what_it_was_painted_from_whatever_was_done_to_the_image(
    plug_in: PlugIn, without_gtk: str, tmp_path: Path
) -> None:
    is_changed = tmp_path / "is changed"
    plug_in.use("takes_its_time", str(is_changed))
    with Window210(plug_in, IMAGE + NOISE, {"PYTHONPATH": without_gtk}) as window:
        window.action("Neural Style")
        wait_until(lambda: engines(window) and '"kind": "stylize"' in engine_log(plug_in))
        window.do(CHANGES)
        is_changed.touch()
        wait_for_layers(window, AFTER)
        pairs = window.do(PLACES)["pairs"]
        assert len(pairs) > 15
        assert all(now == pytest.approx([blue, green, red, 1], abs=0.02) for now, (red, green, blue, _) in pairs)


def engine_log(plug_in: PlugIn) -> str:
    logs = plug_in.gimp.outside("/root/.local/state/neural-style").glob("engine-*.log")
    return max(logs, key=lambda log: log.stat().st_mtime_ns).read_text()
