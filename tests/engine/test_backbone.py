"""The networks, against torchvision's."""

import pytest
import torch
from literal import literal_features, torchvision_network
from tiny import FILTERS, LAYERS, smooth_picture, tiny_backbone, tiny_state
from torch import Tensor
from torch.nn import functional as F

from nstd.engine.backbone import POOLINGS, assemble
from nstd.layers import layer_names
from nstd.weights.load import Weights, load_backbone

CPU = torch.device("cpu")


def difference(found: Tensor, expected: Tensor) -> float:
    """Return the largest difference, relative to the largest expected value."""
    return float((found.double() - expected).abs().max() / expected.abs().max())


@pytest.mark.parametrize("pooling", ["max", "avg"])
def test_vgg16_gives_what_torchvision_gives(vgg16_weights: Weights, pooling: str) -> None:
    """Every layer of VGG-16 with the shipped weights is torchvision's layer of that place."""
    picture = smooth_picture(width=70, height=49, seed=1)
    layers = layer_names("vgg16")
    backbone = load_backbone(
        vgg16_weights,
        network="raw",
        pooling=pooling,
        padding="zeros",
        layers=layers,
        dtype=torch.float32,
        device=CPU,
    )
    network = torchvision_network("vgg16", pooling=pooling, state=vgg16_weights.state)
    expected = literal_features(network, picture, layers)
    found = backbone.features(picture, layers)
    assert found.keys() == expected.keys()
    assert {name: found[name].shape for name in layers} == {
        name: expected[name].shape for name in layers
    }
    assert max(difference(found[name], expected[name]) for name in layers) < 1e-4


@pytest.mark.parametrize("pooling", ["max", "avg"])
def test_vgg19_gives_what_torchvision_gives(pooling: str) -> None:
    """Every layer of VGG-19, with weights of chance, is torchvision's layer of that place."""
    with torch.random.fork_rng():
        torch.manual_seed(19)
        network = torchvision_network("vgg19", pooling=pooling)
    state = {f"features.{name}": value for name, value in network.state_dict().items()}
    picture = smooth_picture(width=50, height=66, seed=2)
    layers = layer_names("vgg19")
    backbone = assemble(
        state,
        architecture="vgg19",
        pooling=pooling,
        padding="zeros",
        layers=layers,
        mean_activations=None,
        dtype=torch.float32,
        device=CPU,
    )
    expected = literal_features(network, picture, layers)
    found = backbone.features(picture, layers)
    assert max(difference(found[name], expected[name]) for name in layers) < 1e-4


