"""The losses of style transfer as the papers define them, free functions on feature maps.

F is a feature map of C channels at h×w positions, seen as a matrix of n = h·w rows. Weights on positions let a part
of a picture (what is opaque, what lies in a region) speak for its style: guided statistics, Gatys et al. 2017.

- L. A. Gatys, A. S. Ecker, M. Bethge: Image Style Transfer Using Convolutional Neural Networks, CVPR 2016.
- L. A. Gatys et al.: Controlling Perceptual Factors in Neural Style Transfer, CVPR 2017.
- D. C. Dowson, B. V. Landau: The Fréchet Distance between Multivariate Normal Distributions, 1982.
- A. Levin, D. Lischinski, Y. Weiss: A Closed-Form Solution to Natural Image Matting, PAMI 2008.
- F. Luan, S. Paris, E. Shechtman, K. Bala: Deep Photo Style Transfer, CVPR 2017.
"""

from __future__ import annotations

import contextlib
from typing import Any, NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor

ROOT_DAMPING = 1e-3
"""Roots of covariances are damped by this share of the target's mean variance: directions in which the style
hardly varies have no say, and at small sizes, with fewer positions than channels, the gradient stays finite."""

NEWTON_SCHULZ_STEPS = 15
"""Where float32 is still stable."""

PHOTO_WINDOW = 3
"""Side of the windows of the photo term, in pixels."""

PHOTO_REGULARIZER = 1e-4
"""Added to each window's covariance, in squared pixel units: flat windows have no colors to mix."""


def feature_matrix(features: Tensor) -> Tensor:
    """C×h×w features as an n×C matrix, n = h·w. No copy where the layout is channels-last."""
    return features.permute(1, 2, 0).reshape(-1, features.shape[0])


def content_loss(features: Tensor, target: Tensor, weights: Tensor | None = None) -> Tensor:
    """Mean squared difference of two C×h×w feature maps (CVPR 2016, eq. 1, which sums and halves instead).

    ``weights`` (h×w) say how much each position counts: a map on the content, as in Gatys et al. 2017.
    """
    difference = (features - target).square()
    return difference.mean() if weights is None else (difference * weights).mean()


def mean_and_gram(features: Tensor, weights: Tensor | None = None) -> tuple[Tensor, Tensor]:
    """μ = FᵀW1 / ΣW (C) and G = FᵀWF / ΣW, C×C (CVPR 2016, eq. 3, divided by the number of positions).

    ``features``: C×h×w; ``weights``: h×w, not negative, all ones where None. The gradient by the features is one
    product whatever both are used for: W/ΣW (F (∂G + ∂Gᵀ) + ∂μ).
    """
    mean, gram = _MeanAndGram.apply(features, weights)
    return mean, gram


def gram_matrix(features: Tensor, weights: Tensor | None = None) -> Tensor:
    """The Gram matrix of :func:`mean_and_gram`."""
    return mean_and_gram(features, weights)[1]


class _MeanAndGram(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, features: Tensor, weights: Tensor | None) -> tuple[Tensor, Tensor]:
        matrix, share = feature_matrix(features), _share(features, weights)
        ctx.save_for_backward(features, weights)
        if weights is None:
            return matrix.mean(dim=0), (matrix.T @ matrix).mul_(share)
        weighted = matrix * share
        return weighted.sum(dim=0), weighted.T @ matrix

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor, None]:
        features, weights = ctx.saved_tensors
        by_mean, by_gram = gradients
        share = _share(features, weights)
        if weights is None:
            by_features = (feature_matrix(features) @ ((by_gram + by_gram.T) * share)).add_(by_mean * share)
        else:
            by_features = (feature_matrix(features) @ (by_gram + by_gram.T)).add_(by_mean).mul_(share)
        return by_features.view(*features.shape[1:], -1).permute(2, 0, 1), None


