"""The layer that forms on the canvas while the engine works, and the window that goes with it."""

from __future__ import annotations

import os
import signal
from pathlib import Path

import pytest
from plug_in import REAL_ENGINE, PlugIn
from watching import (
    AFTER,
    BEFORE,
    RESULT,
    UNFINISHED,
    ask,
    engines,
    layer_names,
    pixel,
    processes,
    start,
    wait_for_layers,
    wait_until,
)
from window import WindowSession

RED, GREEN, BLUE, YELLOW = [255, 0, 0, 255], [0, 255, 0, 255], [0, 0, 255, 255], [255, 255, 0, 255]
PAINTED_YELLOW = [0, 255, 255, 255]
"""What the stand-in makes of yellow: it exchanges red and blue."""


@pytest.fixture
def painting(window: WindowSession, installed_plug_in: PlugIn) -> WindowSession:
    """GIMP with a run that waits to be stopped and has shown its last preview."""
    installed_plug_in.use("paints")
    start(window)
    wait_until(lambda: layer_names(window) == UNFINISHED and pixel(window, 20, 15) == BLUE)
    return window


def test_the_layer_shows_the_content_before_there_is_a_preview(
    window: WindowSession, installed_plug_in: PlugIn
) -> None:
    installed_plug_in.use("hangs")
    start(window)
    wait_for_layers(window, UNFINISHED)
    assert pixel(window, 30, 20) == YELLOW
    window.press(RESULT, "Cancel")
    wait_for_layers(window, BEFORE)


def test_a_preview_fills_the_layer_to_its_edges(painting: WindowSession, screenshots: Path) -> None:
    painting.wait_window(f"^{RESULT}$")
    painting.screenshot(screenshots / "forming.png")
    assert [pixel(painting, x, y) for x, y in ((0, 0), (39, 0), (0, 29), (39, 29))] == [BLUE] * 4
    assert "'about 20 s left'" in painting.tree()
    painting.press(RESULT, "Cancel")


def test_gimps_own_progress_bar_with_its_deadly_cancel_stays_away(painting: WindowSession) -> None:
    with pytest.raises(TimeoutError, match="has no such widget"):
        painting.click_on(r".*GIMP", "Cancel", timeout=0)
    painting.press(RESULT, "Cancel")


def test_stop_keeps_the_picture_as_a_finished_layer_in_one_undo_step(painting: WindowSession) -> None:
    painting.press(RESULT, "Stop")
    wait_for_layers(painting, AFTER)
    assert pixel(painting, 30, 20) == PAINTED_YELLOW
    assert ask(painting, "Gimp.get_images()[0].get_layers()[0].get_parasite_list()") == ["neural-style"]
    wait_until(lambda: not engines(painting))
    painting.focus("GIMP$")
    painting.key("ctrl+z")
    wait_for_layers(painting, BEFORE)
    painting.key("ctrl+y")
    wait_for_layers(painting, AFTER)
    assert pixel(painting, 30, 20) == PAINTED_YELLOW


def test_closing_the_window_is_a_stop(painting: WindowSession) -> None:
    painting.focus(f"^{RESULT}$")
    painting.key("alt+F4")
    wait_for_layers(painting, AFTER)


def test_cancel_removes_the_layer_and_ends_the_engine(painting: WindowSession) -> None:
    painting.press(RESULT, "Cancel")
    wait_for_layers(painting, BEFORE)
    assert_ended_without_a_word(painting)


def test_undoing_the_layer_is_a_cancel(painting: WindowSession) -> None:
    painting.focus("GIMP$")
    painting.key("ctrl+z")
    wait_for_layers(painting, BEFORE)
    assert_ended_without_a_word(painting)


def test_deleting_the_layer_is_a_cancel(painting: WindowSession) -> None:
    painting.batch("image = Gimp.get_images()[0]; image.remove_layer(image.get_layers()[0]); Gimp.displays_flush()")
    assert_ended_without_a_word(painting)
    assert layer_names(painting) == BEFORE


def assert_ended_without_a_word(window: WindowSession) -> None:
    wait_until(lambda: not engines(window) and not processes(window, "neural-style.py"))
    wait_until(lambda: not window.find_window(f"^{RESULT}$"))


def test_after_a_kill_one_unfinished_layer_stays_and_undo_works(painting: WindowSession) -> None:
    (plug_in,) = processes(painting, "neural-style.py")
    os.kill(plug_in, signal.SIGKILL)
    wait_until(lambda: not engines(painting))
    painting.press("GIMP Message", "OK")  # GIMP says that the plug-in crashed
    assert layer_names(painting) == UNFINISHED
    painting.batch(ADD_A_LAYER)
    painting.focus("GIMP$")
    painting.key("ctrl+z")
    wait_for_layers(painting, UNFINISHED)
    painting.key("ctrl+z")
    wait_for_layers(painting, BEFORE)


