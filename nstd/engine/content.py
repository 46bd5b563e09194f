"""What a network sees in a photograph, looked at once for all runs that share it."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from torch import Tensor

from nstd.engine.backbone import Backbone


@dataclass(frozen=True)
class ContentFeatures:
    """Of one photograph, one network and one choice of layers: the features, by the level's size.

    They stay in memory, those of every level: for runs of small pictures.
    """

    _seen: dict[tuple[int, int], Mapping[str, Tensor]] = field(default_factory=dict)

    def of(
        self, content: Tensor, backbone: Backbone, layers: Iterable[str]
    ) -> Mapping[str, Tensor]:
        """Return the features (1, C, h, w) by layer of the photograph at a level's size."""
        height, width = content.shape[-2:]
        if (width, height) not in self._seen:
            self._seen[width, height] = backbone.features(content, layers)
        return self._seen[width, height]
