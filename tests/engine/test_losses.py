"""Loss terms, against literal versions in float64."""

from collections.abc import Callable

import pytest
import torch
from literal import literal_moments, literal_tv
from tiny import tiny_features, variation
from torch import Tensor

from nstd.engine.losses import CONTENT_LOSSES, STYLE_LOSSES, gram, relative_gram, tapped_distance
from nstd.engine.statistics import LayerStats, layer_statistics
from nstd.recipe import GramTerm, StyleTerm

LAYER = {"relu1_2": 1.0}
TERMS = {
    "gram": GramTerm(weight=1.0, layers=LAYER, normalization="hw"),
    **dict.fromkeys(
        ("relative_gram", "wasserstein", "relative_wasserstein"),
        StyleTerm(weight=1.0, layers=LAYER),
    ),
}


def raw_gram(features: Tensor) -> Tensor:
    """Return F·Fᵀ in float64."""
    flat = features.double().flatten(2)[0]
    return flat @ flat.T


def test_relative_gram_is_literal() -> None:
    """The relative Gram loss is Σ(M − M*)² / Σ(M*)²."""
    own, target = tiny_features(1), tiny_features(2)
    (_, m), (_, wanted) = literal_moments(own.double()), literal_moments(target.double())
    expected = ((m - wanted) ** 2).sum() / (wanted**2).sum()
    found = relative_gram(TERMS["relative_gram"], layer_statistics(target))(layer_statistics(own))
    assert float(found) == pytest.approx(float(expected), rel=1e-4)


def test_relative_gram_of_nothing_is_one() -> None:
    """A picture without features is at distance one."""
    target = layer_statistics(tiny_features(1))
    nothing = LayerStats(torch.zeros(8), torch.zeros(8, 8), 1)
    assert float(relative_gram(TERMS["relative_gram"], target)(nothing)) == pytest.approx(1)


GramFormula = Callable[[Tensor, Tensor, int, int, int], Tensor]
GRAM_FORMULAS: dict[str, GramFormula] = {
    "none": lambda g, a, c, m, n: (g - a).square(),
    "hw": lambda g, a, c, m, n: (g / m - a / n).square(),
    "chw": lambda g, a, c, m, n: (g / (c * m) - a / (c * n)).square(),
    "gatys": lambda g, a, c, m, n: (g / m - a / n).square() / (4 * c**2),
}


@pytest.mark.parametrize("reduction", ["mean", "sum"])
@pytest.mark.parametrize("normalization", GRAM_FORMULAS)
def test_gram_is_literal(normalization: str, reduction: str) -> None:
    """Each normalisation is the formula of its article, whatever the sizes of the two pictures."""
    own, target = tiny_features(1), tiny_features(2)[..., :20, :30]
    term = GramTerm(weight=1.0, layers=LAYER, normalization=normalization, reduction=reduction)
    channels, positions, others = 8, own[0, 0].numel(), target[0, 0].numel()
    squares = GRAM_FORMULAS[normalization](
        raw_gram(own), raw_gram(target), channels, positions, others
    )
    expected = squares.mean() if reduction == "mean" else squares.sum()
    found = gram(term, layer_statistics(target))(layer_statistics(own))
    assert float(found) == pytest.approx(float(expected), rel=1e-4)


def test_gatys_divides_by_4_n2_m2() -> None:
    """For pictures of one size, `gatys` is Σ(G − A)² / (4 N² M²)."""
    own, target = tiny_features(1), tiny_features(2)
    positions = own[0, 0].numel()
    expected = (raw_gram(own) - raw_gram(target)).square().sum() / (4 * 8**2 * positions**2)
    term = GramTerm(weight=1.0, layers=LAYER, normalization="gatys", reduction="sum")
    found = gram(term, layer_statistics(target))(layer_statistics(own))
    assert float(found) == pytest.approx(float(expected), rel=1e-4)


@pytest.mark.parametrize("name", STYLE_LOSSES)
def test_style_losses_are_zero_at_the_style(name: str) -> None:
    """A picture with the style's statistics has no style loss."""
    stats = layer_statistics(tiny_features(4))
    assert float(STYLE_LOSSES[name](TERMS[name], stats)(stats)) == pytest.approx(0, abs=1e-3)


