"""The dialog: what it shows of content, style, size and time, what it remembers, and its help."""

from __future__ import annotations

import shutil
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from PIL import Image
from plug_in import EchoedPlugIn, PlugIn
from watching import AFTER, BEFORE, DIALOG, engines, layer_names, opened, wait_for_layers, wait_until
from window import WindowSession

RED, BLUE, CYAN, MAGENTA = (255, 0, 0), (0, 0, 255), (0, 255, 255), (255, 0, 255)
BROWSER = """\
[Desktop Entry]
Type=Application
Name=Browser
Exec={program} %u
"""
OPENED_WITH = "[Default Applications]\ntext/html=browser.desktop\nx-scheme-handler/file=browser.desktop\n"


@pytest.fixture
def dialog(window: WindowSession) -> Iterator[WindowSession]:
    """GIMP with the dialog open, and closed in the end."""
    yield from opened(window)


def magenta_file(window: WindowSession) -> Path:
    path = window.folder / "magenta.png"
    Image.new("RGB", (30, 20), MAGENTA).save(path)
    return path


def choose_file(window: WindowSession, path: Path) -> None:
    """Type a path into GTK's file chooser, and again should a busy machine have lost a key."""
    chooser = "^Select a File$"
    window.press(DIALOG, "(None)")
    window.wait_window(chooser)

    def is_chosen() -> bool:
        if window.find_window(chooser):
            window.focus(chooser)
            window.key("ctrl+l")
            window.type(window.gimp.inside(path))
            window.key("Return")
            time.sleep(2)
        return f"label '{path.stem}'" in window.tree()

    wait_until(is_chosen)


def thumbnail(window: WindowSession, caption: str, screenshot: Path) -> tuple[int, int, int]:
    """The color of the small picture above a caption of the dialog."""
    time.sleep(0.5)  # until it is drawn
    window.screenshot(screenshot)
    x, y = window.place(DIALOG, caption)
    with Image.open(screenshot) as screen:
        return screen.convert("RGB").getpixel((x, y - 60))  # type: ignore[no-any-return]


def test_content_and_style_are_shown(dialog: WindowSession, screenshots: Path) -> None:
    dialog.click(5, 400)  # away with the tooltips
    assert thumbnail(dialog, "painting", screenshots / "dialog.png") == CYAN
    wait_until(lambda: "label 'photo'" in dialog.tree())


def test_a_style_file_is_shown_used_and_remembered_until_it_is_cleared(
    window: WindowSession, screenshots: Path
) -> None:
    window.action("Neural Style")
    choose_file(window, magenta_file(window))
    assert thumbnail(window, "magenta", screenshots / "style-file.png") == MAGENTA
    window.press(DIALOG, "OK")
    wait_for_layers(window, ["photo in the style of magenta", *BEFORE])
    window.batch("image = Gimp.get_images()[0]; image.set_selected_layers([image.get_layers()[1]])")
    window.action("Neural Style")
    window.wait_window(f"^{DIALOG}$")
    wait_until(lambda: "label 'magenta'" in window.tree())
    window.press(DIALOG, "No file or painting")
    wait_until(lambda: "label 'magenta'" not in window.tree())
    wait_until(lambda: "(None)" in window.tree())
    window.press(DIALOG, "OK")
    wait_until(lambda: "photo in the style of painting" in layer_names(window))


WAVE = "Under the Wave off Kanagawa, Katsushika Hokusai, about 1831"


@pytest.fixture
def own_paintings(window: WindowSession) -> Iterator[Path]:
    """The folder of the user's own paintings, as GIMP sees it, which is not there yet."""
    folder = window.gimp.outside(Path("/root/.local/share/neural-style/paintings"))
    yield folder
    shutil.rmtree(folder, ignore_errors=True)


