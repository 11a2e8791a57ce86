"""Fixed judges: what they say of any picture, so that results from anywhere can be compared.

A judge seldom changes, and then says so. Each looks at content, style and picture at one size (Lanczos, 8-bit values)
through the shipped VGG-19 in float32 with max pooling; formulas stand in the README.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import torch
import torch.nn.functional as F
from PIL import Image
from torch import Tensor

from nst_engine.errors import PictureError
from nst_engine.files.writing import to_bytes
from nst_engine.losses import content_loss
from nst_engine.network import library
from nst_engine.network.vgg import VGG19
from nst_engine.pixels import SMALLEST_SIDE, Floats, Size
from nst_engine.style_statistics import sums

NETWORK = "vgg19"

CONTENT_LAYER = "relu4_2"
STYLE_CHANNELS = {"relu1_1": 64, "relu2_1": 128, "relu3_1": 256, "relu4_1": 512, "relu5_1": 512}
LAYERS = (CONTENT_LAYER, *STYLE_CHANNELS)

W2_UNIT = 255 * 0.225
"""Features are divided by this, as if the input had been [0, 1] over a deviation of 0.225, which is what the judge
``w2`` expects of a network."""

W2_WEIGHTS = dict(zip(STYLE_CHANNELS, (weight / 341 for weight in (256, 64, 16, 4, 1)), strict=True))

PAINTERLY_WEIGHTS = {"relu1_1": 1.55, "relu2_1": 1.55, "relu3_1": 1.5, "relu4_1": 0.4}

PAINTERLY_DEFINITION = 2
"""Counts the meanings that ``painterly`` has had. In the first, content weighed 2 and each of five layers 1."""

Features = dict[str, Tensor]
Verdict = dict[str, float]


class Trio(NamedTuple):
    """Features by layer (C×h×w) of the three pictures that a verdict is about."""

    content: Features
    style: Features
    picture: Features


def score(content: Floats, style: Floats, picture: Floats, long_side: int) -> dict[str, Verdict]:
    """What each judge says of a picture; smaller is better.

    Pictures are H×W×4 float32. Content and picture are scaled so that the content's long side is ``long_side``
    (the picture to exactly the content's size), the style so that its own is, but it is never enlarged.
    ``high_frequency_energy`` is no judge: it measures each picture's fine detail, of which noise has too much and
    haze too little. Raises PictureError where a side would fall below 16 pixels.
    """
    size = Size(*content.shape[:2]).scaled_to(long_side)
    style_size = Size(*style.shape[:2])
    style_size = style_size.scaled_to(min(max(style_size), long_side))
    if min(*size, *style_size) < SMALLEST_SIDE:
        raise PictureError(f"At {long_side} px a side is below {SMALLEST_SIDE} pixels.", "Choose a larger --size.")
    looked_at = [_lanczos(content, size), _lanczos(style, style_size), _lanczos(picture, size)]
    network = library.load(NETWORK)
    with torch.no_grad():
        zeros, replicate, replicate_all = (
            _features(VGG19(network, torch.device("cpu"), padding), looked_at)
            for padding in ("zeros", "replicate", "replicate-all")
        )
    energies = [high_frequency_energy(image) for image in looked_at]
    return {
        "gatys": gatys(zeros),
        "w2": w2(replicate, looked_at[2]),
        "painterly": painterly(replicate_all),
        "high_frequency_energy": dict(zip(("content", "style", "picture"), energies, strict=True)),
    }


def gatys(features: Trio) -> Verdict:
    """The objective of the paper's released settings on features: MSE at relu4_2 + Σ 1e3/C² · MSE of FᵀF/n."""
    content, style, picture = features
    by_layer = {
        layer: 1e3 / channels**2 * float((sums(picture[layer]).gram - sums(style[layer]).gram).square().mean())
        for layer, channels in STYLE_CHANNELS.items()
    }
    return _verdict(_content_error(content, picture), by_layer)


def w2(features: Trio, pixels: Tensor) -> Verdict:
    """The objective of style-transfer-pytorch on features with a replicated border and the picture, 1×3×H×W.

    0.015 · MSE at relu4_2 + Σ w (|Δμ|² + tr(Σ* + Σ − 2 (Σ*^½ Σ Σ*^½)^½)) / C + 2 · its nine-point total variation, with
    covariances raised by 1e-4 on the diagonal and w = 256 : 64 : 16 : 4 : 1 over 341, shallowest layer first.
    """
    content, style, picture = features
    by_layer = {
        layer: weight
        * _gaussian_distance(picture[layer] / W2_UNIT, style[layer] / W2_UNIT, 1e-4)
        / STYLE_CHANNELS[layer]
        for layer, weight in W2_WEIGHTS.items()
    }
    verdict = _verdict(0.015 * _content_error(content, picture) / W2_UNIT**2, by_layer)
    tv = 2 * float(nine_point_variation(pixels))
    return {**verdict, "total": verdict["total"] + tv, "tv": tv}


def painterly(features: Trio) -> Verdict:
    """The objective of the recipe of that name on features with replicate padding in every layer.

    0.2 · MSE at relu4_2 over the content's mean square there + Σ v · Wasserstein distance over the trace of the style's
    second moments, each floored at a hundredth of the content's, with v = 1.55, 1.55, 1.5, 0.4 at relu1_1 … relu4_1.
    ``definition`` tells it from what went by the same name before.
    """
    content, style, picture = features
    by_layer = {}
    for layer, weight in PAINTERLY_WEIGHTS.items():
        floor = 1e-2 * float(content[layer].square().mean()) * STYLE_CHANNELS[layer]
        energy = max(float(sums(style[layer]).gram.trace()), floor) + 1e-8
        by_layer[layer] = weight * _gaussian_distance(picture[layer], style[layer], 0.0) / energy
    content_energy = float(content[CONTENT_LAYER].square().mean()) + 1e-8
    verdict = _verdict(0.2 * _content_error(content, picture) / content_energy, by_layer)
    return {**verdict, "definition": PAINTERLY_DEFINITION}


def nine_point_variation(image: Tensor) -> Tensor:
    """2 (mean dx²/3 + mean dy²/3 + mean of both diagonals' squares/12) of 1×3×H×W padded by its own border pixels."""
    padded = F.pad(image, (1, 1, 1, 1), mode="replicate")
    center = padded[..., 1:-1, 1:-1]
    right, below = padded[..., 1:-1, 2:] - center, padded[..., 2:, 1:-1] - center
    falling, rising = padded[..., 1:, 1:] - padded[..., :-1, :-1], padded[..., 1:, :-1] - padded[..., :-1, 1:]
    straight = (right.square().mean() + below.square().mean()) / 3
    return 2 * (straight + (falling.square().mean() + rising.square().mean()) / 12)


def high_frequency_energy(image: Tensor) -> float:
    """Mean square of what a 3×3 binomial filter takes away from 1×3×H×W in [0, 1], in 8-bit units (0…255)²."""
    kernel = torch.tensor([1.0, 2.0, 1.0], dtype=image.dtype, device=image.device)
    smooth = (torch.outer(kernel, kernel) / 16).expand(3, 1, 3, 3)
    padded = F.pad(image, (1, 1, 1, 1), mode="replicate")
    return float((255 * (image - F.conv2d(padded, smooth, groups=3))).square().mean())


def _features(vgg: VGG19, pictures: list[Tensor]) -> Trio:
    return Trio(*(vgg(picture, LAYERS) for picture in pictures))


def _verdict(content: float, by_layer: Verdict) -> Verdict:
    style = sum(by_layer.values())
    return {"total": content + style, "content": content, "style": style, **by_layer}


def _content_error(content: Features, picture: Features) -> float:
    return float(content_loss(picture[CONTENT_LAYER], content[CONTENT_LAYER]))


def _gaussian_distance(picture: Tensor, style: Tensor, raised: float) -> float:
    """Squared Wasserstein-2 distance of two feature maps' Gaussians, in float64, exact but for the diagonal raised."""
    (mean, covariance), (target, wanted) = (_gaussian(features, raised) for features in (picture, style))
    values, vectors = torch.linalg.eigh(wanted)
    root = (vectors * values.clamp(min=0).sqrt()) @ vectors.T
    cross = torch.linalg.eigvalsh(root @ covariance @ root).clamp(min=0).sqrt().sum()
    return float((mean - target).square().sum() + covariance.trace() + wanted.trace() - 2 * cross)


def _gaussian(features: Tensor, raised: float) -> tuple[Tensor, Tensor]:
    """Mean (C) and covariance (C×C) of C×h×w features, the diagonal raised by a constant."""
    found = sums(features.double())
    return found.mean, found.covariance + raised * torch.eye(
        len(found.mean), dtype=torch.float64, device=found.mean.device
    )


def _lanczos(pixels: Floats, size: Size) -> Tensor:
    """1×3×H×W in [0, 1] from H×W×4 at another size; alpha does not count."""
    image = Image.fromarray(to_bytes(pixels[..., :3]))
    resized = image.resize((size.width, size.height), Image.Resampling.LANCZOS)
    return torch.from_numpy(np.asarray(resized).astype(np.float32) / 255).permute(2, 0, 1)[None]
