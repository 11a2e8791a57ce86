"""What is known of styles, and what is remembered of it."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from nst_engine import recipes
from nst_engine.canvas import Canvas
from nst_engine.network import library
from nst_engine.network.vgg import VGG19
from nst_engine.options import Options
from nst_engine.originals import OriginalPicture
from nst_engine.pixels import Masks, Size, StylePicture
from nst_engine.pyramid import useful_style_side
from nst_engine.styles import KnownStatistics, Styles, originals_of, size_for, without_border

LAYERS = ["relu1_1", "relu2_1"]


@pytest.fixture
def known() -> KnownStatistics:
    return KnownStatistics(VGG19(library.load("vgg19"), torch.device("cpu")))


def test_a_style_is_as_large_as_its_scale_says_and_never_enlarged():
    assert size_for(Size(3000, 4000), 512, 1.0) == Size(384, 512)
    assert size_for(Size(3000, 4000), 512, 0.5) == Size(192, 256)
    assert size_for(Size(300, 400), 512, 4.0) == Size(300, 400)
    assert min(size_for(Size(20, 4000), 512, 1.0)) >= 16


@pytest.mark.parametrize(
    ("size", "left"), [((200, 100), (188, 94)), ((16, 500), (16, 470)), ((18, 12), (16, 12)), ((17, 17), (17, 17))]
)
def test_a_border_is_left_out_all_around_of_what_stays_large_enough(size, left):
    style = torch.arange(float(np.prod(size))).view(1, 1, *size)
    inner = without_border(style, 3.0)
    assert inner.shape[2:] == left
    assert inner.mean() == pytest.approx(style.mean().item())
    assert without_border(style, 0.0).equal(style)


@pytest.mark.parametrize("size", [0, 300, 5000])
def test_no_style_is_looked_at_beyond_the_side_that_is_useful(size):
    content = Size(600, 800)
    assert useful_style_side(content, Options(size=size, style_scale=2.0)) == 2 * min(size or 800, 800)
    assert useful_style_side(Size(40, 4000), Options(size=100)) == 3200


def test_what_was_seen_is_known_again_by_its_numbers_alone(known):
    style = torch.rand(1, 3, 32, 40)
    first = known.of(style, LAYERS)
    assert known.of(style.clone(), LAYERS[::-1]) is first
    assert known.of(style, LAYERS[:1]) is not first
    assert known.of(style.view(1, 3, 40, 32), LAYERS) is not first
    assert known.of(torch.cat([style, torch.ones(1, 1, 32, 40)], dim=1), LAYERS) is not first
    style[0, 0, 0, 0] += 0.5
    assert known.of(style, LAYERS) is not first


def test_what_little_strength_leaves_of_the_content_lies_between_it_and_the_style(known, content, style):
    options = Options(strength=25.0)
    recipe = recipes.chosen(options)
    canvas = Canvas(OriginalPicture("content", content), Masks(), Size(48, 64), torch.device("cpu"))
    given = [StylePicture("s", style)]
    styles = Styles(given, originals_of(given), canvas, options, recipe, known)
    share = recipes.style_share(options)
    assert recipes.style_share(Options(strength=0.0)) < share < 1 == recipes.style_share(Options(strength=75.0))
    (wanted,), (its_own,) = (styles.regions_at(canvas.painted, recipe, part) for part in (1.0, share))
    grams = [found.statistics["relu2_1"].gram for found in (wanted, its_own)]
    content_gram = known.of(canvas.content_at(canvas.painted), recipe.style_layers)["relu2_1"].gram
    assert torch.allclose(grams[1], share * grams[0] + (1 - share) * content_gram, rtol=1e-4, atol=1e-6)


def test_memory_is_bounded_and_the_newest_stay(known, monkeypatch):
    first = torch.rand(1, 3, 16, 16)
    known.of(first, LAYERS)
    monkeypatch.setattr(KnownStatistics, "MOST", int(3.5 * known.bytes))
    styles = [torch.rand(1, 3, 16, 16) for _ in range(20)]
    for style in styles:
        known.of(style, LAYERS)
        latest = known.of(first, LAYERS)
    assert known.bytes <= known.MOST
    assert len(known.found) == 3
    assert known.of(first, LAYERS) is latest


def test_what_others_have_found_is_kept_whole_and_what_was_known_before_goes(known, monkeypatch):
    told = []
    for style in torch.rand(3, 1, 3, 32, 40):
        other = KnownStatistics(known.vgg)
        other.of(style, LAYERS)
        other.of(style[:, :, :16].contiguous(), LAYERS)
        told.append(other.told())
    monkeypatch.setattr(KnownStatistics, "MOST", other.bytes // 2)
    for found in told:
        known.take(found)
        assert known.found.keys() == found.keys()


def test_one_style_larger_than_the_bound_is_remembered_all_the_same(known, monkeypatch):
    monkeypatch.setattr(KnownStatistics, "MOST", 1)
    style = torch.rand(1, 3, 16, 16)
    assert known.of(style, LAYERS) is known.of(style, LAYERS)
    assert np.isfinite(known.of(style, LAYERS)["relu1_1"].gram.numpy()).all()