def test_a_painting_is_chosen_by_its_picture_and_given_up_again(window: WindowSession, screenshots: Path) -> None:
    for _ in opened(window):
        window.press(DIALOG, WAVE)
        wait_until(lambda: "label 'great-wave'" in window.tree())
        time.sleep(1)  # until all are drawn
        window.screenshot(screenshots / "paintings.png")
        window.press(DIALOG, WAVE)
        wait_until(lambda: "label 'great-wave'" not in window.tree())
        window.press(DIALOG, WAVE)
        wait_until(lambda: "label 'great-wave'" in window.tree())
        window.press(DIALOG, "Last used")
        wait_until(lambda: "label 'great-wave'" not in window.tree())


def test_a_painting_that_was_chosen_is_the_style_now_and_next_time(window: WindowSession) -> None:
    window.action("Neural Style")
    window.press(DIALOG, WAVE)
    window.press(DIALOG, "OK")
    wait_for_layers(window, ["photo in the style of great-wave", *BEFORE])
    window.batch("image = Gimp.get_images()[0]; image.set_selected_layers([image.get_layers()[1]])")
    window.action("Neural Style")
    wait_until(lambda: "label 'great-wave'" in window.tree())
    window.press(DIALOG, "No file or painting")
    wait_until(lambda: "label 'great-wave'" not in window.tree())
    window.press(DIALOG, "OK")
    wait_until(lambda: "photo in the style of painting" in layer_names(window))


def test_a_style_is_kept_among_the_paintings(window: WindowSession, own_paintings: Path, screenshots: Path) -> None:
    for _ in opened(window):
        window.press(DIALOG, "Keep this style")
        wait_until((own_paintings / "painting.png").exists)
        window.press(DIALOG, "No file or painting")  # what was kept is the style now
        choose_file(window, magenta_file(window))
        window.press(DIALOG, "Keep this style")
        wait_until((own_paintings / "magenta.png").exists)
        window.press(DIALOG, WAVE)
        window.press(DIALOG, "magenta")
        time.sleep(1)  # until all are drawn
        window.screenshot(screenshots / "kept.png")
        assert thumbnail(window, "magenta", screenshots / "kept.png") == MAGENTA
    with Image.open(own_paintings / "painting.png") as kept:
        assert (kept.size, kept.convert("RGB").getpixel((0, 0))) == ((100, 80), CYAN)


def test_values_are_remembered_and_can_be_saved_and_reset(window: WindowSession) -> None:
    window.action("Neural Style")
    window.set_number(DIALOG, "Strength", 70)
    window.press(DIALOG, "Save Settings")
    window.set_number(DIALOG, "Strength", 30)
    window.press(DIALOG, "OK")
    wait_for_layers(window, AFTER)
    window.batch("image = Gimp.get_images()[0]; image.set_selected_layers([image.get_layers()[1]])")
    for _ in opened(window):
        assert window.get_number(DIALOG, "Strength") == 30
        window.press(DIALOG, "Load Saved Settings")
        assert window.get_number(DIALOG, "Strength") == 70
        wait_until(lambda: "label 'painting'" in window.tree())


def test_every_control_has_a_name_that_can_be_read_out(dialog: WindowSession) -> None:
    dialog.toggle(DIALOG, "Advanced", True)
    dialog.choose(DIALOG, "Size", "Number of pixels")
    assert dialog.nameless(DIALOG) == []
    assert dialog.chosen(DIALOG, "Quality") == "Normal"
    dialog.choose(DIALOG, "Quality", "Best")
    wait_until(lambda: dialog.chosen(DIALOG, "Quality") == "Best")


def test_the_keyboard_alone_comes_to_everything_and_paints(window: WindowSession) -> None:
    window.action("Neural Style")
    window.toggle(DIALOG, "Advanced", True)
    window.focus(f"^{DIALOG}$")
    stops = window.tour(DIALOG)
    reached = [WAVE, "Keep this style", "Strength", "Style scale", "Advanced", "Seed", "Memory limit (GB)", "Cancel"]
    assert [name for name in [*reached, "OK"] if name not in " / ".join(stops)] == []
    assert stops.count("a list") == len(["Style", "Quality", "Size", "Colors", "Recipe", "Network", "Device"])
    window.key("alt+z", "Down")
    wait_until(lambda: "Layer's own" in window.chosen(DIALOG, "Size"))
    window.focus(f"^{DIALOG}$")
    window.key("Up")  # and back, for the tests that follow
    wait_until(lambda: "Automatic" in window.chosen(DIALOG, "Size"))
    window.focus(f"^{DIALOG}$")
    window.key("alt+o")
    wait_for_layers(window, AFTER)


