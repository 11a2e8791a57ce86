"""With a selection or a protecting mask, only a part of the layer is painted; what the engine gets, and what comes."""

from __future__ import annotations

from plug_in import EchoedPlugIn

# Gray from 0 at the left to 1 at the right, as large as the canvas or not, with a style to paint in.
GRADIENT = """
def add_gradient(image, x, y, width, height, parent=None):
    layer = add_layer(image, "gradient", x, y, width, height, BLACK, parent)
    row = b"".join(struct.pack("4f", column / width, column / width, column / width, 1) for column in range(width))
    buffer = layer.get_buffer()
    buffer.set(Gegl.Rectangle.new(0, 0, width, height), FORMAT, row * height)
    buffer.flush()
    return layer

def place(layer):
    return [*layer.get_offsets()[1:], layer.get_width(), layer.get_height()]

def at(layer, x, y):
    left, top = layer.get_offsets()[1:]
    return pixel(layer, x - left, y - top)

BLACK = (0, 0, 0, 1)
image = Gimp.Image.new(600, 400, Gimp.ImageBaseType.RGB)
style = add_layer(image, "painting", 0, 0, 20, 20, CYAN)
"""


def test_only_the_selection_changes_but_the_engine_sees_around_it(echo: EchoedPlugIn) -> None:
    facts = echo.facts(
        GRADIENT
        + """
photo = add_gradient(image, 0, 0, 600, 400)
image.select_rectangle(Gimp.ChannelOps.REPLACE, 200, 150, 100, 40)
result = stylize(image, photo, style=style)
tell(place=place(result), inside=at(result, 250, 160), around=at(result, 190, 160), photo=pixel(photo, 250, 160),
     selected=not Gimp.Selection.is_empty(image))
image.delete()
"""
    )
    assert facts["place"] == [200 - 64, 150 - 64, 100 + 128, 40 + 128]
    assert facts["inside"] == facts["photo"]
    assert facts["around"][3] == 0
    assert facts["selected"]
    selection = echo.arrays["selection"][..., 0]
    assert selection.shape == echo.arrays["content"].shape[:2] == (168, 228)
    assert (selection[64:104, 64:164] == 255).all()
    assert selection.sum() == 255 * 100 * 40
    assert abs(echo.arrays["content"][0, 0, 0] - 136 / 600) < 0.003  # the content around the selection is there
    assert (echo.arrays["content"][..., 3] == 1).all()


def test_soft_edges_stay_soft_and_a_large_selection_gets_more_around_it(echo: EchoedPlugIn) -> None:
    facts = echo.facts(
        GRADIENT
        + """
Gimp.context_set_feather(True)
Gimp.context_set_feather_radius(20, 20)
big = Gimp.Image.new(1200, 300, Gimp.ImageBaseType.RGB)
photo = add_gradient(big, 0, 0, 1200, 300)
big.select_rectangle(Gimp.ChannelOps.REPLACE, 350, 120, 600, 60)
channel = big.get_selection()
mask = channel.get_buffer().get(Gegl.Rectangle.new(0, 150, 1200, 1), 1.0, "Y u8", Gegl.AbyssPolicy.NONE)
bounds = Gimp.Selection.bounds(big)[2:]
result = stylize(big, photo, style=style)
tell(mask=list(mask), bounds=bounds, place=place(result), alpha=[at(result, x, 150)[3] for x in range(330, 370)])
image.delete()
big.delete()
"""
    )
    left, _top, right, _bottom = facts["bounds"]
    margin = round(0.15 * (right - left))
    assert margin > 64
    assert facts["place"] == [left - margin, 0, right - left + 2 * margin, 300]
    assert len(set(facts["mask"])) > 10
    assert echo.arrays["selection"][150, :, 0].tolist() == facts["mask"][left - margin : right + margin]
    assert facts["alpha"] == [round(value / 255, 3) for value in facts["mask"][330:370]]


