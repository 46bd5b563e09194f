"""The styles of one job, measured for a size and a precision: from the cache, or looked at now."""

import time
from collections.abc import Sequence
from typing import Literal

import torch
from torch import Tensor

from nstd.engine.color import Tone, matched
from nstd.engine.pixels import resize
from nstd.engine.targets import StyleStats, blend, ladder_size_px, style_statistics
from nstd.engine.tiling import Tiling
from nstd.engine.visibility import hidden_filled, opacity, pixel_weights
from nstd.orders import StylePicture
from nstd.pictures.images import load_photograph
from nstd.recipe import Canvas, Recipe
from nstd.worker.accelerator import exact_fp32
from nstd.worker.gramcache import GramKey
from nstd.worker.station import Station
from nstd.worker.style_sizes import style_size


class JobStyles:
    """What the pictures of a job's styles give together; `seconds` is what that has taken.

    `tiling` says how a picture that has to be looked at is: by tiles, with a sign of life at each.
    """

    def __init__(
        self,
        pictures: Sequence[StylePicture],
        *,
        recipe: Recipe,
        style_scale: float,
        station: Station,
        tiling: Tiling,
    ) -> None:
        self.tiling = tiling
        self.pictures, self.recipe, self.station = pictures, recipe, station
        self.style_scale = style_scale
        self.seconds = 0.0
        self._measured_before = station.cache.measured

    def at(self, width: int, height: int, dtype: torch.dtype, tone: Tone | None) -> StyleStats:
        """Return the styles' statistics for a level of that size; none if no term needs them.

        Args:
            tone: where given, the styles are looked at in grey, matched to it.
        """
        if not self.recipe.style_layers:
            return StyleStats({})
        began = time.monotonic()
        canvas = self._canvas(width, height)
        parts = [
            (self._statistics(style, canvas, dtype, tone), style.share) for style in self.pictures
        ]
        self.seconds += time.monotonic() - began
        return parts[0][0] if len(parts) == 1 else blend(parts)

    @property
    def cache_use(self) -> Literal["hit", "miss", "unused"]:
        """Tell whether all statistics came from the cache, or any picture had to be looked at."""
        if not self.recipe.style_layers:
            return "unused"
        return "miss" if self.station.cache.measured > self._measured_before else "hit"

    def first_picture(self, tone: Tone | None) -> Tensor:
        """Return the first style's picture (1, 3, H, W), for a run that starts from it."""
        return self._toned(self.pictures[0], tone)

    def _canvas(self, width: int, height: int) -> Canvas:
        """Say at which size a style is looked at for a level: fitted as the photograph is."""
        fit = self.recipe.canvas.fit if self.recipe.canvas else "long_side"
        if fit == "long_side":
            return Canvas(fit=fit, px=ladder_size_px(max(width, height) * self.style_scale))
        return Canvas(fit=fit, px=max(32, round(min(width, height) * self.style_scale)))

    def _toned(self, style: StylePicture, tone: Tone | None) -> Tensor:
        pixels, _ = self._looked_at(style)
        return matched(pixels, tone) if tone else pixels

    def _looked_at(self, style: StylePicture) -> tuple[Tensor, Tensor | None]:
        """Return a style's pixels, also behind what is transparent, and its opacity."""
        photograph, device = load_photograph(style.data), self.station.device
        alpha = opacity(photograph.alpha, device)
        return hidden_filled(photograph.pixels.to(device), alpha), alpha

    def _statistics(
        self, style: StylePicture, canvas: Canvas, dtype: torch.dtype, tone: Tone | None
    ) -> StyleStats:
        backbone = self.station.backbone(self.recipe, dtype)
        key = GramKey(
            style.sha256,
            canvas.fit,
            canvas.px,
            self.station.weights(self.recipe.backbone).sha256,
            self.recipe.network,
            self.recipe.pooling,
            self.recipe.padding,
            self.recipe.style_layers,
            str(dtype).removeprefix("torch."),
            tone,
        )

        def measure() -> StyleStats:
            pixels, alpha = self._looked_at(style)
            layers, (height, width) = self.recipe.style_layers, pixels.shape[-2:]
            width, height = style_size(canvas, width=width, height=height, layers=layers)
            sized = resize(pixels, width=width, height=height)
            weights = pixel_weights(alpha, width=width, height=height)
            if tone:
                sized = matched(sized, tone)
            with exact_fp32():  # one entry of the cache serves the steps and the delivered loss
                return style_statistics(backbone, sized, layers, weights, self.tiling)

        return self.station.cache.get(key, measure)
