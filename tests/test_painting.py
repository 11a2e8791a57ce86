"""From pixels to pixels with the real network, on small pictures."""

from __future__ import annotations

import numpy as np
import pytest

from nst_engine.errors import NetworkError, OptionError, OutOfMemory, PictureError
from nst_engine.options import Options
from nst_engine.painting import Painter, Stylized
from nst_engine.pixels import Masks, StylePicture
from nst_engine.recipes import RECIPES
from nst_engine.score import score

QUICK = {"quality": "draft"}
STARTS = ("content", "noise", "style")
NO_MASKS = Masks()


def paint(content, style, **options) -> Stylized:
    return Painter(Options(**{**QUICK, **options})).paint(content, [StylePicture("pattern", style)])


@pytest.mark.parametrize("recipe", list(RECIPES))
def test_the_loss_falls(content, style, recipe):
    iterations = 60 if recipe == "nst" else None
    history = paint(content, style, recipe=recipe, iterations=iterations).report["history"]
    finest = [entry["total"] for entry in history if entry["scale"] == history[-1]["scale"]]
    assert min(finest) < 0.5 * history[0]["total"]


@pytest.mark.parametrize("optimizer", ["adam", "lbfgs"])
def test_either_optimizer_lowers_the_loss(content, style, optimizer):
    history = paint(content, style, optimizer=optimizer, iterations=30).report["history"]
    assert history[-1]["total"] < 0.7 * history[0]["total"]


def test_same_seed_same_pixels(content, style):
    first, second = (paint(content, style, init="noise", seed=7, iterations=3).picture for _ in range(2))
    assert np.array_equal(first, second)
    assert not np.array_equal(first, paint(content, style, init="noise", seed=8, iterations=3).picture)


def several(content, styles, masks=NO_MASKS, init=None, **options) -> Stylized:
    return Painter(Options(**{**QUICK, **options})).paint(content, styles, masks, init)


def test_a_selection_limits_what_is_painted_and_its_soft_edge_stays(content, style):
    selection = np.zeros((48, 64, 1), np.float32)
    selection[:, :32] = 1
    selection[:, 30:34] = 0.5
    picture = several(content, [StylePicture("s", style)], Masks(selection=selection)).picture
    assert picture[..., 3] == pytest.approx(selection[..., 0])
    whole = paint(content, style).picture
    assert abs(picture[:, :28, :3] - content[:, :28, :3]).mean() > 0.5 * abs(whole - content)[:, :28, :3].mean()


def test_what_is_protected_stays_and_the_rest_is_painted(content, style):
    protection = np.zeros((48, 64, 1), np.uint8)
    protection[12:36, 20:44] = 255
    picture = several(content, [StylePicture("s", style)], Masks(protection=protection)).picture
    assert picture[12:36, 20:44, :3] == pytest.approx(content[12:36, 20:44, :3], abs=1e-6)
    assert abs(picture - content)[:, :16, :3].mean() > 0.05
    assert (picture[..., 3] == 1).all()


def test_nothing_left_to_paint_is_said(content, style):
    with pytest.raises(PictureError, match="Nothing of the content is left to paint."):
        several(content, [StylePicture("s", style)], Masks(protection=np.ones((48, 64, 1), np.float32)))


def test_each_region_takes_its_own_style(content):
    left = np.zeros((48, 64, 1), np.float32)
    left[:, :32] = 1
    red, blue = (np.ones((40, 40, 4), np.float32) * [*color, 1] for color in ((0.9, 0.1, 0.1), (0.1, 0.1, 0.9)))
    for second_region in (1 - left, None):
        styles = [StylePicture("red", red, region=left), StylePicture("blue", blue, region=second_region)]
        picture = several(content, styles, strength=100.0).picture
        redness = picture[..., 0] - picture[..., 2]
        assert redness[:, :28].mean() > 0.15
        assert redness[:, 36:].mean() < -0.15


def test_weights_mix_styles(content):
    red, blue = (np.ones((40, 40, 4), np.float32) * [*color, 1] for color in ((0.9, 0.1, 0.1), (0.1, 0.1, 0.9)))
    redness = []
    for weight in (0.2, 5.0):
        picture = several(content, [StylePicture("r", red, weight), StylePicture("b", blue)], strength=100.0).picture
        redness.append(float((picture[..., 0] - picture[..., 2]).mean()))
    assert redness[0] < redness[1] - 0.1


