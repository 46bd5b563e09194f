"""The Wasserstein-2 distance of two layers' statistics, taken as Gaussians."""

from collections.abc import Callable

import torch
from torch import Tensor

from nstd.engine.statistics import Context, LayerStats

NEWTON_SCHULZ_STEPS = 12


def make_distance(target: LayerStats, *, ridge: Tensor) -> Callable[[LayerStats], Tensor]:
    """Return the function of a picture's statistics that is its squared distance to `target`.

    ‖μ − μ*‖² + tr(Σ + Σ* − 2 (Σ*^½ Σ Σ*^½)^½); Olkin & Pukelsheim 1982.

    Args:
        ridge: (), added to the diagonals of both covariances, without which they have no root.
    """
    covariance = _ridged(target.covariance, ridge)
    root, _ = matrix_roots(covariance)  # (C, C)

    def distance(stats: LayerStats) -> Tensor:
        own = _ridged(stats.covariance, ridge)
        cross: Tensor = _TraceOfCrossRoot.apply(own, root)
        bures = own.trace() + covariance.trace() - 2 * cross
        return (stats.mean - target.mean).square().sum() + bures

    return distance


def matrix_roots(matrix: Tensor) -> tuple[Tensor, Tensor]:
    """Return A^½ and A^−½ of a positive definite matrix (Newton–Schulz; Higham 2008, eq. 6.35).

    Args:
        matrix: (C, C), symmetric positive definite, fp32.
    """
    norm: Tensor = matrix.norm()
    identity = torch.eye(matrix.shape[0], dtype=matrix.dtype, device=matrix.device)
    y, z = matrix / norm, identity
    for _ in range(NEWTON_SCHULZ_STEPS):
        t = (3 * identity - z @ y) / 2
        y, z = y @ t, t @ z
    return y * norm.sqrt(), z / norm.sqrt()


class _TraceOfCrossRoot(torch.autograd.Function):
    """tr((R Σ R)^½), whose derivative is ½ R (R Σ R)^−½ R: the iteration has both roots.

    autograd through the iteration would cost twice as much again and keep all its matrices.
    """

    @staticmethod
    def forward(ctx: Context, covariance: Tensor, root: Tensor) -> Tensor:
        cross, inverse = matrix_roots(root @ covariance @ root)
        ctx.save_for_backward(root, inverse)
        return cross.trace()

    @staticmethod
    def backward(ctx: Context, *gradients: Tensor) -> tuple[Tensor, None]:
        root, inverse = ctx.saved_tensors
        (gradient,) = gradients
        return gradient / 2 * (root @ inverse @ root), None


def _ridged(covariance: Tensor, ridge: Tensor) -> Tensor:
    return covariance + ridge * torch.eye(
        covariance.shape[0], dtype=covariance.dtype, device=covariance.device
    )
