"""VGG-16 and VGG-19 as feature extractors, their layers by the papers' names."""

import math
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import islice

import torch
from torch import Tensor
from torch.nn import functional as F

from nstd.engine.context import Context
from nstd.layers import CONVOLUTIONS_PER_BLOCK, deepest_block, map_size

Tap = Callable[[str, Tensor], Tensor]

IMAGENET_MEAN = (0.485, 0.456, 0.406)
IMAGENET_STD = (0.229, 0.224, 0.225)


@dataclass(frozen=True)
class Convolution:
    """One 3×3 convolution: its paper name (`conv1_1`), weight (N, C, 3, 3) and bias (N)."""

    name: str
    weight: Tensor
    bias: Tensor

    @property
    def relu_name(self) -> str:
        return self.name.replace("conv", "relu")


@dataclass(frozen=True)
class Backbone:
    """A frozen VGG stack, cut after the deepest layer that is asked for.

    Simonyan & Zisserman 2014, configurations D (vgg16) and E (vgg19). Average pooling in place of
    max pooling as Gatys et al. 2015, §2, propose it.
    """

    architecture: str
    blocks: tuple[tuple[Convolution, ...], ...]
    pooling: str
    padding: str  # of the first convolution; the others see zeros
    mean: Tensor  # (1, 3, 1, 1), ImageNet's; here, because a copy from the host stalls a GPU
    std: Tensor  # (1, 3, 1, 1)

    @property
    def dtype(self) -> torch.dtype:
        return self.blocks[0][0].weight.dtype

    @property
    def device(self) -> torch.device:
        return self.mean.device

    def values_at(self, layer: str, height: int, width: int) -> int:
        """Return how many values a layer has of a picture of that size."""
        return self._channels(layer) * math.prod(map_size(layer, height=height, width=width))

    def _channels(self, layer: str) -> int:
        names = {layer, layer.replace("relu", "conv")}
        (channels,) = (c.bias.shape[0] for b in self.blocks for c in b if c.name in names)
        return channels

    def features(
        self, picture: Tensor, layers: Iterable[str], tap: Tap | None = None
    ) -> dict[str, Tensor]:
        """Return the activations of `picture` at the named layers.

        Args:
            picture: (1, 3, H, W), RGB in [0, 1], fp32.
            layers: names such as `relu4_2` (after the ReLU) or `conv4_2` (before it).
            tap: called with the name and the activations of each of them; what it returns goes on
                into the deeper layers.

        Returns:
            one tensor (1, C, h, w) a name, in the backbone's own precision.
        """
        found, _ = self.passed(picture, layers, tap)
        return found

    def passed(
        self,
        x: Tensor,
        layers: Iterable[str],
        tap: Tap | None = None,
        *,
        first: int = 1,
        before: int | None = None,
    ) -> tuple[dict[str, Tensor], Tensor]:
        """Go a part of the way: return the activations there, and the map that goes on.

        Args:
            x: what enters the block `first`: the picture, as for `features`; or the map that came
                out of the part before it.
            layers: those of this part alone.
            before: the block that is not entered any more: the map that goes on is the pooled one.
                None: as far as the deepest of the layers.
        """
        wanted = set(layers)
        found: dict[str, Tensor] = {}
        edge = 1
        if first == 1:
            x, edge = self._prepared(x), 0  # the first convolution's is there already
        for number, block in enumerate(self.blocks[first - 1 :], first):
            if number > first:
                x = POOLINGS[self.pooling](x)  # (1, C, h/2, w/2)
            for convolution in block:
                x = F.conv2d(x, convolution.weight, convolution.bias, padding=edge)  # (1, N, h, w)
                edge = 1
                if convolution.name in wanted:
                    x = found[convolution.name] = tap(convolution.name, x) if tap else x
                    x = F.relu(x)
                else:
                    x = F.relu_(x)
                if convolution.relu_name in wanted:
                    x = found[convolution.relu_name] = tap(convolution.relu_name, x) if tap else x
                if before is None and len(found) == len(wanted):
                    return found, x
            if number + 1 == before:
                return found, POOLINGS[self.pooling](x)
        raise KeyError(f"{self.architecture} has no layers {sorted(wanted - set(found))}")

    def _prepared(self, picture: Tensor) -> Tensor:
        x = PADDINGS[self.padding]((picture - self.mean) / self.std)  # (1, 3, H+2, W+2)
        return x.to(self.dtype).contiguous(memory_format=torch.channels_last)


