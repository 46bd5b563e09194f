"""The mean activations: those that nstd ships, and those measured when weights are brought."""

import io
from pathlib import Path

import pytest
import torch
from PIL import Image
from torchvision.transforms.functional import to_tensor

from nstd.layers import layer_names
from nstd.weights.load import Weights, load_backbone, load_weights
from nstd.weights.mean_activations import mean_activations, photographs


def test_the_shipped_photographs_give_the_shipped_means(vgg16_weights: Weights) -> None:
    """Measured on the files that come along, VGG-16's means are those that come along too."""
    measured = mean_activations(
        vgg16_weights.state, architecture="vgg16", pooling="avg", pictures=photographs()
    )

    shipped = vgg16_weights.mean_activations["avg"]
    assert measured.keys() == shipped.keys()
    for layer, mean in measured.items():
        off = (mean / shipped[layer] - 1).abs()[shipped[layer] > 1e-3 * shipped[layer].mean()]
        assert float(off.median()) < 0.03, layer


@pytest.mark.parametrize("pooling", ["avg", "max"])
def test_an_imported_network_can_be_normalised(
    weights_folder: Path, small_photographs: tuple[bytes, ...], pooling: str
) -> None:
    """With the means that were stored, each filter's mean on the same pictures is one."""
    relus = tuple(name for name in layer_names("vgg19") if name.startswith("relu"))
    backbone = load_backbone(
        load_weights("vgg19", folder=weights_folder),
        network="normalized",
        pooling=pooling,
        padding="zeros",
        layers=relus,
        dtype=torch.float32,
        device=torch.device("cpu"),
    )
    pictures = [to_tensor(Image.open(io.BytesIO(data))).unsqueeze(0) for data in small_photographs]
    found = [backbone.features(picture, relus) for picture in pictures]
    for layer in relus:
        mean = sum(features[layer].mean(dim=(0, 2, 3)) for features in found) / len(found)
        alive = mean > 0.5  # a filter that hardly fires keeps the layer's scale
        assert float(alive.float().mean()) > 0.9
        assert torch.allclose(mean[alive], torch.ones(int(alive.sum())), atol=1e-3), layer
