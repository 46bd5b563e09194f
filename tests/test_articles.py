"""The articles' own loops, which the recipes are held against: they must be sound themselves."""

from collections.abc import Callable

import pytest
import torch
from articles import (
    clone_adam,
    gatys_2015,
    memory,
    noise_mix,
    reconstructions,
    tv_adam,
    vgg16_step_decay,
    wasserstein_adam,
    white_lbfgs,
)
from articles.logged import Losses
from articles.vgg import (
    bytes_less_mean,
    features,
    layer_indices,
    network,
    normalise,
    normalise_bytes,
    normalised_state,
    random_state,
    vgg16_mean_activations,
    vgg16_state,
)
from tiny import smooth_picture
from torch import Tensor

WIDTH, HEIGHT, STEPS = 64, 48, 4


@pytest.fixture(scope="module")
def state() -> dict[str, Tensor]:
    """Return VGG-16's real weights."""
    return vgg16_state()


@pytest.fixture
def content() -> Tensor:
    """Return a picture (1, 3, 48, 64)."""
    return smooth_picture(width=WIDTH, height=HEIGHT, seed=7)


@pytest.fixture
def style() -> Tensor:
    """Return a painting (1, 3, 60, 72)."""
    return smooth_picture(width=72, height=60, seed=99)


def noise(scale: float) -> Tensor:
    chance = torch.Generator().manual_seed(1)
    return scale * (2 * torch.rand(1, 3, HEIGHT, WIDTH, generator=chance) - 1)


def run_clone_adam(state: dict[str, Tensor], content: Tensor, style: Tensor) -> list[Losses]:
    net = network("vgg16", state, pooling="max", frozen=False)
    return clone_adam.losses(net, content, style, steps=STEPS)


def run_step_decay(state: dict[str, Tensor], content: Tensor, style: Tensor) -> list[Losses]:
    net = network("vgg16", state, pooling="avg")
    return vgg16_step_decay.losses(net, content, style, steps=STEPS)


def run_white_lbfgs(state: dict[str, Tensor], content: Tensor, style: Tensor) -> list[Losses]:
    net = network("vgg16", state, pooling="avg", inplace=False)
    return white_lbfgs.losses(net, content, style, steps=STEPS)


def run_tv_adam(state: dict[str, Tensor], content: Tensor, style: Tensor) -> list[Losses]:
    net = network("vgg16", state, pooling="avg")
    return tv_adam.losses(net, content, style, steps=STEPS)


def run_noise_mix(state: dict[str, Tensor], content: Tensor, style: Tensor) -> list[Losses]:
    net = network("vgg16", state, pooling="avg")
    return noise_mix.losses(net, content, style, noise=noise(20), steps=STEPS)


def run_gatys_2015(state: dict[str, Tensor], content: Tensor, style: Tensor) -> list[Losses]:
    own = normalised_state("vgg16", state, vgg16_mean_activations("avg"))
    net = network("vgg16", own, pooling="avg", inplace=False)
    return gatys_2015.losses(net, content, style, steps=STEPS)


def run_wasserstein(state: dict[str, Tensor], content: Tensor, style: Tensor) -> list[Losses]:
    net = network("vgg16", state, pooling="max")
    return wasserstein_adam.losses(
        net, content, styles=[style], sizes=[(WIDTH, HEIGHT)], steps=[STEPS]
    )


def run_content_only(state: dict[str, Tensor], content: Tensor, style: Tensor) -> list[Losses]:
    net = network("vgg16", state, pooling="avg")
    return reconstructions.content_only(net, content, noise(1), layer="relu3_1", steps=STEPS)


def run_style_only(state: dict[str, Tensor], content: Tensor, style: Tensor) -> list[Losses]:
    net = network("vgg16", state, pooling="avg")
    layers = ("relu1_1", "relu2_1")
    return reconstructions.style_only(net, style, noise(1), layers=layers, steps=STEPS)


# Adam at rate 1 goes up before it comes down: that is the article's schedule, not a fault here
LEARNING = [
    run_clone_adam,
    run_white_lbfgs,
    run_tv_adam,
    run_noise_mix,
    run_gatys_2015,
    run_wasserstein,
]
EVERY = [*LEARNING, run_step_decay, run_content_only, run_style_only]


