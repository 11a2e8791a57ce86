"""The whole objective with the real network: against numpy, and its gradient against finite differences."""

from __future__ import annotations

import dataclasses
import itertools

import numpy as np
import pytest
import torch
from numpy_vgg import ClassicScript, NumpyVGG, convolution, input_of

from nst_engine import optimize, score
from nst_engine.errors import OptionError
from nst_engine.losses import photo_loss
from nst_engine.network import library
from nst_engine.network.layers import CONVOLUTIONS
from nst_engine.network.vgg import VGG19
from nst_engine.objective import Constraints, Objective, Region
from nst_engine.options import Options
from nst_engine.recipes import RECIPES, STYLE_CHANNELS, StyleLayer, chosen
from nst_engine.style_statistics import statistics_of

LAYERS = ("relu1_1", "relu2_1", "relu3_1", "relu4_1", "relu4_2", "relu5_1")


def image(seed: int, height: int = 32, width: int = 40) -> torch.Tensor:
    return torch.rand(1, 3, height, width, generator=torch.Generator().manual_seed(seed))


def numpy_vgg(picture: torch.Tensor) -> dict[str, np.ndarray]:
    return dict(NumpyVGG().forward(input_of(picture[0].numpy())))


@pytest.fixture(scope="module")
def vgg() -> VGG19:
    return VGG19(library.load("vgg19"), torch.device("cpu"))


def region(vgg, style, opacity=None, mask=None) -> Region:
    return Region(statistics_of(vgg, style, opacity, STYLE_CHANNELS), mask)


def style_loss(objective: Objective, picture: torch.Tensor) -> float:
    return objective.value(picture).as_numbers()["style"]


def test_features_are_those_of_the_published_network(vgg):
    expected = numpy_vgg(image(0))
    for layer, features in vgg(image(0), LAYERS).items():
        assert features.numpy() == pytest.approx(expected[layer], rel=1e-3, abs=1e-3 * expected[layer].max())


def test_gatys_objective_and_judge_against_numpy(vgg):
    picture, content, style = numpy_vgg(image(0)), numpy_vgg(image(1)), numpy_vgg(image(2, 48, 32))
    expected_content = ((picture["relu4_2"] - content["relu4_2"]) ** 2).mean()
    expected_style = 0.0
    for layer, channels in (("relu1_1", 64), ("relu2_1", 128), ("relu3_1", 256), ("relu4_1", 512), ("relu5_1", 512)):
        f, s = picture[layer].reshape(channels, -1), style[layer].reshape(channels, -1)
        expected_style += 1e3 / channels**2 * ((f @ f.T / f.shape[1] - s @ s.T / s.shape[1]) ** 2).mean()
    objective = Objective(vgg, RECIPES["gatys"], image(1), [region(vgg, image(2, 48, 32))])
    losses = objective.value_and_gradient(image(0))[0].as_numbers()
    assert losses["content"] == pytest.approx(expected_content, rel=1e-3)
    assert losses["style"] == pytest.approx(expected_style, rel=1e-3)
    layers = (*RECIPES["gatys"].content_layers, *RECIPES["gatys"].style_layers)
    verdict = score.gatys(score.Trio(*(vgg(pixels, layers) for pixels in (image(1), image(2, 48, 32), image(0)))))
    assert verdict["content"] == pytest.approx(expected_content, rel=1e-3)
    assert verdict["total"] == pytest.approx(expected_content + expected_style, rel=1e-3)


@pytest.fixture(scope="module")
def precise_vgg() -> VGG19:
    return VGG19(library.load("vgg19"), torch.device("cpu"), dtype=torch.float64)


@pytest.mark.parametrize("statistic", ["gram", "moments"])
def test_gradient_against_finite_differences(precise_vgg, statistic):
    layers = {name: StyleLayer(layer.weight, statistic) for name, layer in RECIPES["painterly"].style_layers.items()}
    recipe = dataclasses.replace(RECIPES["painterly"], style_layers=layers, tv_weight=1.0)
    objective = Objective(precise_vgg, recipe, image(1).double(), [region(precise_vgg, image(2).double())])
    picture = image(0).double()
    direction = torch.randn(picture.shape, generator=torch.Generator().manual_seed(5)).double()
    _, gradient = objective.value_and_gradient(picture)
    step = 1e-6
    ahead = float(objective.value(picture + step * direction).total)
    behind = float(objective.value(picture - step * direction).total)
    assert float((gradient * direction).sum()) == pytest.approx((ahead - behind) / (2 * step), rel=1e-3)


