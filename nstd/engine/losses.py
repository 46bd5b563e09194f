"""Statistics of feature maps and the loss terms made of them: plain functions, nothing kept.

A style loss is made in two steps: `relative_gram(target)` prepares what depends on the style alone
and returns the function of the picture's statistics, which is what runs in every step.
"""

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

NEWTON_SCHULZ_STEPS = 12
COVARIANCE_RIDGE = 1e-4


@dataclass(frozen=True)
class LayerStats:
    """What one layer of one picture is, place forgotten: all that any style loss needs.

    Means and second *raw* moments are linear in the pixels, so they may be averaged over pictures
    and blended; covariances may not.
    """

    mean: Tensor  # (C,) fp32
    second_moment: Tensor  # (C, C) fp32, F·Fᵀ / positions
    positions: int  # H·W of the feature map

    @property
    def covariance(self) -> Tensor:
        return self.second_moment - torch.outer(self.mean, self.mean)  # (C, C)


StyleLoss = Callable[[LayerStats], Tensor]
ContentLoss = Callable[[Tensor], Tensor]


def gram_matrix(features: Tensor) -> Tensor:
    """Return F·Fᵀ, the inner products of the filters' responses (Gatys et al. 2015, eq. 3).

    Args:
        features: (1, C, H, W).

    Returns:
        (C, C), not normalised.
    """
    flat = features.flatten(2).squeeze(0)  # (C, H*W)
    return flat @ flat.T  # (C, C)


def layer_statistics(features: Tensor) -> LayerStats:
    """Reduce a feature map (1, C, H, W) to its mean and second moment, in fp32."""
    features = features.float()
    positions = features.shape[2] * features.shape[3]
    mean = features.mean(dim=(0, 2, 3))  # (C,)
    return LayerStats(mean, gram_matrix(features) / positions, positions)


def relative_gram(target: LayerStats) -> StyleLoss:
    """Σ(M − M*)² / Σ(M*)²: the Gram loss without units, 1 for a picture with no features at all."""
    scale = target.second_moment.square().sum()

    def loss(stats: LayerStats) -> Tensor:
        return (stats.second_moment - target.second_moment).square().sum() / scale

    return loss


def relative_wasserstein(target: LayerStats) -> StyleLoss:
    """Squared Wasserstein-2 distance of the two Gaussians, divided by tr(M*).

    (‖μ − μ*‖² + tr(Σ + Σ* − 2 (Σ*^½ Σ Σ*^½)^½)) / tr(M*); Olkin & Pukelsheim 1982.
    """
    ridge = COVARIANCE_RIDGE * target.covariance.diagonal().mean()
    covariance = _ridged(target.covariance, ridge)
    root = matrix_square_root(covariance)  # (C, C)
    scale = target.second_moment.trace()

    def loss(stats: LayerStats) -> Tensor:
        own = _ridged(stats.covariance, ridge)
        cross = matrix_square_root(root @ own @ root)  # (C, C)
        bures = own.trace() + covariance.trace() - 2 * cross.trace()
        return ((stats.mean - target.mean).square().sum() + bures) / scale

    return loss


def matrix_square_root(matrix: Tensor) -> Tensor:
    """Return the square root of a positive definite matrix (Newton–Schulz; Higham 2008, eq. 6.35).

    Args:
        matrix: (C, C), symmetric positive definite, fp32.
    """
    norm: Tensor = matrix.norm()
    identity = torch.eye(matrix.shape[0], dtype=matrix.dtype, device=matrix.device)
    y, z = matrix / norm, identity
    for _ in range(NEWTON_SCHULZ_STEPS):
        t = (3 * identity - z @ y) / 2
        y, z = y @ t, t @ z
    return y * norm.sqrt()


def mean_square(target: Tensor) -> ContentLoss:
    """Mean over all features of (F − F*)² (Gatys et al. 2015, eq. 1, as a mean)."""

    def loss(features: Tensor) -> Tensor:
        return (features.float() - target.float()).square().mean()

    return loss


def total_variation(picture: Tensor) -> Tensor:
    """Mean squared difference of neighbours, across and down (Mahendran & Vedaldi 2015, β = 2).

    Args:
        picture: (1, 3, H, W) in [0, 1].
    """
    across = (picture[..., :, 1:] - picture[..., :, :-1]).square().mean()
    down = (picture[..., 1:, :] - picture[..., :-1, :]).square().mean()
    return across + down


def _ridged(covariance: Tensor, ridge: Tensor) -> Tensor:
    return covariance + ridge * torch.eye(
        covariance.shape[0], dtype=covariance.dtype, device=covariance.device
    )


STYLE_LOSSES: dict[str, Callable[[LayerStats], StyleLoss]] = {
    "relative_gram": relative_gram,
    "relative_wasserstein": relative_wasserstein,
}
CONTENT_LOSSES: dict[str, Callable[[Tensor], ContentLoss]] = {"mean_square": mean_square}
