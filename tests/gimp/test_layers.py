"""What goes to the engine and what comes back as a layer, in the real GIMP, by script."""

from __future__ import annotations

import json

import pytest
from console import run_script_fu
from PIL import Image
from plug_in import HERE, PlugIn
from real_gimp import PYTHON_FU

RED, GREEN, BLUE, YELLOW = [1, 0, 0, 1], [0, 1, 0, 1], [0, 0, 1, 0.502], [1, 1, 0, 1]
CYAN = [0, 1, 1, 1]


def test_the_result_is_a_layer_just_above_the_content(plug_in: PlugIn) -> None:
    facts = plug_in.facts("""
image = new_image()
style = add_layer(image, "painting", 0, 0, 20, 20, MAGENTA)
photo = add_quadrants(image)
add_layer(image, "top", 0, 0, 5, 5, CYAN)
result = stylize(image, photo, style=style)
tell(names=[layer.get_name() for layer in image.get_layers()], size=[result.get_width(), result.get_height()],
     offsets=list(result.get_offsets())[1:], pixels=quadrant_pixels(result), first=pixel(result, 0, 0))
image.delete()
""")
    assert facts["names"] == ["top", "photo in the style of painting", "photo", "painting"]
    assert facts["size"] == [40, 30]
    assert facts["offsets"] == [30, 20]
    assert facts["pixels"] == [BLUE[:3] + [1], GREEN, RED[:3] + [0.502], CYAN]
    assert facts["first"] == [1, 0, 1, 1]


def test_inside_a_group_the_result_joins_the_group(plug_in: PlugIn) -> None:
    facts = plug_in.facts("""
image = new_image()
style = add_layer(image, "painting", 0, 0, 20, 20, MAGENTA)
group = Gimp.GroupLayer.new(image, "group")
image.insert_layer(group, None, 0)
add_layer(image, "below", 0, 0, 5, 5, CYAN, group)
photo = add_quadrants(image, parent=group)
stylize(image, photo, style=style)
tell(names=[layer.get_name() for layer in group.get_children()])
image.delete()
""")
    assert facts["names"] == ["photo in the style of painting", "photo", "below"]


def test_locked_and_hidden_layers_are_painted_all_the_same(plug_in: PlugIn) -> None:
    facts = plug_in.facts("""
image = new_image()
style = add_layer(image, "painting", 0, 0, 20, 20, MAGENTA)
group = Gimp.GroupLayer.new(image, "group")
image.insert_layer(group, None, 0)
photo = add_quadrants(image, parent=group)
photo.append_filter(Gimp.DrawableFilter.new(photo, "gegl:invert-gamma", "inverted"))
for layer in (photo, style, group):
    layer.set_lock_content(True)
    layer.set_lock_position(True)
    layer.set_visible(False)
photo.set_lock_alpha(True)
result = stylize(image, photo, style=style)
tell(names=[layer.get_name() for layer in group.get_children()], pixel=quadrant_pixels(result)[0],
     locks=[result.get_lock_content(), photo.get_lock_content()])
image.delete()
""")
    assert facts["names"] == ["photo in the style of painting", "photo"]
    assert facts["pixel"] == CYAN[::-1][1:] + [1]
    assert facts["locks"] == [False, True]