def test_folding_the_options_away_makes_the_dialog_low_again(dialog: WindowSession) -> None:
    folded = dialog.place(DIALOG, "OK")[1]
    dialog.toggle(DIALOG, "Advanced", True)
    wait_until(lambda: dialog.place(DIALOG, "OK")[1] > folded + 50)
    dialog.toggle(DIALOG, "Advanced", False)
    wait_until(lambda: abs(dialog.place(DIALOG, "OK")[1] - folded) < 20)


def test_the_size_is_told_in_words(window: WindowSession) -> None:
    for _ in opened(window):
        wait_until(lambda: window.chosen(DIALOG, "Size") == "Automatic (40 px)")
        window.choose(DIALOG, "Size", "Layer's own (40 px)")
        wait_until(lambda: window.chosen(DIALOG, "Size") == "Layer's own (40 px)")
        window.choose(DIALOG, "Size", "Number of pixels")
        window.set_number(DIALOG, "Number of pixels", 100)
        wait_until(lambda: window.chosen(DIALOG, "Size") == "Number of pixels")


def test_a_size_that_was_chosen_is_what_the_engine_is_told_and_what_is_seen_next_time(
    window: WindowSession, echo: EchoedPlugIn
) -> None:
    for kind, size in (("Layer's own (40 px)", 16384), ("Number of pixels", 64), ("Automatic", None)):
        window.action("Neural Style")
        window.choose(DIALOG, "Size", kind)
        window.press(DIALOG, "OK")
        wait_for_layers(window, AFTER)
        assert echo.header["options"].get("size") == size
        window.batch("image = Gimp.get_images()[0]; image.remove_layer(image.get_layers()[0])")
        window.batch("image = Gimp.get_images()[0]; image.set_selected_layers([image.get_layers()[0]])")


def test_networks_are_chosen_from_a_list_of_those_that_the_engine_has(
    window: WindowSession, echo: EchoedPlugIn
) -> None:
    for network, sent in (("vgg19-caffe", "vgg19-caffe"), ("vgg19", None)):
        window.action("Neural Style")
        window.toggle(DIALOG, "Advanced", True)
        window.choose(DIALOG, "Network", network)
        window.press(DIALOG, "OK")
        wait_for_layers(window, AFTER)
        assert echo.header["options"].get("network") == sent
        window.batch("image = Gimp.get_images()[0]; image.remove_layer(image.get_layers()[0])")
        window.batch("image = Gimp.get_images()[0]; image.set_selected_layers([image.get_layers()[0]])")


def test_every_control_says_what_it_does(dialog: WindowSession) -> None:
    dialog.toggle(DIALOG, "Advanced", True)
    gimps_own = {"Load Saved Settings", "Save Settings", "Help", "Reset", "Cancel", "OK"}
    assert set(dialog.unexplained(DIALOG)) <= gimps_own


def test_size_and_time_are_told_before_ok_and_follow_the_options(
    window: WindowSession, installed_plug_in: PlugIn
) -> None:
    installed_plug_in.use("plans")
    for _ in opened(window):
        wait_until(lambda: "label 'Works at 40 × 30 px, about 30 s'" in window.tree())
        window.choose(DIALOG, "Quality", "Best")
        wait_until(lambda: "label 'The picture does not fit. Choose a smaller size.'" in window.tree())
        window.choose(DIALOG, "Quality", "Normal")
        wait_until(lambda: "label 'Works at 40 × 30 px, about 30 s'" in window.tree())