def _share(features: Tensor, weights: Tensor | None) -> Tensor:
    """Each position's share in a mean over positions: n×1, or one number where all are alike."""
    if weights is None:
        return features.new_full((), 1 / features[0].numel())
    return (weights / weights.sum()).reshape(-1, 1)


class Moments(NamedTuple):
    """Mean (C) of a feature map over its positions and the n×C matrix X with covariance XᵀX."""

    mean: Tensor
    deviations: Tensor

    @property
    def covariance(self) -> Tensor:
        """Covariance, C×C."""
        return self.deviations.T @ self.deviations


def moments(features: Tensor, weights: Tensor | None = None) -> Moments:
    """Mean and deviations from it of C×h×w features, positions weighted by ``weights`` (h×w) where given."""
    matrix, share = feature_matrix(features), _share(features, weights)
    mean = (matrix * share).sum(dim=0)
    return Moments(mean, (matrix - mean) * share.sqrt())


class GaussianTarget(NamedTuple):
    """What the Wasserstein loss needs of a style: mean, covariance's trace and root, and the damping."""

    mean: Tensor
    trace: Tensor
    root: Tensor
    damping: float


def gaussian_target(mean: Tensor, covariance: Tensor) -> GaussianTarget:
    """The target for :func:`wasserstein_loss` from a mean (C) and a covariance (C×C)."""
    values, vectors = eigendecomposition(covariance)
    root = (vectors * values.clamp(min=0).sqrt()) @ vectors.T
    trace = covariance.trace()
    damping = (ROOT_DAMPING * float(trace) / covariance.shape[0]) ** 2 + 1e-20
    return GaussianTarget(mean, trace, root, damping)


def wasserstein_loss(features: Tensor, target: GaussianTarget, weights: Tensor | None = None) -> Tensor:
    """Squared Wasserstein-2 distance of the Gaussian of C×h×w features to a target, in squared features.

    |μ − μ*|² + tr Σ + tr Σ* − 2 tr (Σ*^½ Σ Σ*^½)^½ (Dowson & Landau 1982). With fewer positions than channels, the
    last trace is had from the smaller matrix X Σ* Xᵀ, where Σ = XᵀX.
    """
    if features[0].numel() < features.shape[0]:
        mean, deviations = moments(features, weights)
        projected = deviations @ target.root
        variance, product = deviations.square().sum(), projected @ projected.T
    else:
        mean, gram = mean_and_gram(features, weights)
        covariance = gram - torch.outer(mean, mean)
        variance, product = covariance.trace(), target.root @ covariance @ target.root
    distance: Tensor = (mean - target.mean).square().sum() + variance + target.trace
    return distance - 2 * trace_of_root(product, target.damping)


def trace_of_root(matrix: Tensor, damping: float) -> Tensor:
    """Σ λ / √(λ + d) over the eigenvalues of a symmetric M ≥ 0: tr M^½, but with a finite slope at λ = 0.

    The gradient is closed-form: V diag((λ/2 + d) (λ + d)^−3/2) Vᵀ, which is ½ M^−½ where λ ≫ d. On a GPU, where a
    decomposition is slow and makes the host wait, both come from :func:`inverse_root`, in which the smallest
    eigenvalues are damped by its limited number of steps instead.
    """
    root: Tensor = _TraceOfRoot.apply(matrix, damping)
    return root


class _TraceOfRoot(torch.autograd.Function):
    """One eigendecomposition, or one inverse root, serves value and gradient."""

    @staticmethod
    def forward(ctx: Any, matrix: Tensor, damping: float) -> Tensor:
        if matrix.device.type != "cpu":
            inverse = inverse_root(matrix)
            ctx.save_for_backward(inverse / 2)
            return (matrix * inverse).sum()
        values, vectors = eigendecomposition(matrix)
        values = values.clamp(min=0)
        damped = values + damping
        ctx.save_for_backward((vectors * ((values / 2 + damping) * damped**-1.5)) @ vectors.T)
        trace: Tensor = (values * damped.rsqrt()).sum()
        return trace

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor, None]:
        (slope,) = ctx.saved_tensors
        return gradients[0] * slope, None


