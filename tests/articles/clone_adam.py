"""Article 000, "Neural Style Transfer from scratch": three passes a step, in-place ReLUs."""

import torch
from articles.logged import Losses
from articles.vgg import layer_indices, normalise
from torch import Tensor, nn, optim

ALPHA = 1
BETA = 1000
LEARNING_RATE = 0.001


class ModifiedVGG(nn.Module):
    """The article's network: it stores the convolutions' outputs, and the ReLUs overwrite them."""

    def __init__(self, network: nn.Sequential) -> None:
        super().__init__()
        index = layer_indices(network)
        self.layer_content_idx = [index["conv4_2"]]
        self.layer_style_idx = [index[f"conv{block}_1"] for block in range(1, 6)]
        self.model = network[: self.layer_style_idx[-1] + 1]

    def forward(self, x: Tensor) -> tuple[list[Tensor], list[Tensor]]:
        content_features = []
        style_features = []
        for layer_idx, layer in enumerate(self.model):
            x = layer(x)
            if layer_idx in self.layer_content_idx:
                content_features.append(x)
            if layer_idx in self.layer_style_idx:
                style_features.append(x)
        return content_features, style_features


def compute_gram_matrix(feature_map: Tensor) -> Tensor:
    _, num_channels, height, width = feature_map.shape
    feature_map_flat = feature_map.view(num_channels, height * width)
    return torch.matmul(feature_map_flat, feature_map_flat.t())


def mean_square_error(tensor_0: Tensor, tensor_1: Tensor) -> Tensor:
    return torch.mean((tensor_0 - tensor_1) ** 2)


def losses(network: nn.Sequential, content: Tensor, style: Tensor, *, steps: int) -> list[Losses]:
    """Run the article's loop.

    Args:
        network: max pooling, in-place ReLUs, weights not frozen.
        content: (1, 3, H, W) in [0, 1].
        style: the same, of any size.
    """
    modified_vgg = ModifiedVGG(network).eval()
    content_image, style_image = normalise(content), normalise(style)
    gen_image = content_image.clone().requires_grad_(True)
    optimizer = optim.Adam(params=[gen_image], lr=LEARNING_RATE)
    log = []
    for _ in range(steps):
        content_features = modified_vgg(content_image)[0]
        style_features = modified_vgg(style_image)[1]
        gen_features_content, gen_features_style = modified_vgg(gen_image)

        content_loss = torch.zeros(())
        style_loss = torch.zeros(())
        for of_content, of_gen in zip(content_features, gen_features_content, strict=True):
            content_loss = content_loss + mean_square_error(of_content, of_gen)
        for of_style, of_gen in zip(style_features, gen_features_style, strict=True):
            style_gram = compute_gram_matrix(of_style)
            gen_gram = compute_gram_matrix(of_gen)
            style_loss = style_loss + mean_square_error(style_gram, gen_gram)
        total_loss = ALPHA * content_loss + BETA * style_loss

        optimizer.zero_grad()
        total_loss.backward()
        optimizer.step()
        log.append(
            Losses(
                total=total_loss.item(),
                content=ALPHA * content_loss.item(),
                style=BETA * style_loss.item(),
                tv=0.0,
            )
        )
    return log
