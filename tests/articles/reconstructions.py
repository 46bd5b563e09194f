"""Article 001's reconstructions: of content from one layer, of style from several, from noise."""

import torch
from articles.logged import Losses
from articles.vgg import normalise
from articles.vgg16_step_decay import (
    DECAY,
    DECAY_STEPS,
    LEARNING_RATE,
    VGG16,
    get_content_loss,
    get_style_loss,
    gram_matrices,
)
from torch import Tensor, nn


def content_only(
    network: nn.Sequential,
    content: Tensor,
    noise: Tensor,
    *,
    layer: str,
    steps: int,
    decay_steps: int = DECAY_STEPS,
) -> list[Losses]:
    """Reconstruct a content picture from one layer.

    Args:
        network: average pooling.
        content: (1, 3, H, W) in [0, 1].
        noise: the variable at the start, in normalised pixels.
    """
    model = VGG16(network, content_layer=layer, style_layers=())
    with torch.no_grad():
        target, _ = model(normalise(content))
    image = noise.clone().requires_grad_(True)
    optimizer = torch.optim.Adam([image], lr=LEARNING_RATE)
    lr_scheduler = torch.optim.lr_scheduler.StepLR(optimizer, step_size=decay_steps, gamma=DECAY)
    log = []
    for _ in range(steps):
        content_features, _ = model(image)
        loss = get_content_loss(content_features, target)
        loss.backward()
        optimizer.step()
        optimizer.zero_grad()
        lr_scheduler.step()
        log.append(Losses(total=loss.item(), content=loss.item(), style=0.0, tv=0.0))
    return log


def style_only(
    network: nn.Sequential,
    style: Tensor,
    noise: Tensor,
    *,
    layers: tuple[str, ...],
    steps: int,
    weight: float = 1.0,
    decay_steps: int = DECAY_STEPS,
) -> list[Losses]:
    """Reconstruct a style from the layers named, in the network's order.

    Args:
        network: average pooling.
        style: (1, 3, H, W) in [0, 1].
        noise: the variable at the start, in normalised pixels.
    """
    model = VGG16(network, content_layer=None, style_layers=layers)
    with torch.no_grad():
        _, target_features = model(normalise(style))
        target_grams = gram_matrices(target_features)
    image = noise.clone().requires_grad_(True)
    optimizer = torch.optim.Adam([image], lr=LEARNING_RATE)
    lr_scheduler = torch.optim.lr_scheduler.StepLR(optimizer, step_size=decay_steps, gamma=DECAY)
    log = []
    for _ in range(steps):
        _, style_features = model(image)
        loss = weight * get_style_loss(style_features, target_grams)
        loss.backward()
        optimizer.step()
        optimizer.zero_grad()
        lr_scheduler.step()
        log.append(Losses(total=loss.item(), content=0.0, style=loss.item(), tv=0.0))
    return log
