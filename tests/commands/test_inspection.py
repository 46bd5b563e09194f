"""`nstd inspect`: the arrays that are drawn, the files that are written, the words of errors."""

import io
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy
import pytest
import torch
from literal import literal_features, torchvision_network
from pictures import put_picture
from PIL import Image

from nstd.commands.inspection import LAYERS, Question, inspect, look
from nstd.errors import PictureError, UsageError
from nstd.weights.load import Weights


@pytest.fixture
def question(tmp_path: Path) -> Question:
    """Return a question about a small picture, as the command line's defaults ask it."""
    return Question(
        image=put_picture(tmp_path / "photo.png", width=96, height=64),
        layers=(),
        channels="brightest",
        backbone="vgg16",
        pooling="avg",
        network="normalized",
        size_px=512,
        folder=tmp_path / "sheets",
        weights_folder=tmp_path / "weights",
        force=False,
    )


def expected_features(
    question: Question, weights: Weights, layers: tuple[str, ...]
) -> dict[str, numpy.ndarray]:
    """Pass the picture through torchvision's layers, in float64; the normalised network divides."""
    with Image.open(question.image) as opened:
        pixels = torch.from_numpy(numpy.asarray(opened.convert("RGB")) / 255)
    network = torchvision_network("vgg16", pooling=question.pooling, state=weights.state)
    found = literal_features(network, pixels.permute(2, 0, 1).unsqueeze(0), layers)
    if question.network == "normalized":
        for name, value in found.items():
            mean = weights.mean_activations[question.pooling][name.replace("conv", "relu")].double()
            mean = torch.where(mean > 1e-3 * mean.mean(), mean, mean.mean())
            found[name] = value / mean.view(1, -1, 1, 1)
    return {name: value.squeeze(0).numpy() for name, value in found.items()}


@pytest.mark.parametrize(("network", "pooling"), [("raw", "max"), ("normalized", "avg")])
def test_the_channels_drawn_are_those_asked_for(
    question: Question, vgg16_weights: Weights, network: str, pooling: str
) -> None:
    """Layers and channels stand in the order asked for, with torchvision's numbers."""
    layers = ("relu4_2", "conv1_1", "relu2_1")
    asked = replace(question, layers=layers, channels="60, 3,12", network=network, pooling=pooling)
    expected = expected_features(asked, vgg16_weights, layers)
    view = look(asked)

    assert [layer.layer for layer in view.layers] == list(layers)
    for layer in view.layers:
        features = expected[layer.layer]
        flat = features.reshape(len(features), -1)
        gram = flat @ flat.T / flat.shape[1]
        assert layer.channels == (60, 3, 12)
        numpy.testing.assert_allclose(
            layer.maps, features[[60, 3, 12]], atol=1e-4 * numpy.abs(features).max()
        )
        numpy.testing.assert_allclose(layer.gram, gram, atol=1e-4 * numpy.abs(gram).max())


def test_by_default_the_brightest_channels_of_the_papers_layers_are_drawn(
    question: Question, vgg16_weights: Weights
) -> None:
    """The five of the highest mean activation, brightest first."""
    expected = expected_features(question, vgg16_weights, LAYERS)
    view = look(question)

    assert [layer.layer for layer in view.layers] == list(LAYERS)
    for layer in view.layers:
        means = expected[layer.layer].mean(axis=(1, 2))
        assert layer.channels == tuple(numpy.argsort(-means)[:5])


def test_the_picture_is_brought_down_but_never_enlarged(question: Question) -> None:
    """The network sees `--size` pixels on the long side, or the picture's own size."""
    large = replace(
        question, image=put_picture(question.image.with_name("b.jpg"), width=300, height=150)
    )
    shallow = replace(large, layers=("relu1_1",), size_px=128)

    assert look(shallow).picture.shape == (64, 128, 3)
    assert look(shallow).layers[0].maps.shape[1:] == (64, 128)
    assert look(replace(shallow, size_px=512)).picture.shape == (150, 300, 3)


