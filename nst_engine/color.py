"""Color: keeping the content's, or recoloring the style to it. All on sRGB-encoded RGB in [0, 1]."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from nst_engine.pixels import Floats, Size, bands

SRGB_TO_LMS = np.array(
    [
        [0.4122214708, 0.5363325363, 0.0514459929],
        [0.2119034982, 0.6806995451, 0.1073969566],
        [0.0883024619, 0.2817188376, 0.6299787005],
    ]
)
LMS_TO_OKLAB = np.array(
    [
        [0.2104542553, 0.7936177850, -0.0040720468],
        [1.9779984951, -2.4285922050, 0.4505937099],
        [0.0259040371, 0.7827717662, -0.8086757660],
    ]
)
"""The matrices of OKLab (B. Ottosson, A perceptual color space for image processing, 2020)."""


def match_colors(
    style: Floats,
    content: Floats,
    style_weights: Floats,
    content_weights: Floats,
    on_band: Callable[[], None] = lambda: None,
) -> Floats:
    """The style recolored to the content's mean and covariance, H×W×3, clipped to [0, 1].

    A = Σs^−½ (Σs^½ Σc Σs^½)^½ Σs^−½ is the Monge map between the two Gaussians: of all linear maps that match
    them, the one that moves colors least. Weights (H×W) say which pixels count. Safe on gray and one-color
    pictures: directions in which the style has no variance stay without. ``on_band`` is as of
    :func:`nst_engine.pixels.bands`.
    """
    style_mean, style_covariance = _color_moments(style, style_weights, on_band)
    content_mean, content_covariance = _color_moments(content, content_weights, on_band)
    values, vectors = np.linalg.eigh(style_covariance)
    kept = values > 1e-6
    root = (vectors * np.sqrt(np.where(kept, values, 0))) @ vectors.T
    inverse = (vectors * np.where(kept, 1 / np.sqrt(np.where(kept, values, 1)), 0)) @ vectors.T
    inner_values, inner_vectors = np.linalg.eigh(root @ content_covariance @ root)
    inner_root = (inner_vectors * np.sqrt(np.clip(inner_values, 0, None))) @ inner_vectors.T
    monge = inverse @ inner_root @ inverse
    recolored = np.empty(style.shape, np.float32)
    for band in bands(Size(*style.shape[:2]), on_band=on_band):
        recolored[band] = ((style[band].astype(np.float64) - style_mean) @ monge.T + content_mean).clip(0, 1)
    return recolored


def keep_colors(result: Floats, content: Floats) -> Floats:
    """The result's lightness with the content's hue and chroma in OKLab, H×W×3, clipped to [0, 1]."""
    lab = srgb_to_oklab(content)
    lab[..., 0] = srgb_to_oklab(result)[..., 0]
    return np.clip(oklab_to_srgb(lab), 0, 1).astype(np.float32)


def srgb_to_oklab(picture: Floats) -> NDArray[np.float64]:
    """sRGB-encoded RGB to OKLab, last axis 3."""
    encoded = picture.astype(np.float64)
    linear = np.where(encoded <= 0.04045, encoded / 12.92, (np.maximum(encoded, 0.04045) + 0.055) ** 2.4 / 1.055**2.4)
    return np.asarray(np.cbrt(linear @ SRGB_TO_LMS.T) @ LMS_TO_OKLAB.T)


def oklab_to_srgb(lab: NDArray[np.float64]) -> NDArray[np.float64]:
    """OKLab to sRGB-encoded RGB, last axis 3; colors outside sRGB leave [0, 1]."""
    linear = (lab @ np.linalg.inv(LMS_TO_OKLAB).T) ** 3 @ np.linalg.inv(SRGB_TO_LMS).T
    return np.where(linear <= 0.0031308, linear * 12.92, 1.055 * np.maximum(linear, 0.0031308) ** (1 / 2.4) - 0.055)


def _color_moments(
    picture: Floats, weights: Floats, on_band: Callable[[], None]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Weighted mean (3) and covariance (3×3) of the colors of an H×W×3 picture, which is gone through in bands."""
    total, mean, covariance = weights.sum(), np.zeros(3), np.zeros((3, 3))
    size = Size(*weights.shape)
    for band in bands(size, on_band=on_band):
        mean += (_rows(picture[band]) * (_rows(weights[band, :, None]) / total)).sum(0)
    for band in bands(size, on_band=on_band):
        deviations = (_rows(picture[band]) - mean) * np.sqrt(_rows(weights[band, :, None]) / total)
        covariance += deviations.T @ deviations
    return mean, covariance


def _rows(picture: Floats) -> NDArray[np.float64]:
    """The pixels of H×W×C, n×C."""
    return picture.reshape(-1, picture.shape[2]).astype(np.float64)
