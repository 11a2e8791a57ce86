"""What painters call a style, and what the engine gets for it."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from PIL import Image
from plug_in import CHECKOUT, EchoedPlugIn

GROUP = """
image = new_image()
photo = add_quadrants(image)
styles = Gimp.GroupLayer.new(image, "styles")
image.insert_layer(styles, None, 1)
"""


PAINTINGS = CHECKOUT / "nst_engine/data/paintings"


@pytest.fixture
def own_paintings(echo: EchoedPlugIn) -> Iterator[Path]:
    """The folder of the user's own paintings, as GIMP sees it, with one in it."""
    folder = echo.gimp.outside(Path("/root/.local/share/neural-style/paintings"))
    folder.mkdir(parents=True)
    Image.new("RGB", (20, 10), (0, 255, 255)).save(folder / "my waves.png")
    yield folder
    shutil.rmtree(folder)


def colors(echo: EchoedPlugIn) -> list[list[float]]:
    """The first pixel of every style of the last job, by the order of the styles."""
    return [echo.arrays[style["pixels"]][0, 0].round(3).tolist() for style in echo.header["styles"]]


def test_the_visible_layers_of_a_group_are_styles_weighed_by_their_opacity(echo: EchoedPlugIn) -> None:
    facts = echo.facts(
        GROUP
        + """
add_layer(image, "faint", 0, 0, 20, 10, CYAN, styles).set_opacity(25)
add_layer(image, "strong", 0, 0, 10, 20, MAGENTA, styles)
add_layer(image, "hidden", 0, 0, 20, 20, RED, styles).set_visible(False)
add_layer(image, "clear", 0, 0, 20, 20, RED, styles).set_opacity(0)
inner = Gimp.GroupLayer.new(image, "inner")
image.insert_layer(inner, styles, 0)
add_layer(image, "left", 0, 0, 20, 20, YELLOW, inner)
add_layer(image, "right", 20, 0, 20, 20, GREEN, inner)
result = stylize(image, photo, style=styles)
tell(name=result.get_name(), images=len(Gimp.get_images()))
image.delete()
"""
    )
    styles = echo.header["styles"]
    assert [(style["name"], round(style["weight"], 3)) for style in styles] == [
        ("inner", 1.0), ("strong", 1.0), ("faint", 0.25),
    ]  # fmt: skip
    assert colors(echo) == [[1, 1, 0, 1], [1, 0, 1, 1], [0, 1, 1, 1]]
    assert [echo.arrays[style["pixels"]].shape for style in styles] == [(20, 40, 4), (20, 10, 4), (10, 20, 4)]
    assert facts == {"name": "photo in the style of styles", "images": 1}


def test_mask_and_transparency_of_a_style_layer_say_where_to_take_from(echo: EchoedPlugIn) -> None:
    echo.facts(
        GROUP
        + """
masked = add_layer(image, "masked", 0, 0, 20, 10, CYAN, styles)
mask = masked.create_mask(Gimp.AddMaskType.BLACK)
masked.add_mask(mask)
fill(mask, 5, 0, 15, 10, (1, 1, 1, 1))
masked.set_lock_content(True)
clear = add_layer(image, "clear", 0, 0, 20, 10, (0, 0, 0, 0), styles)
fill(clear, 0, 0, 4, 10, (1, 0, 0, 0.5))
off = add_layer(image, "mask off", 0, 0, 20, 10, CYAN, styles)
off.add_mask(off.create_mask(Gimp.AddMaskType.BLACK))
off.set_apply_mask(False)
stylize(image, photo, style=styles)
image.delete()
"""
    )
    off, clear, masked = (echo.arrays[style["pixels"]][..., 3] for style in echo.header["styles"])
    assert (off == 1).all()
    assert abs(clear[:, :4] - 0.5).max() < 0.003
    assert (clear[:, 4:] == 0).all()
    assert (masked[:, :5] == 0).all()
    assert (masked[:, 5:] == 1).all()


