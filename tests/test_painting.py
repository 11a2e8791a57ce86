"""From pixels to pixels with the real network, on small pictures."""

from __future__ import annotations

import numpy as np
import pytest

from nst_engine.errors import NetworkError, OptionError, OutOfMemory, PictureError
from nst_engine.options import Options
from nst_engine.protocol import StylePicture
from nst_engine.score import score
from nst_engine.stylize import Stylized, stylize

QUICK = {"quality": "draft"}


def paint(content, style, **options) -> Stylized:
    return stylize(content, [StylePicture("pattern", style)], Options(**{**QUICK, **options}))


@pytest.mark.parametrize("recipe", ["painterly", "gatys"])
def test_the_loss_falls(content, style, recipe):
    history = paint(content, style, recipe=recipe).report["history"]
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
    seen = []
    done = stylize(
        content, [StylePicture("pattern", style)], Options(), on_step=seen.append, should_stop=lambda: len(seen) == 3
    )
    assert len(done.report["history"]) == 3
    assert done.picture.shape == content.shape


def test_progress_rises_to_one_and_previews_show_the_picture(content, style):
    steps = []
    stylize(content, [StylePicture("pattern", style)], Options(**QUICK), on_step=steps.append)
    fractions = [step.fraction for step in steps]
    assert fractions == sorted(fractions)
    assert fractions[-1] == pytest.approx(1)
    assert steps[-1].seconds_left == pytest.approx(0, abs=1e-6)
    assert steps[-1].preview().shape == (48, 64, 3)


def test_content_colors_are_kept(content, style):
    def chroma(picture):
        return picture[..., :3] - picture[..., :3].mean(axis=2, keepdims=True)

    kept, taken = (paint(content, style, color=color, size=48).picture for color in ("content", "style"))
    distance = [np.abs(chroma(picture) - chroma(content)).mean() for picture in (kept, taken)]
    assert distance[0] < 0.3 * distance[1]


def test_strength_trades_content_for_style(content, style):
    pictures = [paint(content, style, strength=strength).picture for strength in (0.0, 100.0)]
    weak, strong = (score(content, style, picture, 64)["gatys"] for picture in pictures)
    assert weak["content"] < 0.5 * strong["content"]
    assert strong["style"] < weak["style"]


def test_report_tells_how_it_was_made(content, style):
    report = paint(content, style, iterations=2).report
    assert report["network"]["name"] == "vgg19"
    assert len(report["network"]["sha256"]) == 64
    assert report["number_format"] == "float32"
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


def test_more_memory_than_there_is_is_refused_before_it_is_taken(style):
    huge = np.broadcast_to(np.ones(4, np.float32), (16, 16, 4)).repeat(400, axis=0).repeat(400, axis=1)
    with pytest.raises(OutOfMemory, match="GB of memory") as caught:
        paint(huge, style, size=0, quality="draft")
    assert "at most" in caught.value.remedy


def test_unknown_networks_and_layers_are_named(content, style):
    with pytest.raises(NetworkError, match="no network 'vgg91'"):
        paint(content, style, network="vgg91")
    with pytest.raises(OptionError, match="relu9_1"):
        paint(content, style, style_layers="relu1_1,relu9_1")


def test_a_long_thin_picture_works(style):
    thin = np.ones((16, 300, 4), np.float32)
    thin[..., 0] = np.linspace(0, 1, 300)
    assert paint(thin, style, size=64, iterations=1).picture.shape == thin.shape