def test_text_is_read_as_it_looks(plug_in: PlugIn) -> None:
    """GIMP must load its fonts for this, which it does not in the other tests."""
    script = plug_in.profile / "text.py"
    script.write_text(
        (HERE / "in_gimp.py").read_text()
        + """
image = new_image()
text = Gimp.TextLayer.new(image, "Hello", Gimp.context_get_font(), 40.0, Gimp.Unit.pixel())
image.insert_layer(text, None, 0)
text.set_color(Gegl.Color.new("red"))
result = stylize(image, text, style=add_layer(image, "painting", 0, 0, 20, 20, CYAN))
colors = {tuple(pixel(result, x, 20, digits=2)) for x in range(2, result.get_width())}
tell(colors=sorted(colors), text=type(text).__name__)
image.delete()
"""
    )
    batch = f"exec(open({plug_in.gimp.inside(script)!r}).read())"
    argv = ["gimp-console", "-id", "--quit", f"--batch-interpreter={PYTHON_FU}", "-b", batch]
    process = plug_in.gimp.run(argv, {"GIMP3_DIRECTORY": plug_in.gimp.inside(plug_in.profile)}, timeout=400)
    assert process.returncode == 0, process.stderr
    facts = json.loads(process.stdout.partition("FACTS ")[2])
    assert facts["text"] == "TextLayer"
    assert [0, 0, 1, 1] in facts["colors"]  # the stand-in exchanges red and blue
    assert min(alpha for *_color, alpha in facts["colors"]) == 0


def test_a_picture_file_is_a_style_and_leaves_no_image_behind(plug_in: PlugIn) -> None:
    facts = plug_in.facts("""
import os, tempfile
folder = tempfile.mkdtemp()
path = os.path.join(folder, "Die Brücke.xcf")
drawing = new_image()
add_layer(drawing, "hidden below", 0, 0, 100, 80, RED)
add_layer(drawing, "visible", 0, 0, 100, 80, MAGENTA)
Gimp.file_save(Gimp.RunMode.NONINTERACTIVE, drawing, file(path), None)
drawing.delete()
image = new_image()
photo = add_quadrants(image)
result = stylize(image, photo, style_file=file(path))
tell(name=result.get_name(), first=pixel(result, 0, 0), images=len(Gimp.get_images()))
image.delete()
""")
    assert facts == {"name": "photo in the style of Die Brücke", "first": [1, 0, 1, 1], "images": 1}


def test_a_style_photo_is_upright_however_the_camera_was_held(plug_in: PlugIn) -> None:
    photo, exif = Image.new("RGB", (40, 20), "red"), Image.Exif()
    exif[0x112] = 6
    path = plug_in.profile / "held.jpg"
    photo.save(path, exif=exif)
    facts = plug_in.facts(f"""
image = new_image()
result = stylize(image, add_quadrants(image), style_file=file({plug_in.gimp.inside(path)!r}))
tell(layer=result.get_name(), log=engine_log())
image.delete()
""")
    assert facts["layer"] == "photo in the style of held"
    assert json.loads(facts["log"].splitlines()[0])["shapes"]["style-0"] == [40, 20, 4]


def test_the_style_file_is_used_when_there_is_a_style_layer_as_well(plug_in: PlugIn) -> None:
    facts = plug_in.facts("""
import tempfile
path = tempfile.mktemp(".png")
drawing = new_image()
add_layer(drawing, "drawing", 0, 0, 100, 80, MAGENTA)
Gimp.file_save(Gimp.RunMode.NONINTERACTIVE, drawing, file(path), None)
drawing.delete()
image = new_image()
style = add_layer(image, "painting", 0, 0, 20, 20, YELLOW)
result = stylize(image, add_quadrants(image), style=style, style_file=file(path))
tell(first=pixel(result, 0, 0))
image.delete()
""")
    assert facts["first"] == [1, 0, 1, 1]


def test_filters_masks_and_groups_are_read_as_they_look(plug_in: PlugIn) -> None:
    facts = plug_in.facts("""
image = new_image()
style = add_layer(image, "painting", 0, 0, 20, 20, CYAN)
style.append_filter(Gimp.DrawableFilter.new(style, "gegl:invert-gamma", "inverted"))
photo = add_quadrants(image)
mask = photo.create_mask(Gimp.AddMaskType.BLACK)
photo.add_mask(mask)
masked = stylize(image, photo, style=style)
tell(filtered=pixel(masked, 0, 0), masked=pixel(masked, 5, 5))
tell(kept=[len(style.get_filters()), photo.get_mask() is not None])
group = Gimp.GroupLayer.new(image, "group")
image.insert_layer(group, None, 0)
add_layer(image, "in the group", 40, 30, 20, 20, RED, group)
group.append_filter(Gimp.DrawableFilter.new(group, "gegl:invert-gamma", "inverted"))
grouped = stylize(image, group, style=style)
tell(grouped=pixel(grouped, 5, 5), offsets=list(grouped.get_offsets())[1:], images=len(Gimp.get_images()))
image.delete()
""")
    assert facts["filtered"] == [1, 0, 0, 1]
    assert facts["masked"][3] == 0
    assert facts["kept"] == [1, True]
    assert facts["grouped"] == [1, 1, 0, 1]
    assert facts["offsets"] == [40, 30]
    assert facts["images"] == 1