def test_a_style_that_another_content_has_used_is_not_looked_at_again(content, style):
    painter = Painter(Options(**QUICK, iterations=1))
    first = painter.paint(content, [StylePicture("s", style)]).picture
    known = dict(painter.known.found)
    assert np.array_equal(painter.paint(content, [StylePicture("another name", style.copy())]).picture, first)
    assert painter.known.found == known != {}
    assert all(painter.known.found[key] is known[key] for key in known)


def test_the_picture_to_start_from_may_be_any(content, style):
    other = np.full((100, 30, 3), 0.25, np.float32)
    start = several(content, [StylePicture("s", style)], init=other, iterations=1, learning_rate=1e-6, size=48)
    assert start.picture[..., :3].std() < 0.3 * content[..., :3].std()
    by_name = {init: paint(content, style, init=init, iterations=1, learning_rate=1e-6).picture for init in STARTS}
    assert abs(by_name["content"] - content).mean() < 0.02
    assert all(abs(by_name[init] - content).mean() > 0.05 for init in ("noise", "style"))


@pytest.mark.parametrize("keep", ["last", "best", "average"])
def test_whatever_is_kept_is_a_picture_with_a_lower_loss(content, style, keep):
    options = {"keep": keep, "learning_rate": 0.1, "recipe": "painterly", "size": 48}
    before, after = (score(content, style, picture, 48)["painterly"]["total"] for picture in (
        content, paint(content, style, **options).picture
    ))  # fmt: skip
    assert after < 0.7 * before


def test_gray_and_one_color_pictures_are_safe_with_every_color_choice(content, style):
    gray = np.repeat(content[..., :1], 3, axis=2)
    flat = np.full((40, 40, 3), 0.5, np.float32)
    for color in ("style", "content", "match"):
        for c, s in ((gray, style), (content, flat), (flat, style), (gray, flat)):
            assert np.isfinite(paint(c, s, color=color, iterations=1, size=32).picture).all()


def test_result_has_the_contents_size_and_alpha(content, style):
    content[:10, :, 3] = 0
    content[10:20, :, 3] = 0.5
    picture = paint(content, style, size=32, iterations=3).picture
    assert picture.shape == content.shape
    assert np.array_equal(picture[..., 3], content[..., 3])
    assert np.array_equal(picture[:10, :, :3], content[:10, :, :3])
    assert picture.min() >= 0
    assert picture.max() <= 1


def test_size_is_the_long_side_worked_at_but_never_above_the_contents_own(content, style):
    assert paint(content, style, size=48, iterations=1).report["history"][-1]["scale"] == 48
    assert paint(content, style, size=4000, iterations=1).report["history"][-1]["scale"] == 64


def test_iterations_counts_the_finest_scale(content, style):
    history = paint(content, style, iterations=5).report["history"]
    assert [entry["iteration"] for entry in history if entry["scale"] == 64] == [1, 2, 3, 4, 5]


def test_stop_keeps_the_picture_so_far(content, style):
    seen, large = [], np.kron(content, np.ones((2, 2, 1), np.float32))
    done = Painter(Options()).paint(
        large, [StylePicture("pattern", style)], on_step=seen.append, should_stop=lambda: len(seen) == 3
    )
    assert len(done.report["history"]) == 3
    assert done.report["size"] == {"height": 48, "width": 64}
    assert done.picture.shape == large.shape


def test_it_is_told_how_large_pictures_are_prepared_and_a_stop_meanwhile_keeps_a_picture(style, monkeypatch):
    monkeypatch.setattr("nst_engine.progress.SILENCE", 0.0)
    large, told = np.random.default_rng(0).integers(0, 256, (900, 1200, 3), np.uint8), []
    done = Painter(Options(size=64, color="match")).paint(
        large, [StylePicture("pattern", style)], on_step=told.append, should_stop=lambda: True
    )
    assert (told[0].steps, told[0].fraction) == (0, 0.0)
    assert told[0].preview().shape == (48, 64, 4)
    assert done.picture.shape == (900, 1200, 4)


def test_progress_rises_to_one_and_previews_show_the_picture(content, style):
    steps = []
    Painter(Options(**QUICK)).paint(content, [StylePicture("pattern", style)], on_step=steps.append)
    fractions = [step.fraction for step in steps]
    assert fractions == sorted(fractions)
    assert fractions[-1] == pytest.approx(1)
    assert steps[-1].seconds_left == pytest.approx(0, abs=1e-6)
    assert steps[-1].preview().shape == (48, 64, 4)


