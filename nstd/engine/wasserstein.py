"""The Wasserstein-2 distance of two layers' statistics, taken as Gaussians."""

from collections.abc import Callable

import torch
from torch import Tensor

from nstd.engine.context import Context
from nstd.engine.statistics import LayerStats

TraceOfRoot = Callable[[Tensor, Tensor], Tensor]

PLAIN_STEPS = 12
SCALED_STEPS = 12
SMALLEST_ROOT = 1e-3  # of the eigenvalues, as a share of the largest: smaller ones settle less
LARGEST_SCALING = 1.69  # beyond which rounding grows (Chen & Chow 2014)


def make_distance(
    target: LayerStats, *, ridge: Tensor, trace_of_root: TraceOfRoot
) -> Callable[[LayerStats], Tensor]:
    """Return the function of a picture's statistics that is its squared distance to `target`.

    ‖μ − μ*‖² + tr(Σ + Σ* − 2 (Σ*^½ Σ Σ*^½)^½); Olkin & Pukelsheim 1982.

    Args:
        ridge: (), added to the diagonals of both covariances, without which they have no root.
        trace_of_root: `settled_trace` or `plain_trace`.
    """
    covariance = _ridged(target.covariance, ridge)
    scales = SETTLED if trace_of_root is settled_trace else PLAIN
    root, _ = matrix_roots(covariance, scales)  # (C, C)

    def distance(stats: LayerStats) -> Tensor:
        own = _ridged(stats.covariance, ridge)
        bures = own.trace() + covariance.trace() - 2 * trace_of_root(own, root)
        return (stats.mean - target.mean).square().sum() + bures

    return distance


def settled_trace(covariance: Tensor, root: Tensor) -> Tensor:
    """Return tr((R Σ R)^½), iterated until it is exact, with its exact derivative."""
    trace: Tensor = _SettledTrace.apply(covariance, root)
    return trace


def plain_trace(covariance: Tensor, root: Tensor) -> Tensor:
    """Return tr((R Σ R)^½) after twelve plain iterations, and a derivative of twelve more.

    What the best known public engine computes. On covariances of little rank neither has settled:
    the distance is some 10 % too long.
    """
    cross: Tensor = _PlainRoot.apply(root @ covariance @ root)
    return cross.trace()


def matrix_roots(matrix: Tensor, scales: tuple[float, ...]) -> tuple[Tensor, Tensor]:
    """Return A^½ and A^−½ of a positive definite matrix (Newton–Schulz; Higham 2008, eq. 6.35).

    Args:
        matrix: (C, C), symmetric positive definite, fp32.
        scales: one factor a step, `SETTLED` or `PLAIN`.
    """
    norm: Tensor = matrix.norm()
    identity = torch.eye(matrix.shape[0], dtype=matrix.dtype, device=matrix.device)
    y, z = matrix / norm, identity
    for scale in scales:
        t = 1.5 * scale * identity - 0.5 * scale**3 * (z @ y)
        y, z = y @ t, t @ z
    return y * norm.sqrt(), z / norm.sqrt()


class _SettledTrace(torch.autograd.Function):
    """tr((R Σ R)^½), whose derivative is ½ R (R Σ R)^−½ R: the iteration has both roots.

    autograd through the iteration would cost twice as much again and keep all its matrices.
    """

    @staticmethod
    def forward(ctx: Context, covariance: Tensor, root: Tensor) -> Tensor:
        cross, inverse = matrix_roots(root @ covariance @ root, SETTLED)
        ctx.save_for_backward(root, inverse)
        return cross.trace()

    @staticmethod
    def backward(ctx: Context, *gradients: Tensor) -> tuple[Tensor, None]:
        root, inverse = ctx.saved_tensors
        return gradients[0] / 2 * (root @ inverse @ root), None


class _PlainRoot(torch.autograd.Function):
    """A^½, whose gradient X solves A^½ X + X A^½ = G (Lin & Maji 2017, §3.2)."""

    @staticmethod
    def forward(ctx: Context, matrix: Tensor) -> Tensor:
        root, _ = matrix_roots(matrix, PLAIN)
        ctx.save_for_backward(root)
        return root

    @staticmethod
    def backward(ctx: Context, *gradients: Tensor) -> Tensor:
        root: Tensor = ctx.saved_tensors[0]
        norm = root.norm()
        identity = torch.eye(root.shape[0], dtype=root.dtype, device=root.device)
        a, x = root / norm, gradients[0] / norm
        for _ in range(PLAIN_STEPS):
            rest = 3 * identity - a @ a
            x = (x @ rest - a @ (a @ x - x @ a)) / 2
            a = a @ rest / 2
        solution: Tensor = x / 2
        return solution


def _ridged(covariance: Tensor, ridge: Tensor) -> Tensor:
    return covariance + ridge * torch.eye(
        covariance.shape[0], dtype=covariance.dtype, device=covariance.device
    )


def stable_scales(steps: int, smallest: float) -> tuple[float, ...]:
    """Return the factors that bring all roots in [smallest, 1] to one soonest (Chen & Chow 2014).

    Plain iterations enlarge a small root by 1.5 at each step, these by up to 2.5.
    """
    scales = []
    for _ in range(steps):
        scale = min((3 / (1 + smallest + smallest**2)) ** 0.5, LARGEST_SCALING)
        scales.append(scale)
        smallest = min(0.5 * scale * smallest * (3 - (scale * smallest) ** 2), 1.0)
    return tuple(scales)


PLAIN = (1.0,) * PLAIN_STEPS
SETTLED = stable_scales(SCALED_STEPS, SMALLEST_ROOT)
