"""`nstd inspect`: what the network sees in a picture, written as two sheets."""

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from nstd.commands.feature_sheets import LayerView, PictureView, features_png, grams_png
from nstd.commands.picture_file import read_picture
from nstd.errors import PictureError, UsageError
from nstd.layers import layer_names, smallest_side_px
from nstd.pool.devices import share_processors
from nstd.problems import did_you_mean
from nstd.spool.durable import replace_durably

if TYPE_CHECKING:
    from torch import Tensor

LAYERS = ("relu1_1", "relu2_1", "relu3_1", "relu4_1", "relu4_2", "relu5_1")
BRIGHTEST = "brightest"
COLUMNS = 5
MOST_COLUMNS = 16
SIZES_PX = range(64, 2049)  # at 2048 the first layer's maps take 0.8 GB
NETWORK_WORDS = {
    "normalized": "normalised: 1 is a filter's mean over photographs",
    "raw": "raw: filters as they were trained",
}
POOLING_WORDS = {"avg": "average pooling", "max": "max pooling"}


@dataclass(frozen=True)
class Question:
    """What the command line asks; no `layers`: the default ones."""

    image: Path
    layers: tuple[str, ...]
    channels: str
    backbone: str
    pooling: str
    network: str
    size_px: int
    folder: Path
    weights_folder: Path
    force: bool


def inspect(question: Question) -> tuple[Path, ...]:
    """Draw and write both sheets; return where they are.

    Raises:
        UsageError: the question cannot be asked.
        PictureError: the picture cannot be used.
    """
    stem = question.image.stem
    sheets = {
        question.folder / f"{stem}.features.png": features_png,
        question.folder / f"{stem}.grams.png": grams_png,
    }
    for path in sheets:
        if path.exists() and not question.force:
            raise UsageError(f"{path} exists; --force replaces it.")
    view = look(question)
    try:
        question.folder.mkdir(parents=True, exist_ok=True)
        for path, draw in sheets.items():
            replace_durably(path, draw(view))
    except OSError as error:
        raise UsageError(f"{question.folder} cannot be written: {error.strerror}.") from error
    return tuple(sheets)


def look(question: Question) -> PictureView:
    """Pass the picture through the network once, on the processor, in fp32.

    Raises:
        UsageError: the question cannot be asked.
        PictureError: the picture cannot be used.
    """
    layers = _layers(question)
    channels = _channels(question.channels)
    if question.size_px not in SIZES_PX:
        raise UsageError(
            f"--size: found {question.size_px}; {SIZES_PX[0]} … {SIZES_PX[-1]} pixels are allowed."
        )
    data = read_picture(question.image)
    share_processors()
    import torch

    from nstd.weights.load import load_backbone, load_weights

    picture = _small_picture(data, question, layers)  # (1, 3, H, W)
    backbone = load_backbone(
        load_weights(question.backbone, folder=question.weights_folder),
        network=question.network,
        pooling=question.pooling,
        padding="zeros",
        layers=layers,
        dtype=torch.float32,
        device=torch.device("cpu"),
    )
    with torch.inference_mode():
        features = backbone.features(picture, layers)
        views = tuple(_view(layer, features[layer], channels) for layer in layers)
    network = (
        f"{question.backbone.replace('vgg', 'VGG-')}, {POOLING_WORDS[question.pooling]}\n"
        f"{NETWORK_WORDS[question.network]}"
    )
    pixels = picture.squeeze(0).permute(1, 2, 0).numpy()  # (H, W, 3)
    return PictureView(question.image.name, pixels, network, views)


def _layers(question: Question) -> tuple[str, ...]:
    known = layer_names(question.backbone)
    for name in question.layers:
        if name not in known:
            raise UsageError(
                f"--layer: found {name!r}; {question.backbone} has {', '.join(known)}"
                f"{did_you_mean(name, known)}."
            )
    return tuple(dict.fromkeys(question.layers)) or LAYERS


def _channels(text: str) -> tuple[int, ...]:
    """Read the numbers of the channels; none stands for the brightest."""
    if text == BRIGHTEST:
        return ()
    words = [word.strip() for word in text.split(",")]
    if not all(word.isdecimal() for word in words):
        raise UsageError(
            f"--channels: found {text!r}; {BRIGHTEST!r}, or numbers such as 0,1,2, are expected."
        )
    numbers = tuple(dict.fromkeys(map(int, words)))
    if len(numbers) > MOST_COLUMNS:
        raise UsageError(f"--channels: found {len(numbers)}; a sheet holds {MOST_COLUMNS}.")
    return numbers


def _small_picture(data: bytes, question: Question, layers: tuple[str, ...]) -> "Tensor":
    """Return the picture (1, 3, H, W), brought down to the size asked for but never enlarged."""
    from nstd.engine.pixels import resize
    from nstd.pictures.images import load_photograph

    photograph = load_photograph(data)
    scale = min(1, question.size_px / max(photograph.width, photograph.height))
    width, height = round(photograph.width * scale), round(photograph.height * scale)
    shortest = smallest_side_px(layers) // 4  # one position of the deepest layer
    if min(width, height) < shortest:
        raise PictureError(
            f"{question.image} is looked at with {width} × {height} pixels; the layers asked for "
            f"need {shortest} on the short side. Ask for a larger --size or shallower layers."
        )
    return resize(photograph.pixels, width=width, height=height)


def _view(layer: str, features: "Tensor", channels: tuple[int, ...]) -> LayerView:
    """Take the chosen channels, and the Gram matrix of all, from features (1, C, h, w)."""
    from nstd.engine.statistics import layer_statistics

    count = features.shape[1]
    if channels and max(channels) >= count:
        raise UsageError(
            f"--channels: found {max(channels)}; {layer} has {count} channels, 0 … {count - 1}."
        )
    statistics = layer_statistics(features)
    chosen = channels or tuple(statistics.mean.topk(min(COLUMNS, count)).indices.tolist())
    maps = features.squeeze(0)[list(chosen)]  # (N, h, w)
    return LayerView(layer, chosen, maps.numpy(), statistics.second_moment.numpy())
