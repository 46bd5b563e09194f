"""Article 004, "A shot at Neural Style Transfer": the content mixed with noise, Adam at 2."""

import torch
from articles.logged import Losses
from articles.vgg import bytes_less_mean, features, normalise_bytes
from torch import Tensor, nn

CONTENT_LAYER = "relu4_2"
STYLE_LAYERS = (
    ("relu1_1", 0.2),
    ("relu2_1", 0.2),
    ("relu3_1", 0.2),
    ("relu4_1", 0.2),
    ("relu5_1", 0.2),
)
ALPHA = 10
BETA = 40
NOISE_SHARE = 0.6
LEARNING_RATE = 2.0


def compute_content_cost(a_c: Tensor, a_g: Tensor) -> Tensor:
    _, channels, height, width = a_g.shape
    return ((a_c - a_g) ** 2).sum() / (4 * height * width * channels)


def gram_matrix(a: Tensor) -> Tensor:
    return torch.matmul(a, a.t())


def compute_layer_style_cost(a_s: Tensor, a_g: Tensor) -> Tensor:
    channels, height, width = a_g.shape[1:]
    gram_s = gram_matrix(a_s.reshape(channels, -1))
    gram_g = gram_matrix(a_g.reshape(channels, height * width))
    # of another size, the painting's sums stand as they are, over the picture's positions
    return ((gram_s - gram_g) ** 2).sum() / (4 * channels**2 * (width * height) ** 2)


def losses(
    network: nn.Sequential, content: Tensor, style: Tensor, *, noise: Tensor, steps: int
) -> list[Losses]:
    """Run the article's loop.

    Args:
        network: average pooling.
        content: (1, 3, H, W) in [0, 1].
        style: the same; the article's has the picture's size.
        noise: (1, 3, H, W) in -20..20.
    """
    with torch.no_grad():
        content_input = normalise_bytes(bytes_less_mean(content))
        a_c = features(network, content_input, [CONTENT_LAYER])[CONTENT_LAYER]
        style_names = [name for name, _ in STYLE_LAYERS]
        a_s = features(network, normalise_bytes(bytes_less_mean(style)), style_names)
    generated = NOISE_SHARE * noise + (1 - NOISE_SHARE) * bytes_less_mean(content)
    generated.requires_grad_(True)
    optimizer = torch.optim.Adam([generated], lr=LEARNING_RATE)
    log = []
    for _ in range(steps):
        a_g = features(network, normalise_bytes(generated), [CONTENT_LAYER, *style_names])
        j_content = compute_content_cost(a_c, a_g[CONTENT_LAYER])
        j_style = torch.zeros(())
        for name, coefficient in STYLE_LAYERS:
            j_style = j_style + coefficient * compute_layer_style_cost(a_s[name], a_g[name])
        j = ALPHA * j_content + BETA * j_style
        optimizer.zero_grad()
        j.backward()
        optimizer.step()
        log.append(Losses(j.item(), ALPHA * j_content.item(), BETA * j_style.item(), 0.0))
    return log