def test_a_script_names_the_style_layer_wherever_it_is(echo: EchoedPlugIn) -> None:
    facts = echo.facts(
        GROUP
        + """
add_layer(image, "Die Brücke", 0, 0, 20, 20, CYAN, styles)
other = add_layer(image, "other", 0, 0, 20, 20, MAGENTA)
result = stylize(image, photo, style_name="Die Brücke")
tell(name=result.get_name(), missing=stylize(image, photo, style_name="Turner"),
     itself=stylize(image, photo, style_name="photo"))
add_layer(image, "Die Brücke", 0, 0, 20, 20, RED)
tell(names=[layer.get_name() for layer in image.get_layers() + styles.get_children()])
stylize(image, photo, style=other, style_name="Die Brücke")
image.delete()
"""
    )
    assert facts["name"] == "photo in the style of Die Brücke"
    assert facts["missing"] == (
        'calling-error: The image has no layer named "Turner": give the name of one of its layers.'
    )
    assert facts["itself"] == "calling-error: The style layer is the layer to be painted: choose another one."
    assert len(set(facts["names"])) == len(facts["names"])  # so a name is never ambiguous
    assert [style["name"] for style in echo.header["styles"]] == ["other"]


def test_a_group_that_is_no_style_is_refused(echo: EchoedPlugIn) -> None:
    facts = echo.facts(
        GROUP
        + """
empty = stylize(image, photo, style=styles)
add_layer(image, "hidden", 0, 0, 20, 20, RED, styles).set_visible(False)
hidden = stylize(image, photo, style=styles)
inside = add_layer(image, "inside", 0, 0, 20, 20, RED, styles)
tell(empty=empty, hidden=hidden, inside=stylize(image, inside, style=styles), layers=len(image.get_layers()))
image.delete()
"""
    )
    nothing = 'calling-error: No layer of the style group "styles" is visible: make one visible.'
    assert (facts["empty"], facts["hidden"]) == (nothing, nothing)
    assert facts["inside"] == (
        "calling-error: The layer to be painted is in the style group: move it out of the group."
    )
    assert facts["layers"] == 2


def test_a_style_may_come_from_another_image_of_another_kind(echo: EchoedPlugIn) -> None:
    echo.facts("""
image = new_image()
photo = add_quadrants(image)
palette = new_image()
style = add_layer(palette, "palette", 0, 0, 20, 20, RED)
palette.convert_indexed(Gimp.ConvertDitherType.NONE, Gimp.ConvertPaletteType.WEB, 0, False, False, "")
style.append_filter(Gimp.DrawableFilter.new(style, "gegl:invert-gamma", "inverted"))
stylize(image, photo, style=style)
image.delete()
palette.delete()
""")
    assert colors(echo) == [[0, 1, 1, 1]]


def test_the_last_style_is_used_again_with_the_last_values(echo: EchoedPlugIn) -> None:
    """GIMP itself keeps the last values of a dialog; here they are as it writes them."""
    painting = echo.profile / "painting.png"
    echo.facts(f"""
image = new_image()
add_layer(image, "painting", 0, 0, 100, 80, MAGENTA)
Gimp.file_save(Gimp.RunMode.NONINTERACTIVE, image, file({echo.gimp.inside(painting)!r}), None)
image.delete()
""")
    kept = echo.profile / "plug-in-settings/GimpProcedureConfigRun-plug-in-neural-style.last"
    kept.parent.mkdir(exist_ok=True)
    kept.write_text(f'(style-file "file://{echo.gimp.inside(painting)}")\n(quality "draft")\n')
    try:
        echo.facts("""
image = new_image()
stylize(image, add_quadrants(image), run_mode=Gimp.RunMode.WITH_LAST_VALS)
image.delete()
""")
    finally:
        kept.unlink()
    assert colors(echo) == [[1, 0, 1, 1]]
    assert echo.header["options"] == {"quality": "draft"}


@pytest.mark.parametrize("name", ["gone by.gif", "gone by.webp", "pages.tif"])
def test_of_a_style_file_with_several_pictures_the_first_is_the_style_and_that_is_said(
    echo: EchoedPlugIn, name: str
) -> None:
    path = echo.profile / name
    first, *others = [Image.new("RGB", (20, 10), color) for color in ((0, 255, 255), (255, 0, 0), (0, 0, 255))]
    first.save(path, save_all=True, append_images=others, **({"lossless": True} if name.endswith("webp") else {}))
    outcome = echo.run(f"""
image = new_image()
stylize(image, add_quadrants(image), style_file=file({echo.gimp.inside(path)!r}))
""")
    assert f"{name} has 3 frames or pages: the first one is the style." in outcome.stderr
    assert colors(echo) == [[0, 1, 1, 1]]


