"""A VGG-19 of chance: the shapes are the real ones, the numbers are not."""

from pathlib import Path

import pytest
import torch
from pictures import picture_bytes
from torch import Tensor

from nstd.commands.weights_command import bring
from nstd.weights.state_dict import expected_shapes


@pytest.fixture(scope="session")
def small_photographs() -> tuple[bytes, ...]:
    """Return two pictures to measure mean activations on: small, so that it is soon done."""
    sizes = ((96, 64), (64, 64))
    return tuple(
        picture_bytes(width=width, height=height, format="PNG", seed=seed)
        for seed, (width, height) in enumerate(sizes)
    )


@pytest.fixture(scope="session")
def vgg19_state() -> dict[str, Tensor]:
    """Return seeded tensors in half precision, and one of a classifier."""
    chance = torch.Generator().manual_seed(19)
    state = {"classifier.0.weight": torch.zeros(3, 3)}
    for key, shape in expected_shapes("vgg19").items():
        if len(shape) == 4:
            weight = torch.randn(shape, generator=chance) * (2 / (9 * shape[1])) ** 0.5
            state[key] = weight.half()
        else:
            state[key] = 0.1 * torch.rand(shape, generator=chance).half()
    return state


@pytest.fixture(scope="session")
def vgg19_pth(tmp_path_factory: pytest.TempPathFactory, vgg19_state: dict[str, Tensor]) -> Path:
    """Return a file as torch writes it."""
    path = tmp_path_factory.mktemp("vgg19") / "vgg19.pth"
    torch.save(vgg19_state, path)
    return path


@pytest.fixture(scope="session")
def weights_folder(
    tmp_path_factory: pytest.TempPathFactory,
    vgg19_pth: Path,
    small_photographs: tuple[bytes, ...],
) -> Path:
    """Return a weights folder into which the file was imported."""
    folder = tmp_path_factory.mktemp("state") / "work" / "weights"
    bring(vgg19_pth, folder, origin="a test", photographs=small_photographs)
    return folder