ADD_A_LAYER = """
image = Gimp.get_images()[0]
note = Gimp.Layer.new(image, "note", 5, 5, Gimp.ImageType.RGBA_IMAGE, 100.0, Gimp.LayerMode.NORMAL)
image.insert_layer(note, None, 0)
Gimp.displays_flush()
"""

PAINT_OVER_THE_CONTENT = """
photo = Gimp.get_images()[0].get_layer_by_name("photo")
Gimp.context_set_foreground(Gegl.Color.new("black"))
photo.edit_fill(Gimp.FillType.FOREGROUND)
Gimp.displays_flush()
"""


def test_the_user_goes_on_working_meanwhile(painting: WindowSession) -> None:
    painting.batch("from gi.repository import Gegl\n" + PAINT_OVER_THE_CONTENT)
    painting.batch(ADD_A_LAYER)
    painting.press(RESULT, "Stop")
    wait_for_layers(painting, ["note", *AFTER])
    painting.focus("GIMP$")
    painting.key("ctrl+z")
    wait_for_layers(painting, AFTER)
    assert pixel(painting, 30, 20) == PAINTED_YELLOW  # of the content as it was at the start
    painting.key("ctrl+z", "ctrl+z")
    wait_for_layers(painting, BEFORE)
    assert pixel(painting, 30, 20) == YELLOW


def test_an_image_scaled_meanwhile_gets_a_result_of_its_new_size(painting: WindowSession) -> None:
    painting.batch("Gimp.get_images()[0].scale(50, 40); Gimp.displays_flush()")
    painting.press(RESULT, "Stop")
    wait_for_layers(painting, AFTER)
    assert ask(painting, "[layer.get_width() for layer in Gimp.get_images()[0].get_layers()]") == [20, 20, 50]
    assert pixel(painting, 15, 10) == PAINTED_YELLOW
    painting.focus("GIMP$")
    painting.key("ctrl+z", "ctrl+z", "ctrl+z")
    wait_for_layers(painting, BEFORE)


def test_a_layer_cropped_meanwhile_is_widened_for_the_whole_picture(painting: WindowSession) -> None:
    painting.batch("Gimp.get_images()[0].crop(40, 20, 30, 20); Gimp.displays_flush()")
    painting.press(RESULT, "Stop")
    wait_for_layers(painting, AFTER)
    assert ask(painting, SIZE) == [40, 30]
    assert pixel(painting, 30, 20) == PAINTED_YELLOW
    painting.focus("GIMP$")
    painting.key("ctrl+z", "ctrl+z", "ctrl+z")
    wait_for_layers(painting, BEFORE)


def test_a_layer_turned_with_its_image_is_so_when_it_is_finished(painting: WindowSession) -> None:
    painting.batch("Gimp.get_images()[0].rotate(Gimp.RotationType.DEGREES90); Gimp.displays_flush()")
    painting.press(RESULT, "Stop")
    wait_for_layers(painting, AFTER)
    assert ask(painting, SIZE) == [30, 40]
    assert pixel(painting, 5, 30) == PAINTED_YELLOW
    painting.focus("GIMP$")
    painting.key("ctrl+z", "ctrl+z", "ctrl+z")
    wait_for_layers(painting, BEFORE)


SIZE = "(lambda layer: [layer.get_width(), layer.get_height()])(Gimp.get_images()[0].get_layers()[0])"

FLIP = "image.flip(Gimp.OrientationType.HORIZONTAL)"
TURN = "image.rotate(Gimp.RotationType.DEGREES270)"
EXACTER = "image.convert_precision(Gimp.Precision.FLOAT_LINEAR)"

PLACES = """
from gi.repository import Gegl

def shown(layer, x, y):
    _ok, left, top = layer.get_offsets()
    corner = Gegl.Rectangle.new(x - left, y - top, 1, 1)
    return list(layer.get_buffer().get(corner, 1.0, "R'G'B'A u8", Gegl.AbyssPolicy.NONE))

image = Gimp.get_images()[0]
painted, photo, _painting = image.get_layers()
places = [(x, y) for x in range(1, image.get_width(), 4) for y in range(1, image.get_height(), 4)]
pairs = [(shown(painted, *place), shown(photo, *place)) for place in places]
print([(now, before) for now, before in pairs if before[3]])
"""


