"""Square roots of symmetric matrices, and the gradient of their traces.

- N. J. Higham: Functions of Matrices, 2008.
"""

from __future__ import annotations

import contextlib
from typing import Any

import torch
from torch import Tensor

NEWTON_SCHULZ_STEPS = 15
"""Where float32 is still stable."""


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