def test_sixteen_bits_and_gray_images_keep_their_kind(plug_in: PlugIn) -> None:
    facts = plug_in.facts("""
deep = new_image(precision=Gimp.Precision.U16_NON_LINEAR)
style = add_layer(deep, "painting", 0, 0, 20, 20, CYAN)
photo = add_layer(deep, "photo", 0, 0, 20, 20, (0.3001, 0.5, 0.7002, 1))
result = stylize(deep, photo, style=style)
tell(deep=[round(value, 4) for value in pixel(result, 5, 5, digits=4)])
deep.delete()
gray = new_image(Gimp.ImageBaseType.GRAY)
style = add_layer(gray, "painting", 0, 0, 20, 20, (1, 1, 1, 1))
photo = add_layer(gray, "photo", 0, 0, 20, 20, (0.2, 0.2, 0.2, 1))
result = stylize(gray, photo, style=style)
tell(gray=pixel(result, 5, 5), first=pixel(result, 0, 0), is_gray=result.is_gray())
gray.delete()
""")
    assert facts["deep"] == pytest.approx([0.7002, 0.5, 0.3001, 1], abs=1e-4)
    assert facts["gray"] == [0.2, 0.2, 0.2, 1]
    assert facts["first"] == [1, 1, 1, 1]
    assert facts["is_gray"]


def test_only_options_that_differ_from_their_defaults_are_sent(plug_in: PlugIn) -> None:
    facts = plug_in.facts("""
image = new_image()
style = add_layer(image, "painting", 0, 0, 20, 20, CYAN)
stylize(image, add_quadrants(image), style=style, quality="draft", size=64, style_scale=2.0, network="mine")
tell(log=engine_log())
image.delete()
""")
    noted = json.loads(facts["log"].splitlines()[0])
    assert noted["options"] == {"quality": "draft", "size": 64, "style_scale": 2.0, "network": "mine"}
    assert noted["shapes"] == {"content": [30, 40, 4], "style-0": [20, 20, 4]}


def test_script_fu_gets_the_layer(plug_in: PlugIn) -> None:
    outcome = run_script_fu(plug_in.gimp, plug_in.profile, """
(script-fu-use-v3)
(let* ((image (gimp-image-new 64 48 RGB))
       (photo (gimp-layer-new image "photo" 20 18 RGBA-IMAGE 100 LAYER-MODE-NORMAL))
       (style (gimp-layer-new image "painting" 20 18 RGBA-IMAGE 100 LAYER-MODE-NORMAL)))
  (gimp-image-insert-layer image style 0 0)
  (gimp-image-insert-layer image photo 0 0)
  (gimp-layer-set-offsets photo 7 9)
  (let* ((result (plug-in-neural-style #:run-mode RUN-NONINTERACTIVE #:image image #:drawables (vector photo)
                   #:style style #:quality "draft" #:size 64)))
    (if (not (string=? (gimp-item-get-name result) "photo in the style of painting")) (error "wrong name"))
    (if (not (equal? (gimp-drawable-get-offsets result) '(7 9))) (error "wrong offsets"))
    (if (not (= (vector-length (gimp-image-get-layers image)) 3)) (error "wrong number of layers"))))
""")  # fmt: skip
    assert outcome.exit_code == 0, outcome.stderr
