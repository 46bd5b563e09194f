"""Article 001, "Neural Style Transfer": VGG-16, average pooling, Adam with step decay."""

import torch
from articles.logged import Losses
from articles.vgg import layer_indices, normalise
from torch import Tensor, nn

CONTENT_LAYER = "relu4_3"
STYLE_LAYERS = ("relu1_2", "relu2_2", "relu3_3", "relu4_3")
CONTENT_WEIGHT = 1.0
STYLE_WEIGHT = 1e3
LEARNING_RATE = 1.0
DECAY_STEPS = 50
DECAY = 0.5


class VGG16(nn.Module):
    """The article's network, which names its layers by counting."""

    def __init__(
        self, network: nn.Sequential, *, content_layer: str | None, style_layers: tuple[str, ...]
    ) -> None:
        super().__init__()
        self.vgg16 = network
        self.content_layer = content_layer
        self.style_layers = style_layers
        self.layers = layer_indices(network)

    def forward(self, x: Tensor) -> tuple[Tensor | None, list[Tensor]]:
        content_feature_map = None
        style_feature_maps = []
        style_index = 0
        for name, index in self.layers.items():
            x = self.vgg16[index](x)
            if name == self.content_layer:
                content_feature_map = x
            if style_index < len(self.style_layers) and name == self.style_layers[style_index]:
                style_index += 1
                style_feature_maps.append(x)
        return content_feature_map, style_feature_maps


def get_content_loss(image_features: Tensor, target_features: Tensor) -> Tensor:
    mse_loss = nn.MSELoss()
    return mse_loss(image_features, target_features)


def construct_gram_matrix(feature_map: Tensor) -> Tensor:
    return feature_map @ feature_map.T


def gram_matrices(feature_maps: list[Tensor]) -> list[Tensor]:
    grams = []
    for feature_map in feature_maps:
        feature = feature_map.squeeze(0)
        grams.append(construct_gram_matrix(feature.view(feature.shape[0], -1)))
    return grams


def get_style_loss(image_features: list[Tensor], target_gram_matrices: list[Tensor]) -> Tensor:
    loss = torch.zeros(())
    for i, feature_map in enumerate(image_features):
        feature = feature_map.squeeze(0)
        noise_feature_map = feature.view(feature.shape[0], -1)
        noise_gram = construct_gram_matrix(noise_feature_map)
        # M is the number of positions, as the text has it; the code's shape[1] is the height
        filters, positions = noise_feature_map.shape
        layer_loss = torch.sum(torch.square(target_gram_matrices[i] - noise_gram)) / (
            4 * (filters**2) * (positions**2)
        )
        loss = loss + layer_loss / len(image_features)
    return loss


def losses(
    network: nn.Sequential,
    content: Tensor,
    style: Tensor,
    *,
    steps: int,
    decay_steps: int = DECAY_STEPS,
    style_weight: float = STYLE_WEIGHT,
) -> list[Losses]:
    """Run the article's loop.

    Args:
        network: average pooling.
        content: (1, 3, H, W) in [0, 1].
        style: the same; of another size its sums stand as they are, over the picture's M.
        decay_steps: after how many steps the rate halves.
    """
    model = VGG16(network, content_layer=CONTENT_LAYER, style_layers=STYLE_LAYERS)
    with torch.no_grad():
        target_content_features, _ = model(normalise(content))
        _, target_style_features = model(normalise(style))
        target_style_grams = gram_matrices(target_style_features)
    image = normalise(content).clone().requires_grad_(True)
    optimizer = torch.optim.Adam([image], lr=LEARNING_RATE)
    lr_scheduler = torch.optim.lr_scheduler.StepLR(optimizer, step_size=decay_steps, gamma=DECAY)
    log = []
    for _ in range(steps):
        content_features, style_features = model(image)
        content_loss = get_content_loss(content_features, target_content_features)
        style_loss = get_style_loss(style_features, target_style_grams)
        total_loss = (CONTENT_WEIGHT * content_loss) + (style_weight * style_loss)
        total_loss.backward()
        optimizer.step()
        optimizer.zero_grad()
        lr_scheduler.step()
        log.append(
            Losses(
                total=total_loss.item(),
                content=CONTENT_WEIGHT * content_loss.item(),
                style=style_weight * style_loss.item(),
                tv=0.0,
            )
        )
    return log
