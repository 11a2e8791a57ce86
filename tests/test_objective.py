"""The whole objective with the real network: against numpy, and its gradient against finite differences."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
import torch

from nst_engine import networks, score
from nst_engine.objective import Objective, Style
from nst_engine.options import Options
from nst_engine.recipes import RECIPES, chosen
from nst_engine.vgg import VGG19

LAYERS = ("relu1_1", "relu2_1", "relu3_1", "relu4_1", "relu4_2", "relu5_1")


def image(seed: int, height: int = 32, width: int = 40) -> torch.Tensor:
    return torch.rand(1, 3, height, width, generator=torch.Generator().manual_seed(seed))


def numpy_vgg(picture: torch.Tensor) -> dict[str, np.ndarray]:
    """Features by plain float64 numpy: RGB → BGR 0–255 minus the means, zero padding, ReLU, max pooling."""
    network = networks.load("vgg19")
    x = picture[0].numpy().astype(np.float64)[::-1] * 255 - np.array([103.939, 116.779, 123.68])[:, None, None]
    features = {}
    for name in networks.CONVOLUTIONS[: networks.CONVOLUTIONS.index("conv5_1") + 1]:
        kernel, bias = network.weights[name]
        kernel = kernel.astype(np.float64)
        if name == "conv1_1":
            kernel = kernel[:, ::-1]
        elif name.endswith("_1"):
            height, width = x.shape[1] // 2 * 2, x.shape[2] // 2 * 2
            x = x[:, :height, :width].reshape(len(x), height // 2, 2, width // 2, 2).max(axis=(2, 4))
        padded = np.pad(x, ((0, 0), (1, 1), (1, 1)))
        windows = np.lib.stride_tricks.sliding_window_view(padded, (3, 3), axis=(1, 2))
        x = np.einsum("ihwyx,oiyx->ohw", windows, kernel, optimize=True) + bias[:, None, None]
        x = np.maximum(x, 0)
        features[name.replace("conv", "relu")] = x
    return features


@pytest.fixture(scope="module")
def vgg() -> VGG19:
    return VGG19(networks.load("vgg19"), torch.device("cpu"))


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
    objective = Objective(vgg, RECIPES["gatys"], image(1), [Style(image(2, 48, 32), None, 1.0)])
    losses, _ = objective.value_and_gradient(image(0))
    assert float(losses.content) == pytest.approx(expected_content, rel=1e-3)
    assert float(losses.style) == pytest.approx(expected_style, rel=1e-3)
    layers = (*RECIPES["gatys"].content_layers, *RECIPES["gatys"].style_layers)
    verdict = score.gatys(*(vgg(pixels, layers) for pixels in (image(1), image(2, 48, 32), image(0))))
    assert verdict["content"] == pytest.approx(expected_content, rel=1e-3)
    assert verdict["total"] == pytest.approx(expected_content + expected_style, rel=1e-3)


@pytest.fixture(scope="module")
def precise_vgg() -> VGG19:
    vgg = VGG19(networks.load("vgg19"), torch.device("cpu"))
    vgg.kernels = {name: kernel.double() for name, kernel in vgg.kernels.items()}
    vgg.biases = {name: bias.double() for name, bias in vgg.biases.items()}
    return vgg


@pytest.mark.parametrize("statistic", ["gram", "moments"])
@pytest.mark.parametrize("shallow", [False, True])
def test_gradient_against_finite_differences(precise_vgg, statistic, shallow):
    recipe = dataclasses.replace(RECIPES["painterly"], statistic=statistic, tv_weight=1.0)
    objective = Objective(precise_vgg, recipe, image(1).double(), [Style(image(2).double(), None, 1.0)])
    picture = image(0).double()
    direction = torch.randn(picture.shape, generator=torch.Generator().manual_seed(5)).double()
    _, gradient = objective.value_and_gradient(picture, shallow)
    step = 1e-6
    ahead = float(objective.evaluate(picture + step * direction, shallow).total)
    behind = float(objective.evaluate(picture - step * direction, shallow).total)
    assert float((gradient * direction).sum()) == pytest.approx((ahead - behind) / (2 * step), rel=1e-3)


def test_transparent_style_pixels_take_no_part(vgg):
    recipe = dataclasses.replace(RECIPES["painterly"], style_layers={"relu1_1": 1.0, "relu2_1": 1.0, "relu3_1": 1.0})
    half = image(2, 32, 64)
    half[..., 32:] = image(3, 32, 32)
    opacity = torch.ones(32, 64)
    opacity[:, 32:] = 0
    changed = half.clone()
    changed[..., 56:] = 0
    first, second = (
        Objective(vgg, recipe, image(1), [Style(picture, opacity, 1.0)]).value_and_gradient(image(0))[0].style
        for picture in (half, changed)
    )
    assert float(first) == pytest.approx(float(second), rel=1e-3)
    opaque = Objective(vgg, recipe, image(1), [Style(changed, None, 1.0)]).value_and_gradient(image(0))[0].style
    assert abs(float(opaque) - float(first)) > 0.05 * float(first)


def test_a_black_style_divides_nothing_by_zero(vgg):
    objective = Objective(vgg, RECIPES["painterly"], image(1), [Style(torch.zeros(1, 3, 32, 32), None, 1.0)])
    losses, gradient = objective.value_and_gradient(image(0))
    assert torch.isfinite(losses.total)
    assert torch.isfinite(gradient).all()


def test_strength_moves_the_content_weight_and_nothing_else():
    weak, strong = chosen(Options(strength=0.0)), chosen(Options(strength=100.0))
    assert weak.content_weight == pytest.approx(100 * strong.content_weight)
    assert dataclasses.replace(weak, content_weight=strong.content_weight) == strong