def test_of_a_style_file_in_layers_all_that_is_visible_is_the_style(echo: EchoedPlugIn) -> None:
    outcome = echo.run("""
image = new_image()
add_layer(image, "below", 0, 0, 100, 80, RED)
add_layer(image, "above", 0, 0, 10, 80, CYAN)
add_layer(image, "hidden", 0, 0, 100, 80, YELLOW).set_visible(False)
path = os.path.join(os.environ["GIMP3_DIRECTORY"], "drawing.xcf")
Gimp.file_save(Gimp.RunMode.NONINTERACTIVE, image, file(path), None)
stylize(image, add_quadrants(image), style_file=file(path))
""")
    assert "frames" not in outcome.stderr
    style = echo.arrays["style-0"]
    assert [style[0, x].round(3).tolist() for x in (0, 50)] == [[0, 1, 1, 1], [1, 0, 0, 1]]


def test_a_painting_is_named_by_scripts(echo: EchoedPlugIn) -> None:
    facts = echo.facts("""
image = new_image()
result = stylize(image, add_quadrants(image), painting="great-wave")
tell(name=result.get_name(), missing=stylize(image, result, painting="greatwave"))
""")
    assert facts["name"] == "photo in the style of great-wave"
    assert facts["missing"].startswith('calling-error: There is no painting named "greatwave": choose another one')
    with Image.open(PAINTINGS / "great-wave.jpg") as painting:
        assert echo.arrays["style-0"].shape == (painting.height, painting.width, 4)


def test_own_paintings_go_by_their_names_before_a_layer_and_after_a_file(
    echo: EchoedPlugIn, own_paintings: Path
) -> None:
    code = """
image = new_image()
photo = add_quadrants(image)
layer = add_layer(image, "layer", 0, 0, 20, 20, MAGENTA)
stylize(image, photo, style=layer, painting="my waves"{file})
image.delete()
"""
    echo.facts(code.format(file=""))
    assert colors(echo) == [[0, 1, 1, 1]]
    own_red = own_paintings / "red.png"
    Image.new("RGB", (20, 10), (255, 0, 0)).save(own_red)
    echo.facts(code.format(file=f", style_file=file({echo.gimp.inside(own_red)!r})"))
    assert colors(echo) == [[1, 0, 0, 1]]


def test_a_layer_that_was_painted_after_a_painting_is_painted_again_after_it(
    echo: EchoedPlugIn, own_paintings: Path
) -> None:
    facts = echo.facts("""
image = new_image()
photo = add_quadrants(image)
result = stylize(image, photo, painting="my waves")
again = stylize(image, result, procedure="plug-in-neural-style-again")
other = stylize(image, result, procedure="plug-in-neural-style-again", painting="udnie")
os.remove(os.path.expanduser("~/.local/share/neural-style/paintings/my waves.png"))
gone = stylize(image, result, procedure="plug-in-neural-style-again")
tell(again=again.get_name(), other=other.get_name(), gone=gone)
""")
    assert facts["again"].startswith("photo in the style of my waves")
    assert facts["other"].startswith("photo in the style of udnie")
    assert facts["gone"].startswith('calling-error: There is no painting named "my waves": ')


def test_of_a_style_that_there_is_no_room_for_nothing_is_kept(echo: EchoedPlugIn, own_paintings: Path) -> None:
    facts = echo.facts(f"""
import pathlib, resource, sys, tempfile
sys.path.insert(0, {echo.gimp.inside(echo.profile / "plug-ins/neural-style")!r})
from nst_plugin.image import keeping
from nst_plugin.shared.errors import BadRequest

picture = pathlib.Path(tempfile.mkdtemp(), "large.png")
picture.write_bytes(bytes(300_000))
soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
resource.setrlimit(resource.RLIMIT_FSIZE, (290_000, hard))
try:
    keeping.keep(file(str(picture)))
except BadRequest as problem:
    tell(problem=str(problem))
finally:
    resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
""")
    assert "cannot be kept in" in facts["problem"]
    assert "File too large" in facts["problem"]
    assert [path.name for path in own_paintings.iterdir()] == ["my waves.png"]
