"""The styles of one job, measured for a size and a precision: from the cache, or looked at now."""

import time
from collections.abc import Sequence

import torch

from nstd.engine.color import Tone, matched
from nstd.engine.pixels import resize
from nstd.engine.targets import StyleStats, blend, ladder_size_px, style_statistics
from nstd.gramcache import GramKey
from nstd.images import load_photograph
from nstd.layers import smallest_side_px
from nstd.orders import StylePicture
from nstd.recipe import Recipe
from nstd.station import Station


class JobStyles:
    """What the pictures of a job's styles give together; `seconds` is what that has taken."""

    def __init__(
        self,
        pictures: Sequence[StylePicture],
        *,
        recipe: Recipe,
        style_scale: float,
        station: Station,
    ) -> None:
        self.pictures, self.recipe, self.station = pictures, recipe, station
        self.style_scale = style_scale
        self.seconds = 0.0
        self._measured_before = station.cache.measured

    def at(self, size_px: int, dtype: torch.dtype, tone: Tone | None) -> StyleStats:
        """Return the styles' statistics for a level whose long side has that many pixels.

        Args:
            tone: where given, the styles are looked at in grey, matched to it.
        """
        began = time.monotonic()
        wanted_px = ladder_size_px(size_px * self.style_scale)
        parts = [
            (self._statistics(style, wanted_px, dtype, tone), style.share)
            for style in self.pictures
        ]
        self.seconds += time.monotonic() - began
        return parts[0][0] if len(parts) == 1 else blend(parts)

    @property
    def looked(self) -> bool:
        """Tell whether any picture had to be looked at: not all was in the cache."""
        return self.station.cache.measured > self._measured_before

    def _statistics(
        self, style: StylePicture, size_px: int, dtype: torch.dtype, tone: Tone | None
    ) -> StyleStats:
        backbone = self.station.backbone(self.recipe, dtype)
        key = GramKey(
            style.sha256,
            size_px,
            self.station.weights(self.recipe.backbone).sha256,
            self.recipe.network,
            self.recipe.pooling,
            self.recipe.style_layers,
            str(dtype).removeprefix("torch."),
            tone,
        )

        def measure() -> StyleStats:
            pixels = load_photograph(style.data).pixels.to(self.station.device)
            # A style is never enlarged: that would teach the picture blur.
            scale = min(1.0, size_px / max(pixels.shape[-2:]))
            # … except where its short side would leave the deepest layer nothing to look at.
            shortest = smallest_side_px(self.recipe.style_layers) // 4
            scale = max(scale, shortest / min(pixels.shape[-2:]))
            width, height = round(pixels.shape[3] * scale), round(pixels.shape[2] * scale)
            small = resize(pixels, width=width, height=height)
            if tone:
                small = matched(small, tone)
            return style_statistics(backbone, small, self.recipe.style_layers)

        return self.station.cache.get(key, measure)
