"""The styles of a job, measured for a level."""

import hashlib

import torch
from pictures import picture_bytes
from torch.nn import functional as F

from nstd.engine.tiling import WHOLE
from nstd.orders import StylePicture
from nstd.pictures.images import load_photograph
from nstd.recipe import load_recipe
from nstd.worker.station import Station
from nstd.worker.style_pictures import JobStyles


def test_a_picture_above_its_styles_size_is_taught_by_a_little_enlargement(
    station: Station,
) -> None:
    """The statistics are those of the style at the fourth root of the two sizes' ratio."""
    data = picture_bytes(format="PNG", width=96, height=64)
    style = StylePicture(hashlib.sha256(data).hexdigest(), 1.0, data)
    recipe = load_recipe("studio")
    styles = JobStyles((style,), recipe=recipe, style_scale=1.0, station=station, tiling=WHOLE)
    found = styles.at(384, 256, torch.float32, None).layers
    # The ladder's size nearest to 384 is 362: 3.77 times 96, of which the fourth root is 1.39.
    pixels = load_photograph(data).pixels
    larger = F.interpolate(pixels, (89, 134), mode="bicubic", antialias=True).clamp(0, 1)
    backbone = station.backbone(recipe, torch.float32)
    for layer in recipe.style_layers:
        with torch.no_grad():
            features = backbone.features(larger, [layer])[layer][0].flatten(1).double()
        expected = features @ features.T / features.shape[1]
        torch.testing.assert_close(
            found[layer].second_moment.double(), expected, rtol=1e-4, atol=1e-4
        )
