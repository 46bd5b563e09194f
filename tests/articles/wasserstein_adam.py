"""crowsonkb/style-transfer-pytorch in its last form: Wasserstein-2 styles, coarse to fine."""

from collections.abc import Mapping, Sequence
from typing import Any

import torch
from articles.logged import Losses
from articles.vgg import features, normalise
from torch import Tensor, nn
from torch.nn import functional as F

CONTENT_LAYER = "relu4_2"
CONTENT_WEIGHT = 0.015
STYLE_LAYERS = {
    "relu1_1": 256 / 341,
    "relu2_1": 64 / 341,
    "relu3_1": 16 / 341,
    "relu4_1": 4 / 341,
    "relu5_1": 1 / 341,
}
TV_WEIGHT = 2.0
RIDGE = 1e-4
ROOT_ITERATIONS = 12
AVERAGE_DECAY = 0.99
LEARNING_RATE = 0.02
BETAS = (0.9, 0.99)


def newton_schulz_root(matrix: Tensor) -> Tensor:
    """Return the square root of a positive matrix (C, C) by twelve Newton-Schulz iterations."""
    eye = torch.eye(len(matrix)).to(matrix)
    norm = matrix.square().sum().sqrt()
    y, z = matrix / norm, eye
    for _ in range(ROOT_ITERATIONS):
        turn = (3 * eye - z @ y) / 2
        y, z = y @ turn, turn @ z
    return y * norm.sqrt()


class LyapunovRoot(torch.autograd.Function):
    """The same root, whose gradient X solves S X + X S = G for root S and its gradient G.

    The sign of the block matrix (S G; 0 -S) is (I 2X; 0 -I): Newton-Schulz iterations of that
    sign give X (Roberts 1980; Lin and Maji 2017, section 3.2).
    """

    @staticmethod
    def forward(ctx: Any, matrix: Tensor) -> Tensor:
        root = newton_schulz_root(matrix)
        ctx.save_for_backward(root)
        return root

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> Tensor:
        (root,) = ctx.saved_tensors
        eye = torch.eye(len(root)).to(root)
        norm = root.square().sum().sqrt()
        corner, side = root / norm, gradient / norm
        for _ in range(ROOT_ITERATIONS):
            rest = 3 * eye - corner @ corner
            side = (side @ rest - corner @ (corner @ side - side @ corner)) / 2
            corner = corner @ rest / 2
        return side / 2


def matrix_root(matrix: Tensor, *, lyapunov: bool) -> Tensor:
    """Return the root with the Lyapunov gradient, or with autograd's through the iterations."""
    return LyapunovRoot.apply(matrix) if lyapunov else newton_schulz_root(matrix)


def mean_and_covariance(feature_map: Tensor) -> tuple[Tensor, Tensor]:
    """Return mean (C,) and covariance (C, C) plus the ridge, by way of the second moment."""
    flat = feature_map[0].flatten(1)  # (C, HW)
    mean = flat.mean(dim=1)
    moment = flat @ flat.T / flat.shape[1]
    return mean, moment - torch.outer(mean, mean) + RIDGE * torch.eye(len(mean)).to(moment)


class StyleLoss:
    """The Wasserstein-2 distance of one layer to a painting's."""

    def __init__(self, painted: Tensor, *, lyapunov: bool) -> None:
        self.lyapunov = lyapunov
        self.mean, self.covariance = mean_and_covariance(painted)
        self.root = newton_schulz_root(self.covariance)

    def __call__(self, feature_map: Tensor) -> Tensor:
        mean, covariance = mean_and_covariance(feature_map)
        cross = matrix_root(self.root @ covariance @ self.root, lyapunov=self.lyapunov)
        of_means = (mean - self.mean).square().mean()
        return of_means + (self.covariance + covariance - 2 * cross).diagonal().mean()


def total_variation(picture: Tensor) -> Tensor:
    """Return the nine-point variation: each pixel against its eight neighbours, edges repeated."""
    height, width = picture.shape[2:]
    padded = F.pad(picture, (1, 1, 1, 1), mode="replicate")
    across = padded[:, :, 1 : height + 1, 2:] - picture
    down = padded[:, :, 2:, 1 : width + 1] - picture
    falling = padded[:, :, 1:, 1:] - padded[:, :, :-1, :-1]
    rising = padded[:, :, 1:, :-1] - padded[:, :, :-1, 1:]
    straight = across.square().mean() / 3 + down.square().mean() / 3
    diagonal = falling.square().mean() / 12 + rising.square().mean() / 12
    return 2 * (straight + diagonal)