def test_an_engine_that_is_slow_to_start_does_not_block_the_dialog(
    window: WindowSession, installed_plug_in: PlugIn
) -> None:
    installed_plug_in.use("never_greets")
    for _ in opened(window):
        wait_until(lambda: "label 'Starting the engine…'" in window.tree())
        window.set_number(DIALOG, "Strength", 20)
        assert window.get_number(DIALOG, "Strength") == 20
    wait_until(lambda: not engines(window))


def test_an_engine_that_does_not_start_says_so_in_the_dialog(window: WindowSession, installed_plug_in: PlugIn) -> None:
    installed_plug_in.use("exits")
    for _ in opened(window):
        wait_until(lambda: "label 'The engine did not start (it said: ModuleNotFoundError: " in window.tree())


def test_a_gray_image_is_said_to_stay_gray(window: WindowSession) -> None:
    sentence = "The result is gray because the image is."
    for mode in ("grayscale", "rgb"):
        window.batch(f"Gimp.get_images()[0].convert_{mode}(); Gimp.displays_flush()")
        for _ in opened(window):
            assert (sentence in window.tree()) == (mode == "grayscale")


GONE_BESIDE_THE_DIALOG = {
    "remove_layer(image.get_layers()[0])": "The layer to be painted is gone: bring it back with Edit > Undo",
    "remove_layer(image.get_layers()[1])": "The style layer is gone: choose another one.",
    "convert_indexed(0, Gimp.ConvertPaletteType.WEB, 0, False, False, '')": "An image with a palette cannot take",
}


@pytest.mark.parametrize("change", GONE_BESIDE_THE_DIALOG)
def test_what_is_done_to_the_image_beside_the_dialog_is_seen_at_ok_and_can_be_undone(
    window: WindowSession, change: str
) -> None:
    window.action("Neural Style")
    window.wait_window(f"^{DIALOG}$")
    window.batch(f"image = Gimp.get_images()[0]; image.{change}; Gimp.displays_flush()")
    window.press(DIALOG, "OK")
    wait_until(lambda: GONE_BESIDE_THE_DIALOG[change] in window.tree())
    window.press("Information", "OK")
    window.focus("GIMP$")
    window.key("ctrl+z")
    window.press(DIALOG, "OK")
    wait_for_layers(window, AFTER)


