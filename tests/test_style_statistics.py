"""What is measured of features and how it is compared, against float64 numpy that shares no code with it."""

from __future__ import annotations

import numpy as np
import pytest
import scipy.linalg
import torch
from torch import Tensor

from nst_engine.style_statistics import (
    Rows,
    Sums,
    gram_distance,
    measured,
    moments_distance,
    sums,
)


def features(channels: int, height: int, width: int, seed: int = 0) -> Tensor:
    generator = torch.Generator().manual_seed(seed)
    return torch.rand(channels, height, width, generator=generator, dtype=torch.float64)


def as_rows(tensor: Tensor) -> np.ndarray:
    return tensor.numpy().reshape(tensor.shape[0], -1).T


def test_gram_matrix_by_hand():
    two_by_two = torch.tensor([[[1.0, 2.0]], [[3.0, 4.0]]])
    assert sums(two_by_two).gram.tolist() == [[2.5, 5.5], [5.5, 12.5]]
    other = Sums(torch.zeros(2), torch.zeros(2, 2))
    assert float(gram_distance(other, 1.0, is_relative=False).of(sums(two_by_two))) == pytest.approx(223 / 4)


def test_weights_choose_the_positions_that_count():
    f = features(4, 3, 5)
    weights = torch.zeros(3, 5, dtype=torch.float64)
    weights[:, :2] = 1
    weighted, cut = sums(f, weights), sums(f[:, :, :2])
    assert torch.allclose(weighted.mean, cut.mean)
    assert torch.allclose(weighted.gram, cut.gram)


def test_mean_and_covariance():
    f = features(4, 6, 5)
    assert np.allclose(sums(f).mean.numpy(), as_rows(f).mean(0))
    assert np.allclose(sums(f).covariance.numpy(), np.cov(as_rows(f).T, bias=True))


@pytest.mark.parametrize(("channels", "kind"), [(4, Sums), (40, Rows)])
def test_what_the_parts_of_a_picture_have_adds_up_to_what_it_has(channels, kind):
    f, shares = features(channels, 5, 6), features(1, 5, 6, seed=3)[0]
    shares = shares / shares.sum()
    parts = [measured(f[:, rows], shares[rows], 30) for rows in (slice(0, 2), slice(2, 5))]
    assert {type(part) for part in parts} == {kind}
    joined = kind.joined(parts)
    assert torch.allclose(joined.mean, sums(f, shares).mean)
    assert torch.allclose(joined.gram, sums(f, shares).gram)


def test_blending_styles_is_in_proportion_to_their_weights():
    first, second = sums(features(4, 3, 5)), sums(features(4, 6, 5, seed=1))
    blend = Sums.weighted([(first, 0.25), (second, 0.75)])
    assert torch.allclose(blend.gram, 0.25 * first.gram + 0.75 * second.gram)


@pytest.mark.parametrize("positions", [(2, 2), (8, 8)], ids=["fewer positions than channels", "more"])
def test_wasserstein_distance_of_gaussians(positions):
    f, g = features(6, *positions), features(6, 9, 9, seed=1)
    ours = moments_distance(sums(g), 0.0, is_relative=False).of(whole(f)) * 6
    first, second = np.cov(as_rows(f).T, bias=True), np.cov(as_rows(g).T, bias=True)
    root = scipy.linalg.sqrtm(second).real
    cross = scipy.linalg.sqrtm(root @ first @ root + 1e-15 * np.eye(6)).real
    means = ((as_rows(f).mean(0) - as_rows(g).mean(0)) ** 2).sum()
    assert float(ours) == pytest.approx(means + np.trace(first + second - 2 * cross), rel=5e-3)


@pytest.mark.parametrize("positions", [(2, 2), (4, 4)], ids=["fewer positions than channels", "more"])
def test_wasserstein_gradient_against_finite_differences(positions):
    distance = moments_distance(sums(features(6, 9, 9, seed=1)), 0.0, is_relative=False)
    f = features(6, *positions).requires_grad_()
    assert torch.autograd.gradcheck(lambda x: distance.of(whole(x)), f, atol=1e-4)


def whole(f: Tensor) -> Sums | Rows:
    """What is measured of a whole picture's features."""
    return measured(f, 1 / f[0].numel(), f[0].numel())