def eigendecomposition(matrix: Tensor) -> tuple[Tensor, Tensor]:
    """Eigenvalues (C) and eigenvectors (C×C, in columns) of a symmetric matrix.

    Where the iteration does not converge float64 is tried; a matrix whose numbers are none has such eigenvalues.
    """
    for precise in (matrix, matrix.double()):
        with contextlib.suppress(torch.linalg.LinAlgError):  # type: ignore[attr-defined]
            values, vectors = torch.linalg.eigh(precise)
            return values.to(matrix), vectors.to(matrix)
    return torch.full_like(matrix[0], torch.nan), torch.full_like(matrix, torch.nan)


def inverse_root(matrix: Tensor) -> Tensor:
    """M^−½ of a symmetric M ≥ 0 by coupled Newton–Schulz steps (Higham 2008, eq. 6.35): products alone.

    After NEWTON_SCHULZ_STEPS k the eigenvalues below 2.25^−k of M's norm are still on their way: there the result is
    smaller than M^−½, at most 1.5^k / √norm.
    """
    norm = torch.linalg.matrix_norm(matrix) + 1e-30
    identity = torch.eye(len(matrix), dtype=matrix.dtype, device=matrix.device)
    y, z = matrix / norm, identity
    for _ in range(NEWTON_SCHULZ_STEPS):
        correction = 1.5 * identity - 0.5 * z @ y
        y, z = y @ correction, correction @ z
    root: Tensor = z * norm.rsqrt()
    return root


def total_variation(image: Tensor, exponent: int = 2) -> Tensor:
    """Mean over horizontal and over vertical neighbours of |difference|ᵉ, summed; ``image``: 1×3×H×W."""
    across = (image[..., 1:] - image[..., :-1]).abs()
    down = (image[..., 1:, :] - image[..., :-1, :]).abs()
    return across.pow(exponent).mean() + down.pow(exponent).mean()


def photo_loss(image: Tensor, content: Tensor) -> Tensor:
    """How far the image is, near every pixel, from an affine mixture of the content's colors; both 1×3×H×W.

    The mean over all 3×3 windows, pixels and channels of the squared residue of the best affine fit of the image by
    the content in that window: the quadratic form of the matting Laplacian (Levin et al. 2008), which Luan et al.
    (2017) take to keep stylized photographs photographs.
    """
    x, guide = _windows(image), _windows(content)
    x, guide = x - x.mean(-1, keepdim=True), guide - guide.mean(-1, keepdim=True)
    identity = torch.eye(3, dtype=x.dtype, device=x.device)
    covariance = guide @ guide.transpose(-1, -2) / guide.shape[-1] + PHOTO_REGULARIZER * identity
    mixture = torch.linalg.solve(covariance, guide @ x.transpose(-1, -2) / guide.shape[-1])
    residue: Tensor = x - mixture.transpose(-1, -2) @ guide
    return residue.square().mean()


def _windows(image: Tensor) -> Tensor:
    """All windows of a picture, 1×3×H×W → n×3×(pixels of a window)."""
    patches = F.unfold(image, PHOTO_WINDOW)[0]
    return patches.T.reshape(-1, 3, PHOTO_WINDOW**2)


def with_normalized_gradient(features: Tensor, norm: float) -> Tensor:
    """The same features; the gradient that comes back through them gets this L1 norm, whatever its own."""
    normalized: Tensor = _NormalizedGradient.apply(features, norm)
    return normalized


class _NormalizedGradient(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, features: Tensor, norm: float) -> Tensor:
        ctx.norm = norm
        return features.view_as(features)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor, None]:
        normalized: Tensor = gradients[0] * (ctx.norm / (gradients[0].abs().sum() + 1e-12))
        return normalized, None