class Average:
    """A moving average without the bias of its start."""

    def __init__(self, picture: Tensor) -> None:
        self.value = torch.zeros_like(picture)
        self.missing = 1.0
        self.update(picture)

    def update(self, picture: Tensor) -> None:
        self.value = AVERAGE_DECAY * self.value + (1 - AVERAGE_DECAY) * picture
        self.missing *= AVERAGE_DECAY

    def get(self) -> Tensor:
        return self.value / (1 - self.missing)


def replicate_first_padding(network: nn.Sequential) -> nn.Sequential:
    """Return the network whose first convolution repeats the edge instead of padding by zeros."""
    first = network[0]
    assert isinstance(first, nn.Conv2d)
    conv = nn.Conv2d(3, first.out_channels, 3, padding=1, padding_mode="replicate")
    conv = conv.to(first.weight.dtype).requires_grad_(False)
    conv.load_state_dict(first.state_dict())
    return nn.Sequential(conv, *network[1:])


def warmed(old: torch.optim.Adam, new: torch.optim.Adam, size: tuple[int, int]) -> None:
    """Carry Adam's moments over to a level of another size (height, width), and its counter."""
    state = old.state_dict()
    for moments in state["state"].values():
        moments["exp_avg"] = F.interpolate(
            moments["exp_avg"], size, mode="bicubic", align_corners=False
        )
        moments["exp_avg_sq"] = F.interpolate(
            moments["exp_avg_sq"], size, mode="bilinear", align_corners=False
        ).relu()
    new.load_state_dict(state)


def losses(
    network: nn.Sequential,
    content: Tensor,
    *,
    styles: Sequence[Tensor],
    sizes: Sequence[tuple[int, int]],
    steps: Sequence[int],
    style_layers: Mapping[str, float] = STYLE_LAYERS,
    lyapunov: bool = True,
) -> list[Losses]:
    """Run every level, coarse to fine.

    Args:
        network: max pooling, zero padding (the first convolution's is replaced here).
        content: (1, 3, H, W) in [0, 1], resized for each level here.
        styles: the painting at each level's size.
        sizes: (width, height) of each level.
        steps: of each level.
        style_layers: the weight of each; fewer than the engine's own take less time.
        lyapunov: the engine's own gradient of the matrix root; False: autograd's.
    """
    network = replicate_first_padding(network)
    log: list[Losses] = []
    picture, optimizer = resized(content, sizes[0]), None
    for style, (width, height), level_steps in zip(styles, sizes, steps, strict=True):
        picture = F.interpolate(picture, (height, width), mode="bicubic", align_corners=False)
        picture = picture.clamp(0, 1)
        average = Average(picture)
        picture.requires_grad_(True)
        photograph = resized(content, (width, height))
        level = Level(network, photograph, style, style_layers=style_layers, lyapunov=lyapunov)
        fresh = torch.optim.Adam([picture], lr=LEARNING_RATE, betas=BETAS)
        if optimizer is not None:
            warmed(optimizer, fresh, (height, width))
        optimizer = fresh
        for _ in range(level_steps):
            content_loss, style_loss, tv_loss = level(picture)
            loss = content_loss + style_loss + tv_loss
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            with torch.no_grad():
                picture.clamp_(0, 1)
            average.update(picture.detach())
            log.append(Losses(loss.item(), content_loss.item(), style_loss.item(), tv_loss.item()))
        picture = average.get()
    return log


def resized(content: Tensor, size: tuple[int, int]) -> Tensor:
    """Resize a picture to (width, height) as Pillow's bicubic does, in floats."""
    width, height = size
    return F.interpolate(
        content, (height, width), mode="bicubic", align_corners=False, antialias=True
    ).clamp(0, 1)


class Level:
    """The loss at one size."""

    def __init__(
        self,
        network: nn.Sequential,
        content: Tensor,
        style: Tensor,
        *,
        style_layers: Mapping[str, float],
        lyapunov: bool,
    ) -> None:
        self.network, self.style_layers = network, style_layers
        with torch.no_grad():
            self.target = features(network, normalise(content), [CONTENT_LAYER])[CONTENT_LAYER]
            painted = features(network, normalise(style), style_layers)
            self.styles = {
                name: StyleLoss(painted[name], lyapunov=lyapunov) for name in style_layers
            }

    def __call__(self, picture: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        found = features(self.network, normalise(picture), [CONTENT_LAYER, *self.style_layers])
        content_loss = CONTENT_WEIGHT * F.mse_loss(found[CONTENT_LAYER], self.target)
        style_loss = torch.zeros(())
        for name, weight in self.style_layers.items():
            style_loss = style_loss + weight * self.styles[name](found[name])
        return content_loss, style_loss, TV_WEIGHT * total_variation(picture)