def test_two_sheets_are_written_and_not_replaced_unasked(question: Question) -> None:
    """They bear the picture's stem; with `force` they are replaced."""
    asked = replace(question, layers=("relu1_1",))
    written = inspect(asked)
    with pytest.raises(UsageError, match=r"photo\.features\.png exists; --force replaces it"):
        inspect(asked)
    written[0].write_bytes(b"old")
    inspect(replace(asked, force=True))

    assert [path.name for path in written] == ["photo.features.png", "photo.grams.png"]
    assert {path.name for path in question.folder.iterdir()} == {path.name for path in written}
    for path in written:
        with Image.open(io.BytesIO(path.read_bytes())) as sheet:
            assert sheet.format == "PNG"
            assert min(sheet.size) > 300


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"layers": ("relu4_5",)}, r"found 'relu4_5'; vgg16 has conv1_1, .*did you"),
        ({"channels": "0,512"}, r"found 512; relu1_1 has 64 channels, 0 … 63"),
        ({"channels": "0,,1"}, r"found '0,,1'; 'brightest', or numbers"),
        ({"channels": "-1"}, r"found '-1'"),
        ({"channels": ",".join(map(str, range(17)))}, r"found 17; .* 16"),
        ({"size_px": 9000}, r"found 9000; 64 … 2048 pixels are allowed"),
        ({"image": Path("none.jpg")}, r"no picture none\.jpg"),
    ],
)
def test_what_cannot_be_asked_is_said(
    question: Question, change: dict[str, object], words: str
) -> None:
    """The sentence names what was found and what is allowed; nothing is written."""
    with pytest.raises(UsageError, match=words):
        inspect(replace(question, **change))
    assert not question.folder.exists()


def test_a_text_is_no_picture(question: Question, tmp_path: Path) -> None:
    """The sentence names the file and the formats that are read."""
    text = tmp_path / "text.jpg"
    text.write_text("not a picture")
    with pytest.raises(PictureError, match=r"text\.jpg is not a picture .*JPEG, PNG"):
        inspect(replace(question, image=text))


def test_a_picture_too_narrow_for_the_deepest_layer_is_told(question: Question) -> None:
    """Halved four times nothing would be left; shallow layers still have their maps."""
    narrow = put_picture(question.image.with_name("n.png"), width=200, height=12)
    with pytest.raises(PictureError, match=r"200 × 12 pixels; .* need 16"):
        look(replace(question, image=narrow))

    assert look(replace(question, image=narrow, layers=("relu4_1",))).layers[0].maps.shape[1] == 1


def test_a_folder_that_cannot_be_made_is_told(question: Question) -> None:
    """As when a file bears its name."""
    with pytest.raises(UsageError, match=r"photo\.png cannot be written: File exists"):
        inspect(replace(question, folder=question.image, layers=("relu1_1",)))


def test_help_loads_no_torch() -> None:
    """The command's words are answered at once."""
    words = (
        "import sys\nfrom nstd.cli import main\n"
        "try: main(['inspect', '--help'])\n"
        "finally: assert not {'torch', 'numpy', 'matplotlib'} & sys.modules.keys()"
    )
    found = subprocess.run(
        [sys.executable, "-c", words], capture_output=True, text=True, check=False
    )

    assert (found.returncode, found.stderr) == (0, "")
    assert "--channels" in found.stdout


def test_the_command_prints_what_it_wrote(question: Question) -> None:
    """A path a line; layers may be named again and again."""
    command = ("inspect", str(question.image), "-o", str(question.folder), "--channels", "0,1,2")
    found = subprocess.run(
        [sys.executable, "-m", "nstd", *command, "--layer", "relu1_1", "--layer", "conv2_1"],
        capture_output=True,
        text=True,
        check=False,
    )

    assert (found.returncode, found.stderr) == (0, "")
    assert [Path(line) for line in found.stdout.splitlines()] == [
        question.folder / "photo.features.png",
        question.folder / "photo.grams.png",
    ]