def test_transparent_style_pixels_take_no_part(vgg):
    shallow = dict.fromkeys(("relu1_1", "relu2_1", "relu3_1"), StyleLayer(1.0, "moments"))
    recipe = dataclasses.replace(RECIPES["painterly"], style_layers=shallow)
    half = image(2, 32, 64)
    half[..., 32:] = image(3, 32, 32)
    opacity = torch.ones(32, 64)
    opacity[:, 32:] = 0
    changed = half.clone()
    changed[..., 56:] = 0
    first, second = (
        style_loss(Objective(vgg, recipe, image(1), [region(vgg, picture, opacity)]), image(0))
        for picture in (half, changed)
    )
    assert first == pytest.approx(second, rel=1e-3)
    opaque = style_loss(Objective(vgg, recipe, image(1), [region(vgg, changed)]), image(0))
    assert abs(opaque - first) > 0.05 * first


def test_a_black_style_divides_nothing_by_zero(vgg):
    objective = Objective(vgg, RECIPES["painterly"], image(1), [region(vgg, torch.zeros(1, 3, 32, 32))])
    losses, gradient = objective.value_and_gradient(image(0))
    assert torch.isfinite(losses.total)
    assert torch.isfinite(gradient).all()


@pytest.mark.parametrize("factor", [2.0**60, 2.0**-100])
@pytest.mark.parametrize("recipe", ["painterly", "gatys"])
def test_all_weights_larger_by_a_power_of_two_change_no_digit(vgg, recipe, factor):
    """Values and gradients are in units that grow with the weights, so neither leaves the range of its format."""
    plain = RECIPES[recipe]
    weights = {name: factor * getattr(plain, name) for name in ("content_weight", "style_weight", "tv_weight")}
    first, second = (
        Objective(vgg, chosen_recipe, image(1), [region(vgg, image(2))])
        for chosen_recipe in (plain, dataclasses.replace(plain, **weights))
    )
    (value, gradient), (heavier, steeper) = (objective.value_and_gradient(image(0)) for objective in (first, second))
    assert torch.equal(gradient, steeper)
    assert factor * value.as_numbers()["total"] == heavier.as_numbers()["total"]
    assert 0.01 < float(value.total) < 10


def test_strength_moves_the_content_weight_and_nothing_else():
    weak, strong = chosen(Options(strength=0.0)), chosen(Options(strength=100.0))
    assert weak.content_weight == pytest.approx(100 * strong.content_weight)
    assert dataclasses.replace(weak, content_weight=strong.content_weight) == strong


def test_the_content_weight_falls_all_along_the_dial_and_only_a_little_up_to_where_no_object_may_be_copied():
    weights = [chosen(Options(strength=strength)).content_weight for strength in range(0, 101, 5)]
    assert all(after < before for before, after in itertools.pairwise(weights))
    assert weights[15] > 0.7 * weights[10]


@pytest.mark.parametrize(
    ("options", "deepest"),
    [
        (Options(), "conv4_2"),
        (Options(recipe="gatys"), "conv5_1"),
        (Options(style_layers="relu1_1,relu3_1,relu5_1:0", content_layers="relu2_2,relu4_2:0"), "conv3_1"),
        (Options(content_weight=0.0), "conv4_1"),
        (Options(style_weight=0.0, content_layers="relu2_2"), "conv2_2"),
    ],
)
def test_nothing_deeper_than_the_deepest_layer_that_counts_is_computed(options, deepest):
    shallow = VGG19(library.load("vgg19"), torch.device("cpu"))
    for name in CONVOLUTIONS[CONVOLUTIONS.index(deepest) + 1 :]:
        del shallow.convolutions[name]
    recipe = chosen(options)
    part = Region(statistics_of(shallow, image(2), None, recipe.style_layers))
    value, gradient = Objective(shallow, recipe, image(1), [part]).value_and_gradient(image(0))
    assert float(value.total) > 0
    assert gradient.abs().max() > 0
    del shallow.convolutions[deepest]
    with pytest.raises(KeyError):
        Objective(shallow, recipe, image(1), [part])