def assemble(
    state: Mapping[str, Tensor],
    *,
    architecture: str,
    pooling: str,
    padding: str,
    layers: Iterable[str],
    mean_activations: Mapping[str, Tensor] | None,
    dtype: torch.dtype,
    device: torch.device,
) -> Backbone:
    """Build a backbone from a state dict laid out as torchvision's `vgg16().features`.

    Args:
        state: `features.<index>.weight` and `.bias`; only the convolutions are read.
        layers: the layers that will be asked for; deeper blocks are left out.
        mean_activations: per layer (`relu1_1` …) the mean activation of each filter. When given,
            the filters are rescaled so that each mean becomes one (Gatys et al. 2015, §2); the
            function computed stays the same but for that scale. None leaves the network raw.
    """
    convolutions = _convolutions(state, architecture)
    if mean_activations is not None:
        convolutions = _unit_mean(convolutions, mean_activations)
    placed = (_placed(convolution, dtype, device) for convolution in convolutions)
    counts = CONVOLUTIONS_PER_BLOCK[architecture][: deepest_block(layers)]
    blocks = tuple(tuple(islice(placed, count)) for count in counts)
    mean = torch.tensor(IMAGENET_MEAN, device=device).view(1, 3, 1, 1)
    std = torch.tensor(IMAGENET_STD, device=device).view(1, 3, 1, 1)
    return Backbone(architecture, blocks, pooling, padding, mean, std)


def _convolutions(state: Mapping[str, Tensor], architecture: str) -> Iterator[Convolution]:
    index = 0
    for block, count in enumerate(CONVOLUTIONS_PER_BLOCK[architecture], 1):
        for number in range(1, count + 1):
            weight, bias = state[f"features.{index}.weight"], state[f"features.{index}.bias"]
            yield Convolution(f"conv{block}_{number}", weight.float(), bias.float())
            index += 2  # a convolution and its ReLU
        index += 1  # the pooling


def _unit_mean(
    convolutions: Iterable[Convolution], mean_activations: Mapping[str, Tensor]
) -> Iterator[Convolution]:
    """Rescale so that every filter's mean activation is one; ReLU and pooling commute with it."""
    incoming: Tensor | None = None
    for convolution in convolutions:
        mean = mean_activations[convolution.relu_name].float()  # (N,)
        # A filter that never fires has no scale of its own: it keeps the layer's.
        mean = torch.where(mean > 1e-3 * mean.mean(), mean, mean.mean())
        weight = convolution.weight / mean.view(-1, 1, 1, 1)
        if incoming is not None:
            weight = weight * incoming.view(1, -1, 1, 1)
        yield Convolution(convolution.name, weight, convolution.bias / mean)
        incoming = mean


def _placed(convolution: Convolution, dtype: torch.dtype, device: torch.device) -> Convolution:
    weight = convolution.weight.to(device, dtype).contiguous(memory_format=torch.channels_last)
    return Convolution(convolution.name, weight, convolution.bias.to(device, dtype))


def _zeros(x: Tensor) -> Tensor:
    return F.pad(x, (1, 1, 1, 1))


def _replicate(x: Tensor) -> Tensor:
    return F.pad(x, (1, 1, 1, 1), mode="replicate")


def _max_pool(x: Tensor) -> Tensor:
    return F.max_pool2d(x, 2)


def _avg_pool(x: Tensor) -> Tensor:
    pooled: Tensor = _AveragePool.apply(x)
    return pooled


class _AveragePool(torch.autograd.Function):
    """The mean of 2×2 pixels; backwards, every pixel's quarter is copied and nothing is summed.

    torch's own backward first fills the map with zeros, for windows that may overlap. Measured on
    a processor: 4 times as fast at 512 px.
    """

    @staticmethod
    def forward(ctx: Context, x: Tensor) -> Tensor:
        ctx.size = x.shape[-2:]
        return F.avg_pool2d(x, 2)  # (1, C, h/2, w/2)

    @staticmethod
    def backward(ctx: Context, *gradients: Tensor) -> Tensor:
        odd_rows, odd_columns = (length % 2 for length in ctx.size)
        even = F.interpolate(gradients[0] / 4, scale_factor=2, mode="nearest")
        if not odd_rows and not odd_columns:  # else torch would copy it all, to frame it by nothing
            return even  # (1, C, h, w)
        # An odd last row or column is in no window.
        return F.pad(even, (0, odd_columns, 0, odd_rows))  # (1, C, h, w)


POOLINGS: dict[str, Callable[[Tensor], Tensor]] = {"max": _max_pool, "avg": _avg_pool}
PADDINGS: dict[str, Callable[[Tensor], Tensor]] = {"zeros": _zeros, "replicate": _replicate}
