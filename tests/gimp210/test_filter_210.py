"""What goes to the engine and what comes back as a layer, in the real GIMP 2.10, by script."""

from __future__ import annotations

import contextlib
import json
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import real_gimp
from PIL import Image
from plug_in_210 import CHECKOUT, ENGINES, REAL_ENGINE, PlugIn
from real_gimp import SCRIPT_FU

from nst_engine import options

RED, GREEN, BLUE, YELLOW = [1, 0, 0, 1], [0, 1, 0, 1], [0, 0, 1, 0.5], [1, 1, 0, 1]
CYAN, MAGENTA = [0, 1, 1, 1], [1, 0, 1, 1]


def test_the_result_is_a_layer_just_above_the_content(plug_in: PlugIn) -> None:
    facts = plug_in.facts("""
image = new_image()
style = add_layer(image, "painting", 0, 0, 20, 20, MAGENTA)
photo = add_quadrants(image)
add_layer(image, "top", 0, 0, 5, 5, CYAN)
result = stylize(image, photo, style)
tell(names=names(image), size=[result.width, result.height], offsets=result.offsets,
     pixels=quadrant_pixels(result), first=pixels(result, (0, 0)), before=quadrant_pixels(photo),
     looks=[result.mode == gimpfu.LAYER_MODE_NORMAL, result.opacity, result.visible], images=len(gimp.image_list()))
""")
    assert facts["names"] == ["top", "photo in the style of painting", "photo", "painting"]
    assert (facts["size"], facts["offsets"]) == ([40, 30], [30, 20])
    assert facts["before"] == [RED, GREEN, BLUE, YELLOW]
    assert facts["pixels"] == [[0, 0, 1, 1], GREEN, [1, 0, 0, 0.5], CYAN]
    assert facts["first"] == [MAGENTA]
    assert facts["looks"] == [True, 100, True]
    assert facts["images"] == 1


def test_names_beyond_ascii_survive(plug_in: PlugIn) -> None:
    facts = plug_in.facts("""
image = new_image()
style = add_layer(image, "Die Brücke", 0, 0, 20, 20, MAGENTA)
stylize(image, add_quadrants(image, "日本"), style)
tell(names=names(image), log=engine_log())
""")
    assert facts["names"][0] == "日本 in the style of Die Brücke"
    assert json.loads(facts["log"].splitlines()[0])["styles"][0]["name"] == "Die Brücke"


def test_an_engine_below_a_name_beyond_ascii_is_started(plug_in: PlugIn, tmp_path: Path) -> None:
    engine = tmp_path / "Zoë Müller 日本" / "answers.py"
    engine.parent.mkdir()
    engine.symlink_to(ENGINES / "answers.py")
    plug_in.use_command([sys.executable, str(engine)])
    facts = plug_in.facts("""
image = new_image()
stylize(image, add_quadrants(image), add_layer(image, "painting", 0, 0, 20, 20, MAGENTA))
tell(names=names(image))
""")
    assert facts["names"][1] == "photo in the style of painting"


def test_the_name_of_a_painting_takes_the_place_of_a_file(plug_in: PlugIn) -> None:
    facts = plug_in.facts("""
image = new_image()
result = stylize(image, add_quadrants(image), None, "great-wave")
tell(name=result.name, log=engine_log())
""")
    assert facts["name"] == "photo in the style of great-wave"
    with Image.open(CHECKOUT / "nst_engine/data/paintings/great-wave.jpg") as painting:
        shapes = json.loads(facts["log"].splitlines()[0])["shapes"]
        assert shapes["style-0"] == [painting.height, painting.width, 4]


def test_a_picture_file_is_used_even_when_there_is_a_style_layer(plug_in: PlugIn) -> None:
    facts = plug_in.facts("""
path = os.path.join(os.environ["GIMP2_DIRECTORY"], "Der Künstler.xcf")
drawing = new_image()
add_layer(drawing, "hidden below", 0, 0, 100, 80, RED)
top = add_layer(drawing, "visible", 0, 0, 100, 80, MAGENTA)
pdb.gimp_file_save(drawing, top, path, path)
pdb.gimp_image_delete(drawing)
image = new_image()
style = add_layer(image, "painting", 0, 0, 20, 20, CYAN)
result = stylize(image, add_quadrants(image), style, path)
tell(name=result.name, first=pixels(result, (0, 0)), images=len(gimp.image_list()))
""")
    assert facts["name"] == "photo in the style of Der Künstler"
    assert facts["first"] == [MAGENTA]
    assert facts["images"] == 1


