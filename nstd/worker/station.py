"""What a worker keeps warm between jobs: its device, the networks and the style statistics."""

import gc
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import torch

from nstd.engine.backbone import Backbone
from nstd.engine.tiling import Helpers, Present, alone
from nstd.recipe import Recipe
from nstd.weights.load import Weights, load_backbone, load_weights
from nstd.worker.accelerator import has_bf16, prepare, release_everything
from nstd.worker.gramcache import GramCache
from nstd.worker.help import Help, NoHelp


@dataclass
class Station:
    """One per worker process; made by `at`."""

    device: torch.device
    cache: GramCache
    weights_folder: Path
    checkpoint_every_s: float
    preview_every_s: float = 0.0  # none
    memory_bytes: int | None = None  # that a job may take; None: what is free
    help: Help = field(default_factory=NoHelp)
    _weights: dict[str, Weights] = field(default_factory=dict)
    _backbones: dict[tuple[object, ...], Backbone] = field(default_factory=dict)

    @classmethod
    def at(
        cls,
        device: str,
        *,
        cache_folder: Path,
        weights_folder: Path,
        checkpoint_every_s: float,
        preview_every_s: float = 0.0,
        memory_bytes: int | None = None,
    ) -> "Station":
        where = torch.device(device)
        prepare(where)
        cache = GramCache(cache_folder, where)
        return cls(where, cache, weights_folder, checkpoint_every_s, preview_every_s, memory_bytes)

    def release(self) -> None:
        """Give back all memory that can be made again, and try no algorithms: they take some, too.

        `prepare` lets them be tried again.
        """
        self._backbones.clear()
        gc.collect()
        release_everything(self.device)

    def dtype(self, recipe: Recipe) -> torch.dtype:
        """Return the precision in which a recipe's steps are computed here."""
        wanted = recipe.precision
        if wanted == "bf16" or (wanted == "auto" and has_bf16(self.device)):
            return torch.bfloat16
        return torch.float32

    def weights(self, architecture: str) -> Weights:
        if architecture not in self._weights:
            self._weights[architecture] = load_weights(architecture, folder=self.weights_folder)
        return self._weights[architecture]

    def helpers(self, recipe: Recipe, dtype: torch.dtype, most: int) -> Helpers:
        """Return who helps to look at tiles: the networks on devices that are lent meanwhile."""

        @contextmanager
        def held() -> Iterator[Present]:
            with self.help.held(most) as devices:
                yield lambda: [
                    self.backbone(recipe, dtype, torch.device(name)) for name in devices()
                ]

        return held if most else alone

    def make_room(self) -> None:
        """Keep nothing on the device that can be made again: another is about to use it."""
        self.release()
        prepare(self.device)

    def leave(self, name: str) -> None:
        """Keep nothing on a device that was lent."""
        device = torch.device(name)
        if device == self.device:  # a processor: the networks there are this station's own
            return
        for key, made in tuple(self._backbones.items()):
            if made.device == device:
                del self._backbones[key]
        torch.cuda.empty_cache()

    def backbone(
        self, recipe: Recipe, dtype: torch.dtype, device: torch.device | None = None
    ) -> Backbone:
        """Return the network of a recipe on a device; None: the station's own."""
        device = device or self.device
        network = (recipe.backbone, recipe.network, recipe.pooling, recipe.padding)
        key = (*network, recipe.layers, dtype, device)
        if key not in self._backbones:
            self._backbones[key] = load_backbone(
                self.weights(recipe.backbone),
                network=recipe.network,
                pooling=recipe.pooling,
                padding=recipe.padding,
                layers=recipe.layers,
                dtype=dtype,
                device=device,
            )
        return self._backbones[key]