def test_weights_that_are_all_zero_are_refused():
    with pytest.raises(OptionError, match="All weights are zero"):
        chosen(Options(content_weight=0.0, style_weight=0.0, tv_weight=0.0))


@pytest.mark.parametrize("recipe", ["painterly", "gatys"])
def test_masks_choose_where_the_picture_is_to_have_the_style(vgg, recipe):
    """What lies where the mask is black, far from what is white, does not count."""
    left = torch.zeros(32, 160)
    left[:, :32] = 1
    picture, changed = image(0, 32, 160), image(0, 32, 160)
    changed[..., 128:] = 0
    layers = {name: RECIPES[recipe].style_layers[name] for name in ("relu1_1", "relu2_1", "relu3_1")}
    shallow = dataclasses.replace(RECIPES[recipe], style_layers=layers)
    objective = Objective(vgg, shallow, image(1, 32, 160), [region(vgg, image(2), mask=left)])
    assert style_loss(objective, picture) == pytest.approx(style_loss(objective, changed), rel=1e-5)
    whole = Objective(vgg, shallow, image(1, 32, 160), [region(vgg, image(2))])
    assert style_loss(whole, picture) != pytest.approx(style_loss(whole, changed), rel=1e-2)


def test_a_mask_over_everything_is_no_mask(vgg):
    for mask in (None, torch.ones(32, 40)):
        objective = Objective(vgg, RECIPES["painterly"], image(1), [region(vgg, image(2), mask=mask)])
        losses, gradient = objective.value_and_gradient(image(0))
        values = (losses.as_numbers()["total"], objective.unit * float(gradient.abs().mean()))
        if mask is None:
            expected = values
    assert values == pytest.approx(expected, rel=1e-3)


def test_regions_count_by_their_area(vgg):
    masks = torch.zeros(2, 32, 40)
    masks[0, :, :10], masks[1, :, 10:] = 1, 1
    parts = [region(vgg, image(2), mask=masks[0]), region(vgg, image(3), mask=masks[1])]
    first, second = (style_loss(Objective(vgg, RECIPES["gatys"], image(1), [part]), image(0)) for part in parts)
    both = style_loss(Objective(vgg, RECIPES["gatys"], image(1), parts), image(0))
    assert both == pytest.approx(0.25 * first + 0.75 * second, rel=1e-5)


def test_what_may_not_change_has_no_gradient_and_protection_holds_the_content(vgg):
    free = torch.ones(32, 40)
    free[:, 20:] = 0
    part = region(vgg, image(2))
    held = Objective(vgg, RECIPES["painterly"], image(1), [part], Constraints(free=free))
    losses, gradient = held.value_and_gradient(image(0))
    assert not gradient[..., 20:].any()
    assert gradient[..., :20].abs().min() > 0
    seen = image(0)
    seen[..., 20:] = image(1)[..., 20:]
    plain = Objective(vgg, RECIPES["painterly"], image(1), [part])
    assert plain.value(seen).as_numbers() == pytest.approx(losses.as_numbers(), rel=1e-5)
    protected = Objective(
        vgg, RECIPES["painterly"], image(1), [part], Constraints(protection=torch.full((32, 40), 0.5))
    )
    contents = [objective.value(image(0)).as_numbers()["content"] for objective in (protected, plain)]
    assert contents[0] == pytest.approx(11 * contents[1])


def test_style_layers_may_differ_in_their_statistics(vgg):
    part = region(vgg, image(2))
    mixed, first, second = (
        style_loss(Objective(vgg, chosen(Options(style_layers=layers)), image(1), [part]), image(0))
        for layers in ("relu2_1:0.5:gram,relu3_1:2", "relu2_1:0.5:gram", "relu3_1:2:moments")
    )
    assert mixed == pytest.approx(first + second, rel=1e-5)


