"""Article 002, "Style Transfer using Pytorch": from a white picture, by L-BFGS."""

import torch
from articles.logged import Losses
from articles.memory import minimise
from articles.vgg import features, normalise
from torch import Tensor, nn
from torch.nn import functional as F

CONTENT_LAYER = "conv4_2"
STYLE_LAYERS = ("conv1_1", "conv2_1", "conv3_1", "conv4_1", "conv5_1")
CONTENT_WEIGHT = 1.0
STYLE_WEIGHT = 1e6
FIRST_STEP = 0.1  # of the normalised pixels


def gram_matrix(feature_map: Tensor) -> Tensor:
    batch, channels, height, width = feature_map.size()
    flat = feature_map.view(batch * channels, height * width)
    return torch.mm(flat, flat.t()).div(batch * channels * height * width)


def losses(
    network: nn.Sequential,
    content: Tensor,
    style: Tensor,
    *,
    steps: int,
    first_step: float = FIRST_STEP,
) -> list[Losses]:
    """Run the article's loop.

    Args:
        network: average pooling, ReLUs not in place: the layers are the convolutions' own.
        content: (1, 3, H, W) in [0, 1].
        style: the same, of any size.
    """
    with torch.no_grad():
        content_target = features(network, normalise(content), [CONTENT_LAYER])[CONTENT_LAYER]
        painted = features(network, normalise(style), STYLE_LAYERS)
        style_targets = {name: gram_matrix(painted[name]) for name in STYLE_LAYERS}
    variable = normalise(torch.ones_like(content)).requires_grad_(True)
    log: list[Losses] = []

    def closure() -> Tensor:
        variable.grad = None
        found = features(network, variable, [CONTENT_LAYER, *STYLE_LAYERS])
        content_loss = CONTENT_WEIGHT * F.mse_loss(found[CONTENT_LAYER], content_target)
        style_loss = torch.zeros(())
        for name in STYLE_LAYERS:
            style_loss = style_loss + F.mse_loss(gram_matrix(found[name]), style_targets[name])
        style_loss = STYLE_WEIGHT * style_loss
        loss = content_loss + style_loss
        loss.backward()
        log.append(Losses(loss.item(), content_loss.item(), style_loss.item(), 0.0))
        return loss

    minimise(variable, closure, steps=steps, first_step=first_step)
    return log[1:]  # the first evaluation only measures the gradient