@pytest.mark.parametrize("run", EVERY)
def test_a_loop_logs_every_step(
    run: Callable[..., list[Losses]], state: dict[str, Tensor], content: Tensor, style: Tensor
) -> None:
    """There is one row a step, finite, and its groups add up to its total."""
    log = run(state, content, style)
    assert len(log) == STEPS
    for row in log:
        assert torch.isfinite(torch.tensor(row)).all()
        assert row.total == pytest.approx(row.content + row.style + row.tv, rel=1e-5)
        assert row.total > 0


@pytest.mark.parametrize("run", LEARNING)
def test_a_loop_learns(
    run: Callable[..., list[Losses]], state: dict[str, Tensor], content: Tensor, style: Tensor
) -> None:
    """After a few steps the loss is lower than at the start."""
    log = run(state, content, style)
    assert log[-1].total < log[0].total, log


def test_clone_adam_sees_relus(state: dict[str, Tensor], content: Tensor) -> None:
    """What article 000 stores as convolutions are ReLU outputs, except the last, conv5_1."""
    net = network("vgg16", state, pooling="max", frozen=False)
    seen_content, seen_style = clone_adam.ModifiedVGG(net)(normalise(content))
    plain = network("vgg16", state, pooling="max", inplace=False)
    names = ["relu4_2", "relu1_1", "relu2_1", "relu3_1", "relu4_1", "conv5_1"]
    expected = features(plain, normalise(content), names)
    for name, seen in zip(names, [*seen_content, *seen_style], strict=True):
        assert torch.equal(seen, expected[name]), name
        assert bool((seen < 0).any()) == name.startswith("conv"), name


def test_clone_adam_goes_back_into_the_weights(
    state: dict[str, Tensor], content: Tensor, style: Tensor
) -> None:
    """eval() does not freeze: after article 000's loop every weight used has a gradient."""
    net = network("vgg16", state, pooling="max", frozen=False)
    clone_adam.losses(net, content, style, steps=1)
    last = layer_indices(net)["conv5_1"]
    assert all(weight.grad is not None for weight in net[: last + 1].parameters())


@pytest.mark.parametrize(
    ("architecture", "expected"),
    [
        ("vgg16", {"conv1_1": 0, "relu4_3": 22, "conv5_1": 24, "pool5": 30}),
        ("vgg19", {"conv4_2": 21, "relu4_2": 22, "conv5_1": 28, "relu5_1": 29, "pool5": 36}),
    ],
)
def test_layers_are_counted_as_the_papers_do(architecture: str, expected: dict[str, int]) -> None:
    """The indices are those that the articles print."""
    net = network(architecture, random_state(architecture), pooling="max")
    assert expected.items() <= layer_indices(net).items()


def test_random_weights_keep_the_scale(content: Tensor) -> None:
    """Weights by chance neither fade nor burst through sixteen layers."""
    net = network("vgg19", random_state("vgg19"), pooling="avg")
    spread = features(net, normalise(content), ["relu5_1"])["relu5_1"].std()
    assert 0.01 < float(spread) < 100


def test_normalised_network_is_the_same_function(state: dict[str, Tensor], content: Tensor) -> None:
    """Each filter of the normalised network is the raw one over its mean activation."""
    means = vgg16_mean_activations("avg")
    raw = network("vgg16", state, pooling="avg", inplace=False)
    own = network("vgg16", normalised_state("vgg16", state, means), pooling="avg", inplace=False)
    names = ["conv1_1", "conv3_2", "conv5_1", "relu5_1"]
    of_raw = features(raw, normalise(content), names)
    of_own = features(own, normalise(content), names)
    for name in names:
        mean = means[name.replace("conv", "relu")]
        mean = torch.where(mean <= 1e-3 * mean.mean(), mean.mean(), mean)
        torch.testing.assert_close(
            of_own[name], of_raw[name] / mean.view(1, -1, 1, 1), rtol=1e-3, atol=1e-3
        )


def test_bytes_and_unit_pixels_feed_the_same(content: Tensor) -> None:
    """A variable in bytes less the mean feeds the network what normalised pixels do."""
    torch.testing.assert_close(normalise_bytes(bytes_less_mean(content)), normalise(content))