def test_the_judge_w2_against_numpy():
    content, style, picture = (numpy_vgg_replicated(image(seed)) for seed in (1, 2, 0))
    vgg = VGG19(library.load("vgg19"), torch.device("cpu"), "replicate")
    trio = score.Trio(*(vgg(image(seed), score.LAYERS) for seed in (1, 2, 0)))
    unit = 255 * 0.225
    w2 = 0.015 * ((picture["relu4_2"] - content["relu4_2"]) ** 2).mean() / unit**2
    for layer, weight in zip(STYLE_CHANNELS, (256, 64, 16, 4, 1), strict=True):
        (m, s), (m_style, s_style) = gaussian(picture[layer]), gaussian(style[layer])
        eye = np.eye(len(s))
        w2 += (
            weight
            / 341
            * distance(m / unit, s / unit**2 + 1e-4 * eye, m_style / unit, s_style / unit**2 + 1e-4 * eye)
            / len(s)
        )
    pixels = image(0).numpy().astype(np.float64)
    padded = np.pad(pixels, ((0, 0), (0, 0), (1, 1), (1, 1)), mode="edge")
    straight = [padded[..., 1:-1, 2:] - pixels, padded[..., 2:, 1:-1] - pixels]
    diagonal = [padded[..., 1:, 1:] - padded[..., :-1, :-1], padded[..., 1:, :-1] - padded[..., :-1, 1:]]
    tv = sum((d**2).mean() / 3 for d in straight) + sum((d**2).mean() / 12 for d in diagonal)
    assert score.w2(trio, image(0))["total"] == pytest.approx(w2 + 4 * tv, rel=2e-3)


def test_the_judge_painterly_against_numpy():
    content, style, picture = (NumpyVGG("edge").forward(input_of(image(seed)[0].numpy())) for seed in (1, 2, 0))
    vgg = VGG19(library.load("vgg19"), torch.device("cpu"), "replicate-all")
    trio = score.Trio(*(vgg(image(seed), score.LAYERS) for seed in (1, 2, 0)))
    expected = 0.2 * ((picture["relu4_2"] - content["relu4_2"]) ** 2).mean() / (content["relu4_2"] ** 2).mean()
    for layer, weight in {"relu1_1": 1.55, "relu2_1": 1.55, "relu3_1": 1.5, "relu4_1": 0.4}.items():
        (m, s), (m_style, s_style) = gaussian(picture[layer]), gaussian(style[layer])
        expected += weight * distance(m, s, m_style, s_style) / (np.trace(s_style) + m_style @ m_style)
    assert score.painterly(trio)["total"] == pytest.approx(expected, rel=2e-3)
    assert score.painterly(trio)["definition"] == 2


def numpy_vgg_replicated(picture: torch.Tensor) -> dict[str, np.ndarray]:
    """The first convolution sees the border's pixels: a wider picture with its frame cut off after it."""
    vgg = NumpyVGG()
    wide = vgg.forward(np.pad(input_of(picture[0].numpy()), ((0, 0), (1, 1), (1, 1)), mode="edge"), "relu1_1")
    first = wide["relu1_1"][:, 1:-1, 1:-1].copy()
    vgg.layers = vgg.layers[1:]
    return {"relu1_1": first, **vgg.forward(first)}


