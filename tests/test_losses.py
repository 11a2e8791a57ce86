"""The papers' formulas, against float64 numpy that shares no code with them."""

from __future__ import annotations

import numpy as np
import pytest
import scipy.linalg
import torch
from torch import Tensor

from nst_engine import losses


def features(channels: int, height: int, width: int, seed: int = 0) -> Tensor:
    generator = torch.Generator().manual_seed(seed)
    return torch.rand(channels, height, width, generator=generator, dtype=torch.float64)


def as_rows(tensor: Tensor) -> np.ndarray:
    return tensor.numpy().reshape(tensor.shape[0], -1).T


def test_gram_matrix_by_hand():
    two_by_two = torch.tensor([[[1.0, 2.0]], [[3.0, 4.0]]])
    assert losses.gram_matrix(two_by_two).tolist() == [[2.5, 5.5], [5.5, 12.5]]


def test_weights_choose_the_positions_that_count():
    f = features(4, 3, 5)
    weights = torch.zeros(3, 5, dtype=torch.float64)
    weights[:, :2] = 1
    assert torch.allclose(losses.gram_matrix(f, weights), losses.gram_matrix(f[:, :, :2]))
    ours, theirs = losses.moments(f, weights), losses.moments(f[:, :, :2])
    assert torch.allclose(ours.mean, theirs.mean)
    assert torch.allclose(ours.covariance, theirs.covariance)


def test_moments_are_mean_and_covariance():
    f = features(4, 6, 5)
    statistic = losses.moments(f)
    assert np.allclose(statistic.mean.numpy(), as_rows(f).mean(0))
    assert np.allclose(statistic.covariance.numpy(), np.cov(as_rows(f).T, bias=True))


@pytest.mark.parametrize("positions", [(2, 2), (8, 8)], ids=["fewer positions than channels", "more"])
def test_wasserstein_distance_of_gaussians(positions):
    f, g = features(6, *positions), features(6, 9, 9, seed=1)
    target = losses.moments(g)
    ours = losses.wasserstein_loss(f, losses.gaussian_target(target.mean, target.covariance))
    first, second = np.cov(as_rows(f).T, bias=True), np.cov(as_rows(g).T, bias=True)
    root = scipy.linalg.sqrtm(second).real
    cross = scipy.linalg.sqrtm(root @ first @ root + 1e-15 * np.eye(6)).real
    means = ((as_rows(f).mean(0) - as_rows(g).mean(0)) ** 2).sum()
    assert float(ours) == pytest.approx(means + np.trace(first + second - 2 * cross), rel=5e-3)


@pytest.mark.parametrize("positions", [(2, 2), (4, 4)], ids=["fewer positions than channels", "more"])
def test_wasserstein_gradient_against_finite_differences(positions):
    target = losses.moments(features(6, 9, 9, seed=1))
    gaussian = losses.gaussian_target(target.mean, target.covariance)
    f = features(6, *positions).requires_grad_()
    assert torch.autograd.gradcheck(lambda x: losses.wasserstein_loss(x, gaussian), f, atol=1e-4)


def test_content_loss_is_the_mean_squared_difference():
    f, g = features(3, 4, 5), features(3, 4, 5, seed=1)
    assert float(losses.content_loss(f, g)) == pytest.approx(((f.numpy() - g.numpy()) ** 2).mean())


@pytest.mark.parametrize("exponent", [1, 2])
def test_total_variation(exponent):
    image = features(3, 7, 6)[None]
    across, down = np.diff(image.numpy(), axis=3), np.diff(image.numpy(), axis=2)
    expected = (abs(across) ** exponent).mean() + (abs(down) ** exponent).mean()
    assert float(losses.total_variation(image, exponent)) == pytest.approx(expected)


def test_photo_loss_is_the_residue_of_local_affine_fits():
    content, image = features(3, 6, 7)[None], features(3, 6, 7, seed=1)[None]
    residues = []
    for y in range(4):
        for x in range(5):
            guide, target = (p[0, :, y : y + 3, x : x + 3].reshape(3, 9).T.numpy() for p in (content, image))
            guide, target = guide - guide.mean(0), target - target.mean(0)
            ridge = np.concatenate([guide, np.sqrt(9 * losses.PHOTO_REGULARIZER) * np.eye(3)])
            mixture = np.linalg.lstsq(ridge, np.concatenate([target, np.zeros((3, 3))]), rcond=None)[0]
            residues.append(((target - guide @ mixture) ** 2).mean())
    assert float(losses.photo_loss(image, content)) == pytest.approx(np.mean(residues), rel=1e-6)
    recolored = torch.einsum("oc,nchw->nohw", features(3, 3, 1)[..., 0], content) + 0.1
    assert float(losses.photo_loss(recolored, content)) < 1e-3 * float(losses.photo_loss(image, content))


def test_a_normalized_gradient_has_the_norm_it_is_given():
    f = features(2, 3, 4).requires_grad_()
    (1e6 * losses.with_normalized_gradient(f, 3.0).square().mean()).backward()
    assert float(f.grad.abs().sum()) == pytest.approx(3)
    plain = features(2, 3, 4).requires_grad_()
    plain.square().mean().backward()
    assert torch.allclose(f.grad / f.grad.norm(), plain.grad / plain.grad.norm())


def test_inverse_root_by_products_is_that_by_decomposition():
    deviations = torch.randn(200, 24, generator=torch.Generator().manual_seed(0))
    matrix = deviations.T @ deviations
    assert torch.allclose(losses.inverse_root(matrix) @ losses.inverse_root(matrix) @ matrix, torch.eye(24), atol=1e-3)


def test_inverse_root_stays_finite_without_full_rank():
    few = torch.rand(3, 24, generator=torch.Generator().manual_seed(0))
    matrix = few.T @ few
    root = losses.inverse_root(matrix)
    values = torch.linalg.eigvalsh(matrix.double()).clamp(min=0)
    assert float((matrix * root).sum()) == pytest.approx(float(values.sqrt().sum()), rel=1e-2)
    assert float(torch.linalg.matrix_norm(root, 2)) < 1.6**losses.NEWTON_SCHULZ_STEPS
