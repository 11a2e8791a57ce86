"""The small preview in the dialog: what the engine is shown for it, when it is renewed, and that it is in no way."""

from __future__ import annotations

import shutil
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from plug_in import CHECKOUT, HERE, REAL_ENGINE, PlugIn
from watching import AFTER, DIALOG, engines, opened, start, wait_for_layers, wait_until
from window import PATIENCE, WindowSession

from nst_engine import frames

RED, GREEN, BLUE = (255, 0, 0), (0, 255, 0), (0, 0, 255)


@pytest.fixture
def recording(installed_plug_in: PlugIn, tmp_path: Path) -> Path:
    """The file in which an engine keeps what it was to sketch last; it is at it until it is told to stop."""
    path = tmp_path / "sketch.frame"
    installed_plug_in.use_command([sys.executable, str(HERE / "engines/sketches_without_end.py"), str(path)])
    return path


def sketched(recording: Path) -> tuple[dict[str, Any], dict[str, Any]]:
    """What the engine was shown: options and styles, and arrays of height × width × channels."""
    wait_until(recording.exists)
    time.sleep(0.3)  # until it is written
    with recording.open("rb") as stream:
        header, arrays = frames.read_frame(stream)  # type: ignore[misc]
    return header, {name: np.frombuffer(array.data, array.dtype).reshape(array.shape) for name, array in arrays.items()}


def preview(window: WindowSession, screenshot: Path) -> tuple[int, int, int]:
    """The color of the upper left quarter of the preview."""
    window.screenshot(screenshot)
    x, y = window.place(DIALOG, "Preview")
    with Image.open(screenshot) as screen:
        return screen.convert("RGB").getpixel((x - 40, y - 30))  # type: ignore[no-any-return]


def shown(window: WindowSession, name: str, screenshot: Path) -> np.ndarray[Any, Any]:
    """The middle of a picture of the dialog, height × width × colors."""
    window.screenshot(screenshot)
    x, y = window.place(DIALOG, name)
    with Image.open(screenshot) as screen:
        return np.asarray(screen.convert("RGB").crop((x - 60, y - 40, x + 60, y + 40)), float)


def test_content_and_styles_are_reduced_alike(window: WindowSession, recording: Path) -> None:
    window.batch(LARGE)
    for _ in opened(window):
        header, arrays = sketched(recording)
        assert [(style["name"], round(style["weight"], 2)) for style in header["styles"]] == [
            ("tiny", 1.0), ("faint", 0.25),
        ]  # fmt: skip
        shapes = [arrays[name].shape[:2] for name in ("content", "style-0", "style-1")]
        assert shapes == [(322, 403), (30, 30), (202, 403)]
        recording.unlink()
        window.choose(DIALOG, "Size", "Number of pixels")
        window.set_number(DIALOG, "Number of pixels", 500)
        wait_until(lambda: recording.exists() and sketched(recording)[0]["options"] == {"size": 500})


def test_a_sketch_of_what_is_chosen_is_seen_beside_the_content(window: WindowSession, screenshots: Path) -> None:
    for _ in opened(window):
        wait_until(lambda: preview(window, screenshots / "sketch.png") == BLUE)  # red and blue are exchanged


def test_a_change_ends_the_sketch_that_is_made_and_asks_for_another(window: WindowSession, recording: Path) -> None:
    for _ in opened(window):
        assert sketched(recording)[0]["options"] == {}
        recording.unlink()
        window.set_number(DIALOG, "Strength", 70)
        assert sketched(recording)[0]["options"] == {"strength": 70.0}


def test_ok_ends_the_sketch_and_gets_the_painting(window: WindowSession, recording: Path) -> None:
    window.action("Neural Style")
    sketched(recording)
    window.press(DIALOG, "OK")
    wait_for_layers(window, AFTER)
    wait_until(lambda: not engines(window))


def test_a_sketch_that_cannot_be_made_is_a_quiet_sentence(
    window: WindowSession, installed_plug_in: PlugIn, screenshots: Path
) -> None:
    installed_plug_in.use("refuses_sketches")
    for _ in opened(window):
        wait_until(lambda: "label 'There is no room for a sketch. Close a program.'" in window.tree())
        window.screenshot(screenshots / "no-sketch.png")
        assert "Works at" in window.tree()
    start(window)
    wait_for_layers(window, AFTER)


SELECTED = "Gimp.get_images()[0].select_rectangle(Gimp.ChannelOps.REPLACE, 30, 20, 20, 15)"
MASKED = """
layer = Gimp.get_images()[0].get_layers()[0]
layer.add_mask(layer.create_mask(Gimp.AddMaskType.BLACK))
layer.set_edit_mask(False)
"""
LARGE = """
image = Gimp.get_images()[0]
def add(name, width, height, parent, opacity=100):
    layer = Gimp.Layer.new(image, name, width, height, Gimp.ImageType.RGBA_IMAGE, opacity, Gimp.LayerMode.NORMAL)
    image.insert_layer(layer, parent, 0)
    return layer
group = Gimp.GroupLayer.new(image, "styles")
image.insert_layer(group, None, 0)
add("faint", 2000, 1000, group, 25)
add("tiny", 30, 30, group)
image.set_selected_layers([add("large", 1000, 800, None)])
"""
CASTLE = """
from gi.repository import Gio
image = Gimp.get_images()[0]
layer = Gimp.file_load_layer(Gimp.RunMode.NONINTERACTIVE, image, Gio.File.new_for_path({path!r}))
image.insert_layer(layer, None, 0)
image.set_selected_layers([layer])
"""


def test_selection_and_layer_mask_count_in_a_sketch(window: WindowSession, recording: Path) -> None:
    window.batch(SELECTED + MASKED)
    for _ in opened(window):
        arrays = sketched(recording)[1]
        assert arrays["selection"].shape[:2] == arrays["content"].shape[:2]
        assert (arrays["selection"][:15, :20] == 255).all()
        assert not arrays["selection"][15:].any()
        assert not arrays["content"][..., 3].any()
        recording.unlink()
        window.choose(DIALOG, "Layer mask", "Protected where black")
        arrays = sketched(recording)[1]
        assert (arrays["protection"] == 255).all()
        assert arrays["content"][..., 3].all()
    window.batch("image = Gimp.get_images()[0]; image.get_layers()[0].remove_mask(1); Gimp.Selection.none(image)")


def test_the_real_engine_makes_a_sketch_before_ok(
    window: WindowSession, installed_plug_in: PlugIn, screenshots: Path
) -> None:
    installed_plug_in.use_command(REAL_ENGINE)
    picture = shutil.copy(CHECKOUT / "tests/pictures/content-castle.jpg", window.folder)
    window.batch(CASTLE.format(path=window.gimp.inside(picture)))

    def is_painted() -> bool:
        content, sketch = (shown(window, name, screenshots / "real-sketch.png") for name in ("Content", "Preview"))
        is_alike = np.corrcoef(content.ravel(), sketch.ravel())[0, 1] > 0.5
        return bool(is_alike and np.abs(content - sketch).mean() > 10)

    for _ in opened(window):
        window.press(DIALOG, "The Starry Night, Vincent van Gogh, 1889")
        wait_until(is_painted, 2 * PATIENCE)
