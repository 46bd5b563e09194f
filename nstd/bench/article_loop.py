"""Article 000's loop as it stands, to time its steps: nothing is shared between them."""

import time
from collections.abc import Mapping

import torch
from torch import Tensor, nn
from torchvision.models.vgg import cfgs, make_layers

from nstd.layers import layer_names

CONTENT_LAYER = "conv4_2"
STYLE_LAYERS = ("conv1_1", "conv2_1", "conv3_1", "conv4_1", "conv5_1")
ALPHA, BETA, LEARNING_RATE = 1, 1000, 0.001


class ModifiedVgg(nn.Module):
    """The network of the article: it keeps the convolutions' outputs, its ReLUs work in place."""

    def __init__(self, architecture: str, state: Mapping[str, Tensor]) -> None:
        super().__init__()
        layers = make_layers(cfgs["D" if architecture == "vgg16" else "E"], batch_norm=False)
        layers.load_state_dict(
            {name.removeprefix("features."): value.float() for name, value in state.items()}
        )
        names = iter(name for name in layer_names(architecture) if name.startswith("conv"))
        self.names: list[str] = []
        self.layers = nn.ModuleList()
        for layer in layers:
            self.names.append(next(names) if isinstance(layer, nn.Conv2d) else "")
            self.layers.append(layer)
            if self.names[-1] == STYLE_LAYERS[-1]:
                break

    def forward(self, x: Tensor) -> tuple[list[Tensor], list[Tensor]]:
        content, style = [], []
        for name, layer in zip(self.names, self.layers, strict=True):
            x = layer(x)
            if name == CONTENT_LAYER:
                content.append(x)
            if name in STYLE_LAYERS:
                style.append(x)
        return content, style


class ArticleLoop:
    """Three forward passes a step with their backward passes, and a host read for each loss.

    The network is not frozen: `eval()` does not freeze, and the article calls nothing else.
    """

    def __init__(self, network: ModifiedVgg, *, content: Tensor, style: Tensor) -> None:
        """Take pictures (1, 3, H, W), less ImageNet's mean and over its deviation."""
        self._network, self._content, self._style = network, content, style
        self._generated = content.clone().requires_grad_(True)
        self._adam = torch.optim.Adam([self._generated], lr=LEARNING_RATE)

    def step(self) -> tuple[float, float, float]:
        """Make one step; return the content, style and total loss before it."""
        content_features = self._network(self._content)[0]
        style_features = self._network(self._style)[1]
        generated_content, generated_style = self._network(self._generated)
        content_loss = torch.zeros((), device=self._content.device)
        for wanted, found in zip(content_features, generated_content, strict=True):
            content_loss = content_loss + ((wanted - found) ** 2).mean()
        style_loss = torch.zeros((), device=self._content.device)
        for wanted, found in zip(style_features, generated_style, strict=True):
            style_loss = style_loss + ((_gram(wanted) - _gram(found)) ** 2).mean()
        total = ALPHA * content_loss + BETA * style_loss
        self._adam.zero_grad()
        total.backward()  # type: ignore[no-untyped-call]
        self._adam.step()
        return content_loss.item(), style_loss.item(), total.item()

    def seconds_per_step(self, steps: int) -> float:
        """Return the mean over some steps, after one to warm up."""
        self.step()
        began = time.perf_counter()
        for _ in range(steps):
            self.step()
        return (time.perf_counter() - began) / steps


def _gram(features: Tensor) -> Tensor:
    flat = features.view(features.shape[1], -1)  # (C, H*W)
    return torch.matmul(flat, flat.t())  # (C, C)
