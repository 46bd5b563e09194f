"""Article 003, "Neural Style Transfer with PyTorch: Theory and Implementation"."""

import torch
from articles.logged import Losses
from articles.vgg import layer_indices, normalise
from torch import Tensor, nn
from torch.nn import functional as F

CONTENT_WEIGHT = 1e-3
STYLE_WEIGHT = 1e7
TV_WEIGHT = 5e-3


class FeatureExtractor(nn.Module):
    """The article's network, which normalises a picture in [0, 1] itself."""

    def __init__(self, network: nn.Sequential) -> None:
        super().__init__()
        self.module = network
        index = layer_indices(network)
        self.con_layers = [index["relu4_2"]]
        self.sty_layers = [index[f"relu{block}_1"] for block in range(1, 6)]

    def forward(self, tensor: Tensor) -> tuple[list[Tensor], list[Tensor]]:
        sty_feat_maps = []
        con_feat_maps = []
        x = normalise(tensor)
        for name, layer in self.module.named_children():
            x = layer(x)
            if int(name) in self.con_layers:
                con_feat_maps.append(x)
            if int(name) in self.sty_layers:
                sty_feat_maps.append(x)
        return con_feat_maps, sty_feat_maps


def gram_matrix(feature_map: Tensor) -> Tensor:
    b, c, h, w = feature_map.size()
    tensor_ = feature_map.view(b * c, h * w)
    return torch.mm(tensor_, tensor_.t()).div(b * c * h * w)


def total_variation(picture: Tensor) -> Tensor:
    b, c, h, w = picture.size()
    return (
        torch.sum(torch.abs(picture[:, :, :, :-1] - picture[:, :, :, 1:]))
        + torch.sum(torch.abs(picture[:, :, :-1, :] - picture[:, :, 1:, :]))
    ) / (b * c * h * w)


def losses(network: nn.Sequential, content: Tensor, style: Tensor, *, steps: int) -> list[Losses]:
    """Run the article's loop, with the total variation of the generated picture.

    Args:
        network: average pooling.
        content: (1, 3, H, W) in [0, 1].
        style: the same, of any size.
    """
    model = FeatureExtractor(network)
    with torch.no_grad():
        con_target, _ = model(content)
        _, style_target = model(style)
        gram_target = [gram_matrix(feature_map) for feature_map in style_target]
    var_img = content.clone().requires_grad_(True)
    optimizer = torch.optim.Adam([var_img], lr=0.01, betas=(0.9, 0.999), eps=1e-8)
    log = []
    for _ in range(steps):
        optimizer.zero_grad()
        con_output, sty_output = model(var_img)
        con_loss = torch.zeros(())
        for i in range(len(con_output)):
            con_loss = con_loss + F.mse_loss(con_output[i], con_target[i])
        sty_loss = torch.zeros(())
        for i in range(len(sty_output)):
            sty_loss = sty_loss + F.mse_loss(gram_matrix(sty_output[i]), gram_target[i])
        tv_loss = total_variation(var_img)
        loss = con_loss * CONTENT_WEIGHT + sty_loss * STYLE_WEIGHT + tv_loss * TV_WEIGHT
        loss.backward()
        var_img.data.clamp_(0, 1)
        optimizer.step()
        log.append(
            Losses(
                total=loss.item(),
                content=con_loss.item() * CONTENT_WEIGHT,
                style=sty_loss.item() * STYLE_WEIGHT,
                tv=tv_loss.item() * TV_WEIGHT,
            )
        )
    return log