@pytest.mark.parametrize("name", ["gone by.gif", "pages.tif"])
def test_of_a_style_file_with_several_pictures_the_first_is_the_style_and_that_is_said(
    plug_in: PlugIn, name: str
) -> None:
    path = plug_in.profile / name
    first, *others = [Image.new("RGB", (20, 10), color) for color in ((255, 0, 255), (255, 0, 0), (0, 0, 255))]
    first.save(path, save_all=True, append_images=others)
    facts = plug_in.facts(f"""
image = new_image()
result = stylize(image, add_quadrants(image), None, {plug_in.gimp.inside(path)!r})
tell(first=pixels(result, (0, 0)))
""")
    assert facts["first"] == [MAGENTA]
    assert f"{name} has 3 frames or pages: the first one is the style." in facts["stderr"]


def test_a_style_file_is_read_upright_however_the_camera_was_held(plug_in: PlugIn) -> None:
    path = plug_in.profile / "turned.jpg"
    exif = Image.Exif()
    exif[0x112] = 6
    Image.new("RGB", (20, 10), (255, 0, 255)).save(path, exif=exif)
    facts = plug_in.facts(f"""
image = new_image()
stylize(image, add_quadrants(image), None, {plug_in.gimp.inside(path)!r})
tell(log=engine_log())
""")
    assert json.loads(facts["log"].splitlines()[0])["shapes"]["style-0"] == [20, 10, 4]


def test_masks_and_groups_are_read_as_they_look(plug_in: PlugIn) -> None:
    facts = plug_in.facts("""
image = new_image()
style = add_layer(image, "painting", 0, 0, 20, 20, CYAN)
photo = add_quadrants(image)
photo.add_mask(photo.create_mask(gimpfu.ADD_BLACK_MASK))
masked = stylize(image, photo, style)
tell(masked=pixels(masked, (5, 5))[0][3], kept=photo.mask is not None)
group = gimp.GroupLayer(image, "group")
pdb.gimp_image_insert_layer(image, group, None, 0)
inner = add_layer(image, "in the group", 40, 30, 20, 20, RED, group)
add_layer(image, "beside it", 60, 30, 10, 20, GREEN, group)
group.opacity = 50.0
grouped = stylize(image, group, style)
tell(grouped=pixels(grouped, (5, 5), (25, 5)), offsets=grouped.offsets)
inside = stylize(image, inner, style)
tell(siblings=[layer.name for layer in group.layers])
""")
    assert facts["masked"] == 0
    assert facts["kept"]
    assert facts["grouped"] == [[0, 0, 1, 1], GREEN]
    assert facts["offsets"] == [40, 30]
    assert facts["siblings"] == ["beside it", "in the group in the style of painting", "in the group"]


def test_the_visible_layers_of_a_style_group_are_styles_of_their_own(plug_in: PlugIn) -> None:
    facts = plug_in.facts("""
image = new_image()
group = gimp.GroupLayer(image, "paintings")
pdb.gimp_image_insert_layer(image, group, None, 0)
add_layer(image, "strong", 0, 0, 20, 20, CYAN, group)
add_layer(image, "weak", 0, 0, 30, 20, MAGENTA, group).opacity = 25.0
add_layer(image, "hidden", 0, 0, 20, 20, RED, group).visible = False
result = stylize(image, add_quadrants(image), group)
tell(name=result.name, log=engine_log())
""")
    noted = json.loads(facts["log"].splitlines()[0])
    assert facts["name"] == "photo in the style of paintings"
    assert [(style["name"], style["weight"]) for style in noted["styles"]] == [("weak", 0.25), ("strong", 1)]
    assert noted["shapes"]["style-0"] == [20, 30, 4]


def test_only_what_is_selected_and_its_surroundings_are_sent(plug_in: PlugIn) -> None:
    plug_in.use("tells_its_selection")
    facts = plug_in.facts("""
image = pdb.gimp_image_new_with_precision(400, 300, gimpfu.RGB, gimpfu.PRECISION_U16_GAMMA)
style = add_layer(image, "painting", 0, 0, 20, 20, CYAN)
photo = add_layer(image, "photo", 10, -50, 380, 300, RED)
pdb.gimp_image_select_rectangle(image, gimpfu.CHANNEL_OP_REPLACE, 100, 0, 20, 10)
result = stylize(image, photo, style)
tell(size=[result.width, result.height], offsets=result.offsets, log=engine_log())
""")
    assert facts["size"] == [20 + 2 * 64, 10 + 64 + 50]  # 64 pixels around, and at the top only what there is
    assert facts["offsets"] == [100 - 64, -50]
    told = json.loads(facts["log"].splitlines()[1])
    assert told == {"values": [0, 255], "selected": 20 * 10, "first": [64, 50]}