def test_layers_off_and_beyond_the_canvas_and_groups_meet_the_selection(echo: EchoedPlugIn) -> None:
    facts = echo.facts(
        GRADIENT
        + """
large = add_gradient(image, -200, -100, 1000, 800)
image.select_rectangle(Gimp.ChannelOps.REPLACE, 0, 0, 10, 10)
large_place = place(stylize(image, large, style=style))
small = add_gradient(image, 500, 300, 50, 40)
image.select_rectangle(Gimp.ChannelOps.REPLACE, 0, 0, 600, 400)
small_place = place(stylize(image, small, style=style))
group = Gimp.GroupLayer.new(image, "group")
image.insert_layer(group, None, 0)
add_gradient(image, 300, 200, 100, 40, group)
add_gradient(image, 300, 240, 100, 60, group)
image.select_rectangle(Gimp.ChannelOps.REPLACE, 310, 250, 10, 10)
grouped = stylize(image, group, style=style)
tell(large=large_place, small=small_place, grouped=place(grouped), inside=at(grouped, 315, 255))
image.select_rectangle(Gimp.ChannelOps.REPLACE, 0, 0, 10, 10)
tell(beside=stylize(image, small, style=style), layers=len(image.get_layers()))
image.delete()
"""
    )
    assert facts["large"] == [-64, -64, 138, 138]
    assert facts["small"] == [500, 300, 50, 40]
    assert facts["grouped"] == [300, 200, 84, 100]
    assert facts["inside"] == [0.149, 0.149, 0.149, 1]
    assert facts["beside"] == (
        "calling-error: Nothing of the layer is selected: select a part of it, or choose Select > None."
    )
    assert facts["layers"] == 7
    assert echo.arrays["selection"].sum() == 255 * 100


def test_a_layer_mask_protects_what_it_paints_black(echo: EchoedPlugIn) -> None:
    facts = echo.facts(
        GRADIENT
        + """
photo = add_gradient(image, 100, 50, 300, 100)
mask = photo.create_mask(Gimp.AddMaskType.WHITE)
photo.add_mask(mask)
fill(mask, 0, 0, 100, 100, BLACK)
photo.set_lock_content(True)
image.select_rectangle(Gimp.ChannelOps.REPLACE, 280, 60, 10, 10)
protected = stylize(image, photo, style=style, mask="protection")
tell(protected=at(protected, 285, 65), place=place(protected), masked=photo.get_mask() is not None)
bare = stylize(image, style, style=protected, mask="protection")
tell(bare=bare)
image.delete()
"""
    )
    assert facts["place"] == [216, 50, 138, 84]
    assert facts["protected"][3] == 1
    assert facts["masked"]
    assert facts["bare"].startswith("calling-error: ")
    protection = echo.arrays["protection"][..., 0]
    assert protection.shape == echo.arrays["content"].shape[:2]
    assert (echo.arrays["content"][..., 3] == 1).all()
    assert protection[:, 0].max() == 0


def test_a_mask_is_transparency_unless_it_is_to_protect(echo: EchoedPlugIn) -> None:
    facts = echo.facts(
        GRADIENT
        + """
photo = add_gradient(image, 100, 50, 300, 100)
group = Gimp.GroupLayer.new(image, "group")
image.insert_layer(group, None, 0)
add_gradient(image, 100, 50, 300, 100, group)
for layer in (photo, group):
    mask = layer.create_mask(Gimp.AddMaskType.WHITE)
    layer.add_mask(mask)
    fill(mask, 0, 0, 100, 100, BLACK)
    layer.set_lock_content(True)
tell(alphas=[[at(stylize(image, layer, style=style, mask=use), x, 60)[3] for x in (150, 250)]
             for layer in (photo, group) for use in ("transparency", "protection")])
image.delete()
"""
    )
    assert facts["alphas"] == [[0, 1], [1, 1], [0, 1], [1, 1]]
    protection = echo.arrays["protection"][..., 0]
    assert (protection[:, :100] == 255).all()
    assert (protection[:, 100:] == 0).all()