@pytest.mark.parametrize("name", ["relative_gram", "relative_wasserstein"])
def test_relative_losses_have_no_unit(name: str) -> None:
    """A network that answers a thousand times louder gives the same style loss."""
    prepare, term = STYLE_LOSSES[name], TERMS[name]
    quiet = prepare(term, layer_statistics(tiny_features(2)))(layer_statistics(tiny_features(1)))
    target, own = (
        layer_statistics(1000 * tiny_features(2)),
        layer_statistics(1000 * tiny_features(1)),
    )
    loud = prepare(term, target)(own)
    assert float(loud) == pytest.approx(float(quiet), rel=1e-3)


@pytest.mark.parametrize(
    ("name", "share"),
    [
        ("mean_square", 1.0),
        ("quarter_mean_square", 1 / 4),
        ("sum_square", 120.0),
        ("half_sum_square", 60.0),
    ],
)
def test_content_losses_are_literal(name: str, share: float, generator: torch.Generator) -> None:
    """Each content loss is its share of the mean of the squared differences."""
    a, b = (torch.randn(1, 4, 6, 5, generator=generator) for _ in range(2))
    pairs = zip(a.flatten().tolist(), b.flatten().tolist(), strict=True)
    expected = share * sum((x - y) ** 2 for x, y in pairs) / 120
    _, distance = tapped_distance(a, b)
    assert float(distance) * CONTENT_LOSSES[name](120) == pytest.approx(expected, rel=1e-5)
    assert CONTENT_LOSSES.keys() == {
        "mean_square",
        "quarter_mean_square",
        "sum_square",
        "half_sum_square",
    }


def test_content_loss_of_half_precision_is_summed_in_fp32(generator: torch.Generator) -> None:
    """Squares in bf16 err to both sides; their sum is right to a tenth of a percent."""
    a, b = (torch.randn(1, 32, 40, 30, generator=generator).bfloat16() for _ in range(2))
    expected = float((a.double() - b.double()).square().sum())
    _, found = tapped_distance(a, b)
    assert found.dtype == torch.float32
    assert float(found) == pytest.approx(expected, rel=1e-3)


def literal_l1(picture: Tensor) -> float:
    """Sum the absolute differences of neighbours by loops, per value."""
    _, channels, height, width = picture.shape
    total = 0.0
    for c in range(channels):
        rows = picture[0, c].tolist()
        total += sum(abs(row[x + 1] - row[x]) for row in rows for x in range(width - 1))
        total += sum(
            abs(rows[y + 1][x] - rows[y][x]) for y in range(height - 1) for x in range(width)
        )
    return total / picture.numel()


def literal_nine_point(picture: Tensor) -> float:
    """Square the differences to right and down, and all diagonals of the padded picture."""
    _, channels, height, width = picture.shape

    def value(c: int, y: int, x: int) -> float:
        y, x = min(max(y - 1, 0), height - 1), min(max(x - 1, 0), width - 1)
        return float(picture[0, c, y, x])

    def squares(dy: int, dx: int, ys: range, xs: range) -> list[float]:
        return [
            (value(c, y + dy, x + dx) - value(c, y, x)) ** 2
            for c in range(channels)
            for y in ys
            for x in xs
        ]

    inside = (range(1, height + 1), range(1, width + 1))
    straight = squares(0, 1, *inside) + squares(1, 0, *inside)
    falling = squares(1, 1, range(height + 1), range(width + 1))
    rising = squares(1, -1, range(height + 1), range(1, width + 2))
    per_pixel = sum(straight) / (3 * channels * height * width)
    return 2 * (per_pixel + sum(falling + rising) / (12 * len(falling)))


@pytest.mark.parametrize(
    ("name", "literal"),
    [
        ("l1", literal_l1),
        ("l2", lambda picture: float(literal_tv(picture.double()))),
        ("nine_point", literal_nine_point),
    ],
)
def test_total_variation_by_loops(
    name: str, literal: Callable[[Tensor], float], picture: Tensor
) -> None:
    """Each total variation is its formula, and nothing for a flat picture."""
    picture = picture[..., :20, :16]
    assert (variation(name, picture)) == pytest.approx(literal(picture), rel=1e-4)
    assert (variation(name, torch.full((1, 3, 5, 4), 0.3))) == 0