def test_replicate_repeats_the_edges_at_the_first_convolution_only(picture: Tensor) -> None:
    """With `replicate` conv1_1 sees the edges repeated, all other convolutions zeros."""
    state = tiny_state()
    normalized = (picture - torch.tensor([0.485, 0.456, 0.406]).view(1, 3, 1, 1)) / torch.tensor(
        [0.229, 0.224, 0.225]
    ).view(1, 3, 1, 1)
    first = F.conv2d(
        F.pad(normalized, (1, 1, 1, 1), mode="replicate"),
        state["features.0.weight"],
        state["features.0.bias"],
    )
    second = F.conv2d(first.relu(), state["features.2.weight"], state["features.2.bias"], padding=1)
    found = tiny_backbone(padding="replicate").features(picture, ["conv1_1", "conv1_2"])
    torch.testing.assert_close(found["conv1_1"], first, rtol=1e-4, atol=1e-5)
    torch.testing.assert_close(found["conv1_2"], second, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize(("height", "width"), [(6, 8), (7, 9), (2, 3)])
def test_average_pooling_has_the_gradient_of_torchs(height: int, width: int) -> None:
    """Average pooling, which goes backwards in its own way, is torch's, at odd sizes too."""
    chance = torch.Generator().manual_seed(8)
    ours = torch.randn(1, 5, height, width, generator=chance).requires_grad_()
    theirs = ours.detach().clone().requires_grad_()
    pooled, expected = POOLINGS["avg"](ours), F.avg_pool2d(theirs, 2)
    assert torch.equal(pooled, expected)
    weight = torch.randn(expected.shape, generator=chance)
    (found,) = torch.autograd.grad(pooled, ours, weight)
    (wanted,) = torch.autograd.grad(expected, theirs, weight)
    assert torch.equal(found, wanted)


def test_normalized_network_differs_by_a_scale_a_filter_only(picture: Tensor) -> None:
    """The normalised network computes the raw one's features, each filter divided by its mean."""
    chance = torch.Generator().manual_seed(5)
    means = {
        f"relu{block}_{number}": torch.rand(filters, generator=chance) + 0.5
        for block, filters in FILTERS.items()
        for number in (1, 2, 3)
    }
    raw = tiny_backbone().features(picture, LAYERS)
    scaled = tiny_backbone(mean_activations=means).features(picture, LAYERS)
    for name in LAYERS:
        divisor = means[name.replace("conv", "relu")].view(1, -1, 1, 1)
        torch.testing.assert_close(scaled[name], raw[name] / divisor, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("pooling", ["max", "avg"])
def test_normalized_network_has_mean_activation_one(picture: Tensor, pooling: str) -> None:
    """On the picture that was measured, every filter that fires has mean one after it."""
    layers = tuple(name for name in layer_names("vgg16")[:14] if name.startswith("relu"))
    raw = tiny_backbone(pooling=pooling, layers=layers).features(picture, layers)
    means = {name: value.mean((0, 2, 3)) for name, value in raw.items()}
    backbone = tiny_backbone(pooling=pooling, layers=layers, mean_activations=means)
    for name, value in backbone.features(picture, layers).items():
        fires = means[name] > 1e-2 * means[name].mean()
        mean = value.mean((0, 2, 3))[fires]
        assert len(mean) >= 6
        torch.testing.assert_close(mean, torch.ones_like(mean), rtol=1e-3, atol=1e-3)


@pytest.mark.parametrize("pooling", ["max", "avg"])
def test_shipped_means_make_a_photographs_activations_about_one(
    vgg16_weights: Weights, pooling: str
) -> None:
    """With the shipped means, a photograph's mean activation is near one in every layer."""
    from matplotlib import cbook
    from PIL import Image
    from torchvision.transforms.functional import to_tensor

    with cbook.get_sample_data("grace_hopper.jpg") as file, Image.open(file) as opened:
        opened.thumbnail((256, 256))
        photograph = to_tensor(opened.convert("RGB")).unsqueeze(0)
    layers = tuple(name for name in layer_names("vgg16") if name.startswith("relu"))
    backbone = load_backbone(
        vgg16_weights,
        network="normalized",
        pooling=pooling,
        padding="zeros",
        layers=layers,
        dtype=torch.float32,
        device=CPU,
    )
    with torch.no_grad():
        found = backbone.features(photograph, layers)
    averages = {name: float(value.mean()) for name, value in found.items()}
    assert all(0.5 < average < 2 for average in averages.values()), averages


def test_filter_that_never_fires_keeps_the_layers_scale(picture: Tensor) -> None:
    """A filter whose mean is zero is divided by the mean of its layer, not by zero."""
    means = {
        f"relu{block}_{number}": torch.full((filters,), 2.0)
        for block, filters in FILTERS.items()
        for number in (1, 2, 3)
    }
    means["relu1_1"] = torch.tensor([0.0, 2, 2, 2, 2, 2, 2, 4])
    raw = tiny_backbone().features(picture, ["relu1_1"])["relu1_1"]
    scaled = tiny_backbone(mean_activations=means).features(picture, ["relu1_1"])["relu1_1"]
    torch.testing.assert_close(scaled[:, 0], raw[:, 0] / 2)
    torch.testing.assert_close(scaled[:, 7], raw[:, 7] / 4)


def test_only_the_blocks_that_are_asked_for_are_kept() -> None:
    """Blocks deeper than the deepest layer are left out."""
    assert [len(block) for block in tiny_backbone(layers=("relu1_1", "conv2_1")).blocks] == [2, 2]


@pytest.mark.parametrize("pooling", ["max", "avg"])
@pytest.mark.parametrize("block", [2, 3])
def test_two_parts_of_the_way_are_the_whole(picture: Tensor, pooling: str, block: int) -> None:
    """The map between them is the pooled one; the second part leaves it as it was."""
    backbone = tiny_backbone(pooling=pooling)
    whole = backbone.features(picture, LAYERS)
    above = [name for name in LAYERS if int(name[4]) < block]
    first, between = backbone.passed(picture, above, before=block)
    height, width = picture.shape[-2:]
    assert between.shape[1:] == (FILTERS[block - 1], height >> block - 1, width >> block - 1)
    kept = between.clone()
    second, _ = backbone.passed(between, [n for n in LAYERS if n not in above], first=block)

    assert first.keys() == set(above)
    for name, expected in whole.items():
        assert torch.equal((first | second)[name], expected)
    assert torch.equal(between, kept)


def test_unknown_layer_is_named(picture: Tensor) -> None:
    """A layer that the network does not have is an error that names it."""
    with pytest.raises(KeyError, match="relu2_9"):
        tiny_backbone().features(picture, ["relu1_1", "relu2_9"])


def test_features_before_a_relu_keep_their_negative_values(picture: Tensor) -> None:
    """`conv` is the value before the ReLU, also where `relu` of the same place is asked for."""
    found = tiny_backbone().features(picture, ["conv2_2", "relu2_2"])
    assert float(found["conv2_2"].min()) < 0
    assert torch.equal(found["conv2_2"].clamp(min=0), found["relu2_2"])


def test_features_come_in_the_backbones_precision(picture: Tensor) -> None:
    """A bf16 network gives bf16 features, near those in fp32."""
    half = tiny_backbone(dtype=torch.bfloat16)
    assert half.dtype == torch.bfloat16
    found = half.features(picture, ["relu2_2"])["relu2_2"]
    expected = tiny_backbone().features(picture, ["relu2_2"])["relu2_2"]
    assert found.dtype == torch.bfloat16
    assert difference(found, expected.double()) < 0.05


def test_features_leave_the_picture_untouched(picture: Tensor) -> None:
    """Nothing is written into the caller's picture."""
    before = picture.clone()
    tiny_backbone().features(picture, LAYERS)
    assert torch.equal(picture, before)
    assert tiny_state().keys() == tiny_state(1).keys()
