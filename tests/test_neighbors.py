"""Each place of a picture takes after the most similar place of the style: against float64 numpy, and what follows."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
import torch
from numpy_vgg import NumpyVGG, input_of
from patterns import stripes
from torch import Tensor

from nst_engine import neighbors
from nst_engine.network import library
from nst_engine.network.vgg import VGG19
from nst_engine.objective import RENEWED_AFTER, Objective, Region
from nst_engine.options import Options
from nst_engine.painting import Painter
from nst_engine.pixels import StylePicture
from nst_engine.recipes import RECIPES, Recipe, StyleLayer
from nst_engine.style_statistics import Statistics, blended, statistics_of

SIDES = {"relu1_1": 4, "relu2_1": 2, "relu3_1": 1}
"""Positions of a layer along a side of a cell, which is a position of the deepest."""

RECIPE = dataclasses.replace(
    RECIPES["neighbors"],
    style_layers={layer: StyleLayer(weight, "neighbors") for layer, weight in zip(SIDES, (0.5, 0.3, 0.2), strict=True)},
    padding="zeros",
    tv_weight=0.0,
)


def image(seed: int, height: int = 32, width: int = 40) -> Tensor:
    return torch.rand(1, 3, height, width, generator=torch.Generator().manual_seed(seed)).double()


@pytest.fixture(scope="module")
def vgg() -> VGG19:
    return VGG19(library.load("vgg19"), torch.device("cpu"), dtype=torch.float64)


def known(vgg: VGG19, style: Tensor, opacity: Tensor | None = None) -> Statistics:
    return statistics_of(vgg, style, opacity, RECIPE.style_layers, RECIPE.sampled_layers)


def objective(vgg: VGG19, *styles: Tensor, recipe: Recipe = RECIPE) -> Objective:
    return Objective(vgg, recipe, image(1), [Region(blended([(known(vgg, style), 1.0) for style in styles]))])


def cells(maps: np.ndarray, side: int) -> np.ndarray:
    """Features in cells, n×C×side×side."""
    height, width = (length // side * side for length in maps.shape[1:])
    blocks = maps[:, :height, :width].reshape(len(maps), height // side, side, width // side, side)
    return blocks.transpose(1, 3, 0, 2, 4).reshape(-1, len(maps), side, side)


def directions(features: dict[str, np.ndarray]) -> np.ndarray:
    columns = []
    for layer, side in SIDES.items():
        means = cells(features[layer], side).mean(axis=(2, 3))
        deviations = means - means.mean(axis=0)
        columns.append(deviations / np.sqrt((deviations**2).sum(axis=1).mean()))
    joined = np.concatenate(columns, axis=1)
    return joined / np.linalg.norm(joined, axis=1, keepdims=True)


def test_the_loss_is_that_of_numpy(vgg):
    picture, style = (dict(NumpyVGG().forward(input_of(p[0].numpy()))) for p in (image(0), image(2, 48, 32)))
    chosen = (directions(picture) @ directions(style).T).argmax(axis=1)
    expected = 0.0
    for (layer, side), (weight, _) in zip(SIDES.items(), RECIPE.style_layers.values(), strict=True):
        wanted = cells(style[layer], side)
        error = ((cells(picture[layer], side) - wanted[chosen]) ** 2).sum(axis=1).mean()
        expected += weight * error / (wanted**2).sum(axis=1).mean()
    found = objective(vgg, image(2, 48, 32)).value(image(0)).as_numbers()["style"]
    assert found == pytest.approx(RECIPE.style_weight * expected, rel=1e-6)


def test_the_gradient_is_that_of_finite_differences_while_matches_stay(vgg):
    function, picture = objective(vgg, image(2), image(3, 40, 24)), image(0)
    direction = torch.randn(picture.shape, generator=torch.Generator().manual_seed(5)).double()
    _, gradient = function.value_and_gradient(picture)
    step = 1e-6
    ahead, behind = (float(function.value(picture + sign * step * direction).total) for sign in (1, -1))
    assert float((gradient * direction).sum()) == pytest.approx((ahead - behind) / (2 * step), rel=1e-3)


def test_a_style_takes_after_itself(vgg):
    losses, gradient = objective(vgg, image(2)).value_and_gradient(image(2))
    assert losses.as_numbers()["style"] == pytest.approx(0, abs=1e-12)
    alone = dataclasses.replace(RECIPE, content_weight=0.0, content_layers={})
    _, gradient = objective(vgg, image(2), recipe=alone).value_and_gradient(image(2))
    assert gradient.abs().max() < 1e-12


def test_matches_stay_until_they_are_renewed(vgg):
    function, moved = objective(vgg, image(2)), image(0).flip(3)
    function.renew_matches(image(0))
    before = function.value(moved).as_numbers()["style"]
    function.renew_matches(moved)
    assert function.value(moved).as_numbers()["style"] < 0.99 * before
    assert function.rounds(2 * RENEWED_AFTER + 1) == [RENEWED_AFTER, RENEWED_AFTER, 1]


def test_several_styles_count_by_their_weights(vgg):
    first, second = (known(vgg, image(seed)) for seed in (2, 3))
    targets = []
    for weights in ((1, 0), (0, 1), (1, 3)):
        statistics = blended([(first, weights[0]), (second, weights[1])])
        function = Objective(vgg, RECIPE, image(1), [Region(statistics)])
        function.renew_matches(image(0))
        targets.append(function.matches[0].targets("relu2_1", function.tiles[0].owned_at("relu2_1")))
    assert torch.allclose(targets[2], 0.25 * targets[0] + 0.75 * targets[1])


def test_nothing_is_taken_from_where_a_style_is_transparent(vgg):
    opacity = torch.ones(32, 40)
    opacity[:, 20:] = 0
    found = known(vgg, image(2), opacity)["relu3_1"].cells[0].features
    opaque = known(vgg, image(2))["relu3_1"].cells[0].features.view(8, 10, -1)[:, :5].flatten(0, 1)
    assert torch.equal(found, opaque)


def test_what_is_remembered_of_a_style_has_a_bound_and_does_not_depend_on_chance(vgg, monkeypatch):
    whole = known(vgg, image(2, 96, 96))
    monkeypatch.setattr(neighbors, "MOST_BYTES", 400_000)
    first, second = (known(vgg, image(2, 96, 96)) for _ in range(2))
    assert 300_000 < sum(samples.nbytes for samples in first.values()) <= 400_000 < whole["relu1_1"].nbytes
    assert torch.equal(first["relu1_1"].cells[0].features, second["relu1_1"].cells[0].features)


@pytest.mark.parametrize("style", [torch.zeros(1, 3, 32, 32), torch.full((1, 3, 16, 16), 0.5)], ids=["black", "gray"])
def test_a_flat_style_and_a_flat_picture_divide_nothing_by_zero(vgg, style):
    losses, gradient = objective(vgg, style.double()).value_and_gradient(torch.ones_like(image(0)))
    assert torch.isfinite(losses.total)
    assert torch.isfinite(gradient).all()


def test_a_picture_is_painted_in_a_styles_own_colors():
    content, style = stripes(64, 64, 30, seed=1), np.zeros((64, 64, 3), np.float32)
    style[:, ::8] = style[:, 1::8] = style[:, 2::8] = (1.0, 0.8, 0.0)
    options = Options(recipe="neighbors", strength=100.0, quality="draft")
    picture = Painter(options).paint(content, [StylePicture("s", style)]).picture[..., :3]
    assert picture[..., 2].mean() < 0.5 * content[..., 2].mean()