def test_it_is_told_how_a_large_picture_is_finished(content, style, monkeypatch):
    monkeypatch.setattr("nst_engine.progress.SILENCE", -1)
    for room in ("pixels", "progress"):
        monkeypatch.setattr(f"nst_engine.{room}.BAND_PIXELS", 12 * 64)
    steps = []
    Painter(Options(**QUICK, size=32)).paint(content, [StylePicture("pattern", style)], on_step=steps.append)
    *_, last, first_band, second_band, third_band, end = (step.fraction for step in steps)
    assert last < first_band < second_band < third_band < end == 1
    assert len({step.text for step in steps[-5:]}) == 1


def test_content_colors_are_kept(content, style):
    def chroma(picture):
        return picture[..., :3] - picture[..., :3].mean(axis=2, keepdims=True)

    kept, taken = (paint(content, style, color=color, size=48).picture for color in ("content", "style"))
    distance = [np.abs(chroma(picture) - chroma(content)).mean() for picture in (kept, taken)]
    assert distance[0] < 0.3 * distance[1]


def test_strength_trades_content_for_style(content, style):
    options = {"style_border": 0.0, "iterations": 30}
    pictures = [paint(content, style, strength=strength, **options).picture for strength in (0.0, 100.0)]
    weak, strong = (score(content, style, picture, 64)["painterly"] for picture in pictures)
    assert weak["content"] < strong["content"]
    assert strong["style"] < 0.75 * weak["style"]


def test_report_tells_how_it_was_made(content, style):
    report = paint(content, style, iterations=2).report
    assert report["network"]["name"] == "vgg19"
    assert len(report["network"]["sha256"]) == 64
    assert report["number_format"] in ("float32", "bfloat16")
    assert report["peak_memory_bytes"] > 1e7
    assert {"start_up", "features", "scales", "total"} <= report["seconds"].keys()
    assert {"scale", "iteration", "seconds", "content", "style", "tv", "total"} == report["history"][0].keys()


TINY = np.ones((1, 1, 4), np.float32)


@pytest.mark.parametrize(
    ("change", "error", "sentence"),
    [
        (lambda c, s: (TINY, s), PictureError, "The content is only 1×1 pixels."),
        (lambda c, s: (c, TINY), PictureError, "The style 'pattern' is only 1×1 pixels."),
        (lambda c, s: (c * [1, 1, 1, 0], s), PictureError, "The content is fully transparent."),
        (lambda c, s: (c, s * [1, 1, 1, 0]), PictureError, "The style 'pattern' is fully transparent."),
        (lambda c, s: (c * np.nan, s), PictureError, "The content has values that are not numbers."),
    ],
    ids=["tiny content", "tiny style", "transparent content", "transparent style", "not a number"],
)
def test_unusable_pictures_are_refused_in_a_sentence(content, style, change, error, sentence):
    with pytest.raises(error, match=sentence) as caught:
        paint(*change(content, style))
    assert caught.value.remedy


def test_more_memory_than_there_is_is_refused_before_it_is_taken(content, style, monkeypatch):
    monkeypatch.setattr("nst_engine.memory.free", lambda: 5_000_000)
    with pytest.raises(OutOfMemory, match="Painting at 64 px needs about 0.* GB of memory; 0.0 GB are free.") as caught:
        paint(content, style)
    assert caught.value.remedy.startswith("No size is small enough")


def test_unknown_networks_and_layers_are_named(content, style):
    with pytest.raises(NetworkError, match="no network 'vgg91'"):
        paint(content, style, network="vgg91")
    with pytest.raises(OptionError, match="relu9_1"):
        paint(content, style, style_layers="relu1_1,relu9_1")


def test_a_long_thin_picture_works(style):
    thin = np.ones((16, 300, 4), np.float32)
    thin[..., 0] = np.linspace(0, 1, 300)
    assert paint(thin, style, size=64, iterations=1).picture.shape == thin.shape


def test_a_finer_scale_starts_with_the_contents_detail():
    content = np.full((128, 96, 3), 0.5, dtype=np.float32)
    content[::2, ::2] = 0.0  # too fine for any coarser scale
    style = np.random.default_rng(3).random((64, 64, 3), dtype=np.float32)
    seen: dict[int, np.ndarray] = {}

    def note(step):
        seen.setdefault(step.preview().shape[0], step.preview()[..., :3].astype(float))

    painter = Painter(Options(quality="draft", optimizer="adam", learning_rate=1e-6))
    painter.paint(content, [StylePicture("noise", style)], on_step=note)
    assert seen[64].std() < 30
    assert seen[128][::2, ::2].mean() < 0.5 * seen[128][1::2, 1::2].mean()