def gaussian(features: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    rows = features.reshape(len(features), -1)
    return rows.mean(axis=1), np.cov(rows, bias=True)


def distance(mean, covariance, mean_style, covariance_style) -> float:
    values, vectors = np.linalg.eigh(covariance_style)
    root = vectors * np.sqrt(values.clip(0)) @ vectors.T
    cross = np.sqrt(np.linalg.eigvalsh(root @ covariance @ root).clip(0)).sum()
    return float(((mean - mean_style) ** 2).sum() + np.trace(covariance) + np.trace(covariance_style) - 2 * cross)


def test_painterly_recipe_is_what_its_judge_says_but_for_the_total_variation():
    replicating = VGG19(library.load("vgg19"), torch.device("cpu"), "replicate-all")
    parts = [region(replicating, image(2, 96, 96))]
    objective = Objective(replicating, RECIPES["painterly"], image(1, 96, 96), parts)
    trio = score.Trio(*(replicating(image(seed, 96, 96), score.LAYERS) for seed in (1, 2, 0)))
    found = objective.value(image(0, 96, 96)).as_numbers()
    assert found["content"] + found["style"] == pytest.approx(score.painterly(trio)["total"], rel=0.02)
    assert found["tv"] > 0


def test_the_classic_recipe_over_ten_steps_against_numpy(precise_vgg):
    content, style = image(1).double(), image(2).double()
    recipe = RECIPES["nst"]
    objective = Objective(precise_vgg, recipe, content, [region(precise_vgg, style)])
    kept, losses = optimize.Kept(recipe.keep, objective.value), []
    for seen in optimize.OPTIMIZERS[recipe.optimizer](recipe.learning_rate).steps(objective, content, 10):
        losses.append(seen.losses.as_numbers()["total"])
        kept.note(seen)
    script = ClassicScript(input_of(content[0].numpy()), input_of(style[0].numpy()))
    expected, expected_losses = script.paint(input_of(content[0].numpy()), 11)
    assert losses == pytest.approx([*expected_losses[:9], expected_losses[10]], rel=1e-6)  # the last two at once
    assert len(set(losses)) == 10
    assert input_of(kept.shown()[0].numpy()) == pytest.approx(expected, abs=1e-3)


def test_the_photo_term_and_normalized_gradients_are_there_for_experts(precise_vgg):
    content, picture, part = image(1).double(), image(0).double(), region(precise_vgg, image(2).double())
    plain, photo = (
        Objective(precise_vgg, chosen(Options(photo_weight=weight)), content, [part]).value(picture).as_numbers()
        for weight in (None, 7.0)
    )
    assert photo["content"] - plain["content"] == pytest.approx(7 * float(photo_loss(picture, content)))
    layer = {"relu2_1": StyleLayer(1.0, "gram")}
    gradients = []
    for normalize, weight in (("none", 1.0), ("gradient", 1.0), ("gradient", 10.0)):
        recipe = dataclasses.replace(
            chosen(Options(recipe="gatys", normalize=normalize)),
            style_layers=layer,
            content_weight=0,
            style_weight=weight,
        )
        objective = Objective(precise_vgg, recipe, content, [part])
        gradients.append(objective.unit * objective.value_and_gradient(picture)[1])
    assert torch.allclose(gradients[2], 10 * gradients[1])
    assert torch.allclose(gradients[1] / gradients[1].norm(), gradients[0] / gradients[0].norm())
    assert float(gradients[1].norm()) != pytest.approx(float(gradients[0].norm()), rel=0.1)


@pytest.mark.parametrize("dtype", [torch.float64, torch.bfloat16])
def test_a_network_that_replicates_its_features_cannot_tell_the_border(dtype):
    flat = torch.full((1, 3, 64, 80), 0.4, dtype=torch.float64)
    seen = []
    for padding in ("replicate", "replicate-all"):
        vgg = VGG19(library.load("vgg19"), torch.device("cpu"), padding, dtype=dtype)
        deepest = vgg(flat, ("relu4_1",))["relu4_1"]
        seen.append(float((deepest - deepest[:, 4:5, 5:6]).norm() / deepest.norm()))
    assert seen[0] > 0.1
    assert seen[1] < 0.01


@pytest.mark.parametrize("pooling", ["average", "l2"])
def test_other_poolings(pooling):
    network = library.load("vgg19")
    vgg = VGG19(network, torch.device("cpu"), pooling=pooling)
    features = vgg(image(0), ("relu1_2", "relu2_1"))
    blocks = features["relu1_2"].numpy().reshape(64, 16, 2, 20, 2).astype(np.float64)
    pooled = blocks.mean(axis=(2, 4)) if pooling == "average" else np.sqrt((blocks**2).mean(axis=(2, 4)))
    kernel, bias = network.weights["conv2_1"]
    expected = np.maximum(convolution(pooled, kernel.astype(np.float64)) + bias[:, None, None], 0)
    assert features["relu2_1"].numpy() == pytest.approx(expected, rel=1e-3, abs=1e-3 * expected.max())