def test_the_first_step_has_the_length_asked_for() -> None:
    """L-BFGS's first step changes the variable by the root mean square given, downhill."""
    variable = torch.tensor([3.0, -4.0, 12.0], requires_grad=True)
    seen: list[Tensor] = []

    def closure() -> Tensor:
        variable.grad = None
        seen.append(variable.detach().clone())
        loss = variable.square().sum() / 2
        loss.backward()
        return loss

    memory.minimise(variable, closure, steps=2, first_step=0.1)
    assert len(seen) == 3
    assert torch.equal(seen[0], seen[1])
    step = seen[2] - seen[1]
    assert float(step.square().mean().sqrt()) == pytest.approx(0.1, rel=1e-5)
    assert float(torch.cosine_similarity(step, -seen[0], dim=0)) == pytest.approx(1, abs=1e-6)


def test_the_lyapunov_gradient_is_the_roots() -> None:
    """The root squares to the matrix, and both gradients agree with finite differences."""
    chance = torch.Generator().manual_seed(4)
    draw = torch.randn(6, 6, generator=chance, dtype=torch.float64)
    matrix = (draw @ draw.T + torch.eye(6, dtype=torch.float64)).requires_grad_(True)
    root = wasserstein_adam.newton_schulz_root(matrix)
    torch.testing.assert_close(root @ root, matrix, rtol=1e-8, atol=1e-8)
    for lyapunov in (True, False):
        assert torch.autograd.gradcheck(
            lambda m, exact=lyapunov: wasserstein_adam.matrix_root((m + m.T) / 2, lyapunov=exact),
            (matrix,),
            atol=1e-6,
        )


def test_the_average_starts_at_the_picture() -> None:
    """The moving average of one picture is that picture; of a constant, that constant."""
    picture = torch.full((1, 3, 2, 2), 0.4)
    average = wasserstein_adam.Average(picture)
    torch.testing.assert_close(average.get(), picture)
    average.update(torch.full((1, 3, 2, 2), 0.6))
    assert float(average.get().mean()) == pytest.approx((0.99 * 0.4 + 0.6) / 1.99)


def test_moments_are_carried_over_levels(
    state: dict[str, Tensor], content: Tensor, style: Tensor
) -> None:
    """The second level's optimiser goes on counting, and its loss goes down from the start."""
    net = network("vgg16", state, pooling="max")
    log = wasserstein_adam.losses(
        net, content, styles=[style, style], sizes=[(48, 36), (WIDTH, HEIGHT)], steps=[4, 4]
    )
    assert len(log) == 8
    assert log[3].total < log[0].total
    assert log[7].total < log[4].total


def test_warm_moments_have_the_new_size_and_the_old_count() -> None:
    """Adam's moments are resized, the second never below nought, and its counter stays."""
    small = torch.rand(1, 3, 4, 5, requires_grad=True)
    large = torch.rand(1, 3, 6, 8, requires_grad=True)
    old, new = torch.optim.Adam([small]), torch.optim.Adam([large])
    for _ in range(3):
        small.square().sum().backward()
        old.step()
    wasserstein_adam.warmed(old, new, (6, 8))
    moments = new.state[large]
    assert float(moments["step"]) == 3
    assert moments["exp_avg"].shape == moments["exp_avg_sq"].shape == large.shape
    assert bool((moments["exp_avg_sq"] >= 0).all())


def test_nine_point_variation_of_a_ramp() -> None:
    """A ramp of slope 0.1 across counts in the row differences and in both diagonals."""
    ramp = (0.1 * torch.arange(5.0)).expand(1, 3, 4, 5)
    across = 0.01 * 4 / 5  # four of five columns have another right neighbour
    diagonal = 0.01 * 4 / 6  # four of the six steps of the padded row
    expected = 2 * (across / 3 + 2 * diagonal / 12)
    assert float(wasserstein_adam.total_variation(ramp)) == pytest.approx(expected, rel=1e-5)


def test_absolute_variation_of_a_ramp() -> None:
    """Article 003 sums the steps of each row and divides by all values."""
    ramp = (0.1 * torch.arange(5.0)).expand(1, 3, 4, 5)
    assert float(tv_adam.total_variation(ramp)) == pytest.approx(0.1 * 4 / 5, rel=1e-5)