@pytest.fixture
def help_window(
    installed_plug_in: PlugIn, two_layers: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[WindowSession]:
    """GIMP on a desktop whose browser only notes what it is to open."""
    gimp = installed_plug_in.gimp
    folder = gimp.outside("/tmp") / f"{installed_plug_in.profile.name}-browser"
    (folder / "applications").mkdir(parents=True)
    program = folder / "browser"
    program.write_text(f'#!/bin/sh\necho "$1" > {gimp.inside(folder)}/opened\n')
    program.chmod(0o755)
    (folder / "applications/browser.desktop").write_text(BROWSER.format(program=gimp.inside(program)))
    (folder / "applications/mimeapps.list").write_text(OPENED_WITH)
    installed_plug_in.use("answers")
    try:
        with WindowSession(
            gimp, installed_plug_in.profile, two_layers, {"XDG_DATA_HOME": gimp.inside(folder)}
        ) as window:
            yield window
    finally:
        shutil.rmtree(folder)


def test_help_opens_the_page_about_painting_a_layer(help_window: WindowSession, installed_plug_in: PlugIn) -> None:
    gimp = installed_plug_in.gimp
    opened_page = gimp.outside("/tmp") / f"{installed_plug_in.profile.name}-browser/opened"
    help_window.action("Neural Style")
    help_window.press(DIALOG, "Help")
    wait_until(lambda: opened_page.exists() and opened_page.read_text().strip())
    page = gimp.outside(opened_page.read_text().strip().removeprefix("file://"))
    assert "<h2>Painting a layer</h2>" in page.read_text()


def test_a_german_with_a_small_screen_sees_german_and_everything(
    installed_plug_in: PlugIn, two_layers: Path, screenshots: Path
) -> None:
    installed_plug_in.use("paints")
    gimp, profile, german = installed_plug_in.gimp, installed_plug_in.profile, {"LANGUAGE": "de"}
    with WindowSession(gimp, profile, two_layers, german, screen="1024x600") as window:
        window.action("Neuraler Stil")
        window.toggle("Neuraler Stil", "Erweitert", True)
        time.sleep(0.5)  # until it is drawn
        window.screenshot(screenshots / "german.png")
        assert window.place("Neuraler Stil", "OK")[1] < 590
        wait_until(lambda: "label 'Gemalt wird in 40 × 30 px, etwa 30 s'" in window.tree())
        window.press("Neuraler Stil", "OK")
        window.press("photo im Stil von painting", "Anhalten")
        wait_for_layers(window, ["photo im Stil von painting", *BEFORE])


def test_a_dialog_that_is_moved_to_a_lower_monitor_fits_that(window: WindowSession) -> None:
    window.action("Neural Style")
    window.toggle(DIALOG, "Advanced", True)
    wait_until(lambda: window.place(DIALOG, "OK")[1] > 500)
    try:
        window.resize_monitor(1280, 500)  # stands for another one, which the tests' display cannot have
        window.move(f"^{DIALOG}$", 40, 10)
        wait_until(lambda: window.place(DIALOG, "OK")[1] < 500)
        window.resize_monitor(1280, 890)  # as if, being low, it were mostly on the first one
        for is_open in (False, True):
            window.toggle(DIALOG, "Advanced", is_open)
        assert window.place(DIALOG, "OK")[1] < 500, "or it would be mostly on the other one, without end"
        window.move(f"^{DIALOG}$", 60, 20)
        wait_until(lambda: window.place(DIALOG, "OK")[1] > 500)
    finally:
        window.resize_monitor(1280, 900)
    window.press(DIALOG, "Cancel")


def test_the_dialog_on_a_screen_with_two_pixels_for_one(
    installed_plug_in: PlugIn, two_layers: Path, screenshots: Path
) -> None:
    installed_plug_in.use("answers")
    gimp, profile = installed_plug_in.gimp, installed_plug_in.profile

    def corner(window: WindowSession, name: str) -> tuple[int, int, int]:
        """The color of the upper left part of a picture, of which the screen has twice as many pixels."""
        window.screenshot(screenshots / "hidpi.png")
        x, y = window.place(DIALOG, name)
        with Image.open(screenshots / "hidpi.png") as screen:
            return screen.convert("RGB").getpixel((2 * x - 80, 2 * y - 120))  # type: ignore[no-any-return]

    with WindowSession(gimp, profile, two_layers, {"GDK_SCALE": "2"}) as window:
        window.action("Neural Style")
        wait_until(lambda: corner(window, "Preview") == BLUE)
        assert corner(window, "Content") == RED


@pytest.mark.parametrize("scheme", ["dark", "light"])
def test_the_dialog_is_read_in_dark_and_in_light(
    installed_plug_in: PlugIn, two_layers: Path, screenshots: Path, scheme: str
) -> None:
    installed_plug_in.use("refuses_sketches")
    gimp, profile = installed_plug_in.gimp, installed_plug_in.profile
    with WindowSession(gimp, profile, two_layers, gimprc=f"(theme-color-scheme {scheme})\n") as window:
        window.action("Neural Style")
        sentence = "There is no room for a sketch. Close a program."
        wait_until(lambda: f"label '{sentence}'" in window.tree())
        time.sleep(1)  # until it is drawn
        window.screenshot(screenshots / f"{scheme}.png")
        x, y = window.place(DIALOG, sentence)
        with Image.open(screenshots / f"{scheme}.png") as screen:
            darkest, lightest = screen.convert("L").crop((x - 60, y - 20, x + 60, y + 20)).getextrema()
        assert (lightest if scheme == "light" else 255 - darkest) > 180
        assert lightest - darkest > 80
