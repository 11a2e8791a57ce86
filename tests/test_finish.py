"""Large scales are only finished: few steps at shallow layers give a painted picture its edges and grain."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from patterns import stripes

from nst_engine import pyramid, recipes
from nst_engine.options import Options
from nst_engine.painting import Painter, Stylized
from nst_engine.pixels import Size, StylePicture
from nst_engine.pyramid import Scale


def scales(size: Size, **chosen) -> list[Scale]:
    options = Options(**chosen)
    return pyramid.schedule(size, options, recipes.chosen(options), torch.float32)


@pytest.fixture
def finished_above_64(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where scales above 64 pixels count as large."""
    monkeypatch.setattr("nst_engine.pyramid.PAINTED_LONG_SIDE", 64)


def test_only_scales_beyond_a_screen_are_finished():
    assert not any(scale.is_finish for scale in scales(Size(1000, 1400)))
    found = scales(Size(3000, 4000))
    assert [(max(scale.size), scale.is_finish) for scale in found[-3:]] == [(1000, False), (2000, True), (4000, True)]
    assert [scale.steps for scale in found[:-2]] == [scale.steps for scale in scales(Size(750, 1000))]


@pytest.mark.parametrize(
    "chosen", [{"iterations": 100}, {"recipe": "nst"}, {"style_layers": "relu4_1"}, {"style_weight": 0.0}]
)
def test_all_is_painted_where_steps_are_counted_or_nothing_shallow_is_compared(chosen):
    assert not any(scale.is_finish for scale in scales(Size(3000, 4000), **chosen))


@pytest.mark.parametrize("size", [Size(20_000, 20), Size(16, 16_000)])
def test_the_first_scale_is_painted_however_large_it_is(size):
    assert not scales(size)[0].is_finish


def test_finishing_compares_the_style_in_shallow_layers_alone():
    recipe = recipes.chosen(Options(recipe="gatys", photo_weight=1.0))
    finish = recipe.at(True)
    assert list(finish.style_layers) == ["relu1_1", "relu2_1", "relu3_1"]
    assert not finish.content_layers
    assert (finish.photo_weight, finish.style_weight) == (1.0, recipe.style_weight)
    assert recipe.at(False) is recipe


def painted(content, style, **chosen) -> Stylized:
    options = Options(quality="draft", style_layers="relu1_1,relu2_1", content_layers="relu2_2", **chosen)
    return Painter(options).paint(content, [StylePicture("style", style)])


def test_a_finished_picture_has_the_style_s_grain_and_keeps_its_forms(finished_above_64):
    """Nearer to the style than the small picture that is enlarged, and still that picture."""
    content, style = stripes(96, 128, 31, seed=1), stripes(128, 128, 3, seed=2)
    large, small = (painted(content, style, size=size).picture[..., :3] for size in (128, 64))
    assert grain(small) < 0.7 * grain(style)
    assert abs(grain(large) / grain(style) - 1) < abs(grain(small) / grain(style) - 1)
    assert np.corrcoef(blurred(large).ravel(), blurred(small).ravel())[0, 1] > 0.5


def grain(picture) -> float:
    return float(np.abs(np.diff(picture[..., :3], axis=1)).mean())


def blurred(picture):
    return picture.reshape(6, 16, 8, 16, 3).mean(axis=(1, 3))


@pytest.mark.parametrize("lean", [0, 10**9])
def test_it_gets_better_with_and_without_memory_of_its_steps(finished_above_64, monkeypatch, content, style, lean):
    monkeypatch.setattr("nst_engine.pyramid.LEAN_PIXELS", lean)
    monkeypatch.setattr("nst_engine.device.fastest_format", lambda device: torch.float32)
    large = np.kron(content, np.ones((2, 2, 1), np.float32))
    history = [entry["total"] for entry in painted(large, style, size=128).report["history"] if entry["scale"] == 128]
    assert len(history) == pyramid.FINISH_STEPS["draft"]
    assert history[-1] < 0.5 * history[0]


def test_what_takes_seconds_between_two_looks_at_a_large_picture_is_told_too(
    finished_above_64, monkeypatch, content, style
):
    monkeypatch.setattr("nst_engine.making.SLOW_PIXELS", 0)
    monkeypatch.setattr("nst_engine.progress.SILENCE", -1)
    told = []
    large = np.kron(content, np.ones((2, 2, 1), np.float32))
    painter = Painter(Options(device="cpu", quality="draft", size=128))
    painter.paint(large, [StylePicture("style", style)], on_step=lambda step: told.append(step.text))
    finest = [text for text in told if text.startswith("128 px")]
    assert len(finest) >= 4 * pyramid.FINISH_STEPS["draft"]


def test_a_style_too_small_for_its_brushwork_to_show_at_1_1_is_told(finished_above_64, content, style):
    large = np.kron(content, np.ones((2, 2, 1), np.float32))
    (sentence,) = painted(large, style[:40, :40], size=128).warnings
    assert sentence.startswith("The style 'style' has 40 pixels on its long side")
    assert sentence.endswith("give it with about 128.")
    assert not painted(large, large, size=128).warnings
    assert not painted(content, style[:20, :20]).warnings
