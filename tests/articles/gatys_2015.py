"""Gatys, Ecker and Bethge, "A Neural Algorithm of Artistic Style" (arXiv:1508.06576)."""

import torch
from articles.logged import Losses
from articles.memory import minimise
from articles.vgg import bytes_less_mean, features, normalise_bytes
from torch import Tensor, nn

CONTENT_LAYER = "conv4_2"
STYLE_LAYERS = ("conv1_1", "conv2_1", "conv3_1", "conv4_1", "conv5_1")
ALPHA = 1e-3
BETA = 1.0
FIRST_STEP = 1.0  # of 255


def gram_matrix(feature_map: Tensor) -> Tensor:
    flat = feature_map[0].flatten(1)  # (N, M)
    return flat @ flat.T


def content_loss(own: Tensor, target: Tensor) -> Tensor:
    """Equation 1."""
    return ((own - target) ** 2).sum() / 2


def style_loss(own: Tensor, target_gram: Tensor) -> Tensor:
    """Equation 4: the contribution of one layer."""
    filters, positions = own.shape[1], own.shape[2] * own.shape[3]
    return ((gram_matrix(own) - target_gram) ** 2).sum() / (4 * filters**2 * positions**2)


def losses(
    network: nn.Sequential,
    content: Tensor,
    style: Tensor,
    *,
    steps: int,
    start: Tensor | None = None,
    first_step: float = FIRST_STEP,
) -> list[Losses]:
    """Minimise equation 7.

    Args:
        network: normalised weights, average pooling, ReLUs not in place.
        content: (1, 3, H, W) in [0, 1].
        style: the same; of another size its sums stand as they are, over the picture's M.
        start: the variable at the start, in bytes less the mean; None: the content's.
    """
    with torch.no_grad():
        content_input = normalise_bytes(bytes_less_mean(content))
        target = features(network, content_input, [CONTENT_LAYER])[CONTENT_LAYER]
        painted = features(network, normalise_bytes(bytes_less_mean(style)), STYLE_LAYERS)
        grams = {name: gram_matrix(painted[name]) for name in STYLE_LAYERS}
    variable = (bytes_less_mean(content) if start is None else start).clone().requires_grad_(True)
    log: list[Losses] = []

    def closure() -> Tensor:
        variable.grad = None
        found = features(network, normalise_bytes(variable), [CONTENT_LAYER, *STYLE_LAYERS])
        of_content = ALPHA * content_loss(found[CONTENT_LAYER], target)
        of_style = torch.zeros(())
        for name in STYLE_LAYERS:
            of_style = of_style + 1 / 5 * style_loss(found[name], grams[name])
        of_style = BETA * of_style
        loss = of_content + of_style
        loss.backward()
        log.append(Losses(loss.item(), of_content.item(), of_style.item(), 0.0))
        return loss

    minimise(variable, closure, steps=steps, first_step=first_step)
    return log[1:]  # the first evaluation only measures the gradient
