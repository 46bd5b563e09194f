"""The statistics of styles, on disk and in memory: measured once for all they depend on."""

import contextlib
import hashlib
import json
import os
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from pathlib import Path

import torch
from safetensors import SafetensorError
from safetensors.torch import load, save
from torch import Tensor

from nstd.engine.color import Tone
from nstd.engine.statistics import LayerStats
from nstd.engine.targets import StyleStats
from nstd.seal import sealed, unsealed

PREPROCESSING_VERSION = 4
KEPT_IN_MEMORY = 256


@dataclass(frozen=True)
class GramKey:
    """Everything that a style's statistics depend on.

    `tone` is that of the photograph which the style's luminance is matched to, where colours stay.
    """

    picture_sha256: str
    fit: str
    size_px: int
    weights_sha256: str
    network: str
    pooling: str
    padding: str
    layers: tuple[str, ...]
    precision: str
    tone: Tone | None = None
    preprocessing: int = PREPROCESSING_VERSION

    @property
    def digest(self) -> str:
        text = json.dumps(asdict(self), sort_keys=True)
        return hashlib.sha256(text.encode()).hexdigest()


@dataclass
class GramCache:
    """Statistics by key: from memory, from the folder, or measured now and kept in both.

    `measured` counts how often a style had to be looked at.
    """

    folder: Path
    device: torch.device
    measured: int = 0
    _memory: dict[str, StyleStats] = field(default_factory=dict)

    def get(self, key: GramKey, measure: Callable[[], StyleStats]) -> StyleStats:
        """Return the statistics for `key`; a torn or foreign file is measured anew."""
        digest = key.digest
        stats = self._memory.get(digest) or self._read(digest, key)
        if stats is not None:
            self._note_use(digest)
        else:
            stats = measure()
            self.measured += 1
            self._write(digest, key, stats)
        self._memory[digest] = stats
        while len(self._memory) > KEPT_IN_MEMORY:
            del self._memory[next(iter(self._memory))]
        return stats

    def _note_use(self, digest: str) -> None:
        """Make the file the newest: those that were not used for longest are removed first."""
        with contextlib.suppress(OSError):  # it was removed, or the disk is read-only
            os.utime(self.folder / f"{digest}.safetensors")

    def _read(self, digest: str, key: GramKey) -> StyleStats | None:
        try:
            data = unsealed((self.folder / f"{digest}.safetensors").read_bytes())
            if data is None:
                return None
            tensors = load(data)
            return StyleStats(
                {
                    layer: LayerStats(
                        tensors[f"{layer}.mean"].to(self.device),
                        tensors[f"{layer}.second_moment"].to(self.device),
                        int(tensors[f"{layer}.positions"]),
                    )
                    for layer in key.layers
                }
            )
        except (OSError, SafetensorError, KeyError):
            return None

    def _write(self, digest: str, key: GramKey, stats: StyleStats) -> None:
        tensors: dict[str, Tensor] = {}
        for layer, found in stats.layers.items():
            tensors[f"{layer}.mean"] = found.mean.cpu()
            tensors[f"{layer}.second_moment"] = found.second_moment.cpu()
            tensors[f"{layer}.positions"] = torch.tensor(found.positions)
        data = save(tensors, metadata={"key": json.dumps(asdict(key))})
        # A name of its own: workers of several devices may write the same entry at once.
        part = self.folder / f"{digest}-{os.getpid()}.part"
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            part.write_bytes(sealed(data))
            os.replace(part, self.folder / f"{digest}.safetensors")
        except OSError:  # a full or read-only disk costs the next worker a style pass, no job
            with contextlib.suppress(OSError):
                part.unlink()