@pytest.mark.parametrize(
    ("undo_steps", "changes"),
    [
        (3, ["image.crop(20, 15, 43, 27)"]),
        (3, [FLIP]),
        (6, [TURN, "image.crop(18, 25, 26, 34)", EXACTER, FLIP]),
        (5, [FLIP, "image.resize(150, 120, 20, 30)", "image.crop(36, 30, 66, 52)"]),
        (3, ["image.get_layers()[0].resize(60, 60, 0, 0)"]),
    ],
    ids=["cropped", "flipped", "turned", "flipped and cropped", "widened"],
)
def test_the_result_lies_on_what_it_was_painted_from_whatever_was_done_to_the_image(
    window: WindowSession, installed_plug_in: PlugIn, undo_steps: int, changes: list[str]
) -> None:
    installed_plug_in.use("scatters")
    start(window)
    wait_until(lambda: layer_names(window) == UNFINISHED and pixel(window, 30, 20) != YELLOW)
    window.batch("\n".join(["image = Gimp.get_images()[0]", *changes, "Gimp.displays_flush()"]))
    window.press(RESULT, "Stop")
    wait_for_layers(window, AFTER)
    pairs = eval(window.batch(PLACES))
    assert len(pairs) > 15
    assert all(now == [blue, green, red, alpha] for now, (red, green, blue, alpha) in pairs)
    window.focus("GIMP$")
    window.key("ctrl+z")
    wait_for_layers(window, UNFINISHED)  # never what was not finished under the name of what is
    window.key(*["ctrl+z"] * (undo_steps - 1))
    wait_for_layers(window, BEFORE)
    window.key(*["ctrl+y"] * undo_steps)
    wait_for_layers(window, AFTER)
    assert eval(window.batch(PLACES)) == pairs
    window.key(*["ctrl+z"] * undo_steps)
    wait_for_layers(window, BEFORE)


def test_what_the_user_made_of_layer_and_image_meanwhile_is_so_with_the_whole_picture(painting: WindowSession) -> None:
    painting.batch("""
image = Gimp.get_images()[0]
layer = image.get_layers()[0]
image.undo_group_start()
layer.set_opacity(50)
layer.set_name("mine")
image.convert_indexed(0, Gimp.ConvertPaletteType.WEB, 0, False, False, "")
image.crop(40, 20, 30, 20)
image.undo_group_end()
Gimp.displays_flush()
""")
    painting.press(RESULT, "Stop")
    wait_until(lambda: not processes(painting, "neural-style.py"))
    assert layer_names(painting) == ["mine", *BEFORE]
    assert ask(painting, "[layer.get_opacity() for layer in Gimp.get_images()[0].get_layers()]") == [50, 100, 100]
    assert pixel(painting, 30, 20) == PAINTED_YELLOW
    painting.focus("GIMP$")
    painting.key("ctrl+z", "ctrl+z", "ctrl+z")
    wait_for_layers(painting, BEFORE)


def test_a_name_that_the_user_gave_meanwhile_stays(painting: WindowSession) -> None:
    painting.batch("Gimp.get_images()[0].get_layers()[0].set_name('mine')")
    painting.press(RESULT, "Stop")
    wait_until(lambda: pixel(painting, 30, 20) == PAINTED_YELLOW)
    assert layer_names(painting) == ["mine", *BEFORE]


def test_more_previews_than_can_be_shown_do_not_keep_stop_waiting(
    window: WindowSession, installed_plug_in: PlugIn
) -> None:
    installed_plug_in.use("floods")
    start(window)
    wait_until(lambda: layer_names(window) == UNFINISHED and pixel(window, 20, 15) == [255] * 4)
    window.press(RESULT, "Stop")
    wait_for_layers(window, AFTER)


def test_repeating_the_filter_asks_nothing_and_can_be_watched(painting: WindowSession) -> None:
    painting.press(RESULT, "Stop")
    wait_for_layers(painting, AFTER)
    wait_until(lambda: not processes(painting, "neural-style.py"))
    painting.batch("""
image = Gimp.get_images()[0]
image.remove_layer(image.get_layers()[0])
image.set_selected_layers([image.get_layers()[0]])
""")
    painting.focus("GIMP$")
    painting.key("ctrl+f")
    wait_for_layers(painting, UNFINISHED)
    assert not painting.find_window("^Neural Style$")
    wait_until(lambda: pixel(painting, 20, 15) == BLUE)
    painting.press(RESULT, "Stop")
    wait_for_layers(painting, AFTER)


def test_closing_the_image_is_a_cancel(window: WindowSession, installed_plug_in: PlugIn) -> None:
    installed_plug_in.use("paints")
    window.batch("""
image = Gimp.get_images()[0].duplicate()
Gimp.Display.new(image)
image.clean_all()
""")
    start(window)
    window.wait_window(f"^{RESULT}$")
    wait_until(lambda: engines(window))
    window.focus("GIMP$")
    window.key("ctrl+w")
    window.press("Close .*", "Discard Changes")
    assert_ended_without_a_word(window)
    assert layer_names(window) == BEFORE


def test_the_real_engine_paints_on_the_canvas(
    window: WindowSession, installed_plug_in: PlugIn, screenshots: Path
) -> None:
    installed_plug_in.use_command(REAL_ENGINE)
    start(window)
    wait_for_layers(window, UNFINISHED)
    wait_until(lambda: layer_names(window) != UNFINISHED or pixel(window, 30, 20) != YELLOW, seconds=120)
    window.screenshot(screenshots / "real-engine.png")
    wait_for_layers(window, AFTER, seconds=300)
    assert [pixel(window, x, y)[3] for x, y in ((5, 5), (5, 25))] == [255, 128]  # the content's alpha
    assert pixel(window, 30, 20) != YELLOW
    window.focus("GIMP$")
    window.key("ctrl+z")
    wait_for_layers(window, BEFORE)
