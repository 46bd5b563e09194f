"""Torchvision's VGG as the articles take it apart, with the weights that a test gives."""

from collections.abc import Iterable, Mapping
from importlib import resources

import torch
from safetensors.torch import load
from torch import Tensor, nn
from torchvision.models.vgg import cfgs, make_layers

CONFIGURATIONS = {"vgg16": "D", "vgg19": "E"}
IMAGENET_MEAN = torch.tensor([0.485, 0.456, 0.406], dtype=torch.float64).view(1, 3, 1, 1)
IMAGENET_STD = torch.tensor([0.229, 0.224, 0.225], dtype=torch.float64).view(1, 3, 1, 1)
DEAD_FILTER = 1e-3  # share of its layer's mean activation up to which a filter counts as dead


def vgg16_state() -> dict[str, Tensor]:
    """Return the VGG-16 weights that come with nstd, in fp32."""
    data = resources.files("nstd").joinpath("data/vgg16.safetensors").read_bytes()
    return {name: value.float() for name, value in load(data).items()}


def vgg16_mean_activations(pooling: str) -> dict[str, Tensor]:
    """Return the mean activation of each filter, (C,) by ReLU layer, that comes with nstd."""
    data = resources.files("nstd").joinpath("data/vgg16_mean_activations.safetensors").read_bytes()
    return {
        name.removeprefix(f"{pooling}."): value
        for name, value in load(data).items()
        if name.startswith(f"{pooling}.")
    }


def random_state(architecture: str, *, seed: int = 0) -> dict[str, Tensor]:
    """Return weights by chance: He's scale, so that no layer's activations fade or burst."""
    chance = torch.Generator().manual_seed(seed)
    with torch.device("meta"):
        shapes = make_layers(cfgs[CONFIGURATIONS[architecture]], batch_norm=False).state_dict()
    state = {}
    for name, value in shapes.items():
        draw = torch.randn(value.shape, generator=chance)
        fan_in = value[0].numel()
        state[f"features.{name}"] = draw * (0.05 if value.dim() == 1 else (2 / fan_in) ** 0.5)
    return state


def network(
    architecture: str,
    state: Mapping[str, Tensor],
    *,
    pooling: str,
    inplace: bool = True,
    frozen: bool = True,
) -> nn.Sequential:
    """Return torchvision's feature layers with `state`, in evaluation mode.

    Args:
        state: features.N.weight and features.N.bias.
        pooling: max, or avg: as article 001 replaces it.
        inplace: torchvision's nn.ReLU(inplace=True), or not.
        frozen: False leaves the weights asking for gradients, as torchvision gives them.
    """
    with torch.device("meta"):
        layers = make_layers(cfgs[CONFIGURATIONS[architecture]], batch_norm=False)
    own = {name.removeprefix("features."): value.clone() for name, value in state.items()}
    layers.load_state_dict(own, assign=True)
    for index, layer in enumerate(layers):
        if isinstance(layer, nn.ReLU):
            layer.inplace = inplace
        elif isinstance(layer, nn.MaxPool2d) and pooling == "avg":
            layers[index] = nn.AvgPool2d(
                kernel_size=layer.kernel_size,
                stride=layer.stride,
                padding=layer.padding,
                ceil_mode=layer.ceil_mode,
            )
    return layers.requires_grad_(not frozen).eval()


def layer_indices(layers: nn.Sequential) -> dict[str, int]:
    """Return the index of each layer by the papers' names, counted as article 001 counts."""
    found = {}
    block = conv_index = relu_index = 1
    for index, layer in enumerate(layers):
        name = layer.__class__.__name__
        if name == "Conv2d":
            found[f"conv{block}_{conv_index}"] = index
            conv_index += 1
        elif name == "ReLU":
            found[f"relu{block}_{relu_index}"] = index
            relu_index += 1
        else:
            found[f"pool{block}"] = index
            block += 1
            conv_index = relu_index = 1
    return found


def features(layers: nn.Sequential, x: Tensor, names: Iterable[str]) -> dict[str, Tensor]:
    """Return the outputs of the layers named; `x` is what the network is fed."""
    wanted = {index: name for name, index in layer_indices(layers).items() if name in set(names)}
    found = {}
    for index, layer in enumerate(layers[: max(wanted) + 1]):
        x = layer(x)
        if index in wanted:
            found[wanted[index]] = x
    return found


def normalise(picture: Tensor) -> Tensor:
    """Return pixels in [0, 1] less ImageNet's mean, over its deviation."""
    return (picture - IMAGENET_MEAN.to(picture)) / IMAGENET_STD.to(picture)


def bytes_less_mean(picture: Tensor) -> Tensor:
    """Return pixels in [0, 1] as 0..255 less ImageNet's mean."""
    return picture * 255 - 255 * IMAGENET_MEAN.to(picture)


def normalise_bytes(variable: Tensor) -> Tensor:
    """Return what the network is fed for a variable in bytes less the mean."""
    return (variable / 255) / IMAGENET_STD.to(variable)


def normalised_state(
    architecture: str, state: Mapping[str, Tensor], means: Mapping[str, Tensor]
) -> dict[str, Tensor]:
    """Return the weights of the same function whose every filter has mean activation one.

    A filter is divided by its own mean activation, and what the next layer reads of it is
    multiplied by the same (Gatys et al. 2015, section 2). A dead filter takes its layer's mean.

    Args:
        means: mean activation of each filter, (C,) by ReLU layer.
    """
    scaled = dict(state)
    before = torch.ones(3)
    for name, index in layer_indices(network(architecture, state, pooling="max")).items():
        if not name.startswith("conv"):
            continue
        own = means[name.replace("conv", "relu")]
        own = torch.where(own <= DEAD_FILTER * own.mean(), own.mean(), own)
        weight, bias = state[f"features.{index}.weight"], state[f"features.{index}.bias"]
        scaled[f"features.{index}.weight"] = (
            weight * before.to(weight).view(1, -1, 1, 1) / own.to(weight).view(-1, 1, 1, 1)
        )
        scaled[f"features.{index}.bias"] = bias / own.to(bias)
        before = own
    return scaled
