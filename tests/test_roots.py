"""Square roots of symmetric matrices, by products and by decomposition."""

from __future__ import annotations

import pytest
import torch

from nst_engine.roots import NEWTON_SCHULZ_STEPS, inverse_root, trace_of_root


def test_the_gradient_of_the_root_s_trace_is_that_of_finite_differences():
    deviations = torch.randn(12, 8, generator=torch.Generator().manual_seed(1), dtype=torch.float64)
    matrix = (deviations.T @ deviations).requires_grad_()
    assert torch.autograd.gradcheck(lambda given: trace_of_root((given + given.T) / 2, 1e-2), matrix, atol=1e-5)


def test_inverse_root_by_products_is_that_by_decomposition():
    deviations = torch.randn(200, 24, generator=torch.Generator().manual_seed(0))
    matrix = deviations.T @ deviations
    assert torch.allclose(inverse_root(matrix) @ inverse_root(matrix) @ matrix, torch.eye(24), atol=1e-3)


def test_inverse_root_stays_finite_without_full_rank():
    few = torch.rand(3, 24, generator=torch.Generator().manual_seed(0))
    matrix = few.T @ few
    root = inverse_root(matrix)
    values = torch.linalg.eigvalsh(matrix.double()).clamp(min=0)
    assert float((matrix * root).sum()) == pytest.approx(float(values.sqrt().sum()), rel=1e-2)
    assert float(torch.linalg.matrix_norm(root, 2)) < 1.6**NEWTON_SCHULZ_STEPS