def test_a_style_photo_is_upright_however_the_camera_was_held(plug_in: PlugIn) -> None:
    photo, exif = Image.new("RGB", (40, 20), "red"), Image.Exif()
    exif[0x112] = 6
    path = plug_in.profile / "held.jpg"
    photo.save(path, exif=exif)
    facts = plug_in.facts(f"""
image = new_image()
tell(layer=stylize(image, add_quadrants(image), None, {plug_in.gimp.inside(path)!r}).name, log=engine_log())
""")
    assert facts["layer"] == "photo in the style of held"
    assert json.loads(facts["log"].splitlines()[0])["shapes"]["style-0"] == [40, 20, 4]


def test_deep_gray_and_managed_images_keep_their_kind(plug_in: PlugIn) -> None:
    facts = plug_in.facts("""
deep = new_image(precision=gimpfu.PRECISION_U16_GAMMA)
style = add_layer(deep, "painting", 0, 0, 20, 20, CYAN)
result = stylize(deep, add_layer(deep, "photo", 0, 0, 20, 20, (0.3001, 0.5, 0.7002, 1)), style)
tell(deep=pixels(result, (5, 5), digits=4), bits=result.bpp * 2)
gray = new_image(gimpfu.GRAY)
style = add_layer(gray, "painting", 0, 0, 20, 20, (1, 1, 1, 1))
result = stylize(gray, add_layer(gray, "photo", 0, 0, 20, 20, (0.2, 0.2, 0.2, 1)), style)
tell(gray=pixels(result, (5, 5), (0, 0)), is_gray=pdb.gimp_drawable_is_gray(result))
linear = new_image(precision=gimpfu.PRECISION_FLOAT_LINEAR)
style = add_layer(linear, "painting", 0, 0, 20, 20, CYAN)
result = stylize(linear, add_layer(linear, "photo", 0, 0, 20, 20, (0.3, 0.5, 0.7, 1)), style)
tell(linear=pixels(result, (5, 5), digits=3))
""")
    assert facts["deep"] == [pytest.approx([0.7002, 0.5, 0.3001, 1], abs=1e-4)]
    assert facts["bits"] == 16
    assert facts["gray"] == [[0.2, 0.2, 0.2, 1], [1, 1, 1, 1]]
    assert facts["is_gray"]
    assert facts["stderr"].count("The result is gray because the image is. For colors choose Image > Mode > RGB") == 1
    assert facts["linear"] == [[0.7, 0.5, 0.3, 1]]


def test_only_options_that_differ_from_their_defaults_are_sent(plug_in: PlugIn) -> None:
    facts = plug_in.facts("""
image = new_image()
style = add_layer(image, "painting", 0, 0, 20, 20, CYAN)
stylize(image, add_quadrants(image), style, quality="draft", size=64, style_scale=2.0, network="mine")
tell(log=engine_log())
""")
    noted = json.loads(facts["log"].splitlines()[0])
    assert noted["options"] == {"quality": "draft", "size": 64, "style_scale": 2.0, "network": "mine"}
    assert noted["shapes"] == {"content": [30, 40, 4], "style-0": [20, 20, 4]}


def test_the_arguments_are_those_of_gimp_3_in_their_order(plug_in: PlugIn) -> None:
    facts = plug_in.facts("""
procedure = pdb["python-fu-neural-style"]
kinds = {gimpfu.PDB_INT32: "int", gimpfu.PDB_FLOAT: "float", gimpfu.PDB_STRING: "string",
         gimpfu.PDB_LAYER: "layer", gimpfu.PDB_IMAGE: "image", gimpfu.PDB_DRAWABLE: "drawable"}
tell(arguments=[[name, kinds[kind]] for kind, name, _ in procedure.params],
     rows=[[row["name"].replace("_", "-"), row["kind"]] for row in OPTIONS])
""")
    rows = [[name, "string" if kind == "choice" else kind] for name, kind in facts["rows"]]
    first = [["run-mode", "int"], ["image", "image"], ["drawable", "drawable"]]
    assert facts["arguments"] == [*first, ["style", "layer"], ["style-file", "string"], *rows]


