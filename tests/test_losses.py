"""The papers' formulas, against float64 numpy that shares no code with them."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import Tensor

from nst_engine import losses


def features(channels: int, height: int, width: int, seed: int = 0) -> Tensor:
    generator = torch.Generator().manual_seed(seed)
    return torch.rand(channels, height, width, generator=generator, dtype=torch.float64)


def as_rows(tensor: Tensor) -> np.ndarray:
    return tensor.numpy().reshape(tensor.shape[0], -1).T


def test_content_loss_is_the_mean_squared_difference():
    f, g = features(3, 4, 5), features(3, 4, 5, seed=1)
    assert float(losses.content_loss(f, g)) == pytest.approx(((f.numpy() - g.numpy()) ** 2).mean())


@pytest.mark.parametrize("is_weighted", [False, True])
def test_the_content_loss_has_its_gradient_and_holds_no_map_of_its_own_for_it(is_weighted):
    f, g, weights = features(3, 4, 5).requires_grad_(), features(3, 4, 5, seed=1), features(1, 4, 5, seed=2)[0]
    held = []
    with torch.autograd.graph.saved_tensors_hooks(lambda tensor: held.append(tensor) or tensor, lambda tensor: tensor):
        loss = losses.content_loss(f, g, weights if is_weighted else None, share=0.5)
    (gradient,) = torch.autograd.grad(loss, f)
    expected = 0.5 * 2 * (f - g) * (weights if is_weighted else 1) / f.numel()
    assert gradient.detach().numpy() == pytest.approx(expected.detach().numpy())
    assert {tensor.data_ptr() for tensor in held if tensor.dim()} <= {t.data_ptr() for t in (f, g, weights)}


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