def test_script_fu_calls_it_as_well(plug_in: PlugIn) -> None:
    told = plug_in.profile / "script-fu-told"
    values = " ".join(json.dumps(row["default"]) for row in options.table()["options"])
    outcome = plug_in.gimp.console(
        plug_in.profile,
        f"""
(let* ((image (car (gimp-image-new 64 48 RGB)))
       (photo (car (gimp-layer-new image 20 18 RGBA-IMAGE "photo" 100 LAYER-MODE-NORMAL)))
       (style (car (gimp-layer-new image 20 18 RGBA-IMAGE "painting" 100 LAYER-MODE-NORMAL))))
  (gimp-image-insert-layer image style 0 0)
  (gimp-image-insert-layer image photo 0 0)
  (let* ((result (car (python-fu-neural-style RUN-NONINTERACTIVE image photo style "" {values})))
         (port (open-output-file "{plug_in.gimp.inside(told)}")))
    (display (car (gimp-item-get-name result)) port)
    (close-output-port port)))""",
        interpreter=SCRIPT_FU,
    )
    assert told.read_text() == "photo in the style of painting", outcome.stderr


def test_the_call_in_the_readme_works(plug_in: PlugIn) -> None:
    readme = (CHECKOUT / "README.md").read_text(encoding="utf-8")
    (call,) = re.findall(r"^pdb\.python_fu_neural_style\(.*\)$", readme, re.MULTILINE)
    painting = f"{plug_in.gimp.inside(plug_in.profile)}/painting.jpg"
    facts = plug_in.facts(f"""
drawing = new_image()
pdb.gimp_file_save(drawing, add_layer(drawing, "drawing", 0, 0, 100, 80, CYAN), {painting!r}, {painting!r})
image = new_image()
layer = add_quadrants(image)
result = {call.replace("painting.jpg", painting)}
tell(name=result.name, log=engine_log())
""")
    assert facts["name"] == "photo in the style of painting"
    assert json.loads(facts["log"].splitlines()[0])["options"]["quality"] == "draft"


def test_the_real_engine_paints(plug_in: PlugIn) -> None:
    plug_in.use_command(REAL_ENGINE)
    facts = plug_in.facts("""
image = new_image()
style = add_layer(image, "painting", 0, 0, 60, 60, CYAN)
photo = add_quadrants(image)
result = stylize(image, photo, style, size=32, quality="draft")
tell(names=names(image), result=quadrant_pixels(result), photo=quadrant_pixels(photo))
speck = add_layer(image, "speck", 0, 0, 1, 1, RED)
tell(speck=stylize(image, speck, style), wrong=stylize(image, photo, style, quality="sloppy"))
""")
    assert facts["names"] == ["photo in the style of painting", "photo", "painting"]
    assert facts["result"] != facts["photo"]
    assert [color[3] for color in facts["result"]] == [1, 1, 0.5, 1]
    assert (facts["speck"], facts["wrong"]) == (None, None)
    assert "1×1" in facts["stderr"]
    assert "sloppy" in facts["stderr"]


def test_killing_the_plug_in_leaves_no_engine_and_the_image_as_it_was(plug_in: PlugIn) -> None:
    plug_in.use("hangs")
    script, told = plug_in.write_script("""
image = new_image()
style = add_layer(image, "painting", 0, 0, 20, 20, CYAN)
tell(answer=stylize(image, add_quadrants(image), style), names=names(image))
""")
    argv = ["gimp-console", "-idf", "--batch-interpreter=python-fu-eval"]
    argv += ["-b", f"execfile({plug_in.gimp.inside(script)!r})", "-b", "pdb.gimp_quit(1)"]
    environment = {"GIMP2_DIRECTORY": plug_in.gimp.inside(plug_in.profile)}
    console = plug_in.gimp.popen(argv, environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        (engine,) = wait_for_engine(console.pid)
        time.sleep(1)  # the job is under way
        os.kill(parent_of(engine), signal.SIGKILL)
        killed = time.monotonic()
        while engines(console.pid):
            assert time.monotonic() - killed < 30  # it would work for minutes
            time.sleep(0.05)
        console.wait(30)
    finally:
        real_gimp.kill_session(console.pid)
    assert json.loads(told.read_text()) == {"answer": None, "names": ["photo", "painting"]}


def engines(session: int) -> list[int]:
    """The living processes of a session that run a stand-in."""
    found = []
    for pid in real_gimp.session_processes(session):
        with contextlib.suppress(OSError):
            found += [pid] if str(ENGINES) in Path(f"/proc/{pid}/cmdline").read_text() else []
    return found


def wait_for_engine(session: int) -> list[int]:
    deadline = time.monotonic() + 30
    while not (found := engines(session)):
        assert time.monotonic() < deadline
        time.sleep(0.1)
    return found


def parent_of(pid: int) -> int:
    return int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1])
