"""What crosses between the spool and the workers: an order one way, events the other.

Vocabulary: no torch, no paths, nothing but frozen values.
"""

from dataclasses import dataclass
from typing import Annotated, Literal

from pydantic import Field

from nstd.errors import JobError
from nstd.formats import SUFFIX_OF_FORMAT, PictureFormat, Subsampling
from nstd.recipe import Model, Recipe

STEPS_SUFFIX = ".steps"
SMALLEST_SIDE_PX = 16

ColorChoice = Literal["style", "keep"]
MetadataChoice = Literal["keep", "no-gps", "none"]


class StyleShare(Model):
    """One style of a blend: its name, weight, and its pictures by hash."""

    name: str
    weight: Annotated[float, Field(gt=0, le=1e6)] = 1.0
    pictures: tuple[str, ...] = Field(strict=False)


class Order(Model):
    """A manifest with everything resolved: what the journal keeps and the record repeats."""

    styles: tuple[StyleShare, ...] = Field(strict=False)
    recipe_name: str
    recipe: Recipe
    size_px: int | None
    strength: float
    seed: int
    style_scale: float
    priority: int
    output_format: PictureFormat
    quality: int
    subsampling: Subsampling | None = None
    snapshots: int = 0
    color: ColorChoice = "style"
    metadata: MetadataChoice = "keep"

    @property
    def style_label(self) -> str:
        """The styles in words, as results are named: `starry-night`, `monet+shipwreck`."""
        return "+".join(style.name for style in self.styles)

    def result_size(self, *, width: int, height: int) -> tuple[int, int]:
        """Return the width and height of the result of a photograph: its own, or as ordered.

        Raises:
            JobError: the result would be too small.
        """
        if self.size_px:
            scale = self.size_px / max(width, height)
            width, height = max(1, round(width * scale)), max(1, round(height * scale))
        if min(width, height) < SMALLEST_SIDE_PX:
            raise JobError(
                f"The result would be {width} × {height} pixels; both sides must have at least "
                f"{SMALLEST_SIDE_PX} pixels."
            )
        return width, height

    def canvas_pixels(self, *, width: int, height: int) -> int:
        """Return about how many pixels a photograph has on the recipe's own canvas; 0: it has none.

        The exact size is the engine's to say; this is for who must refuse what nobody can hold.
        """
        canvas = self.recipe.canvas
        if canvas is None:
            return 0
        sides = {"square": 1.0, "short_side": min(width, height), "long_side": max(width, height)}
        across = (1, 1) if canvas.fit == "square" else (width, height)
        scale = canvas.px / sides[canvas.fit]
        return round(across[0] * scale) * round(across[1] * scale)

    def snapshot_suffix(self, step: int) -> str:
        """How the name of the picture after that step ends: `.steps/000200.jpg`."""
        return f"{STEPS_SUFFIX}/{step:06d}{SUFFIX_OF_FORMAT[self.output_format]}"

    def snapshot_suffixes(self, steps: int) -> tuple[str, ...]:
        """How the names of all snapshots end that are due after so many steps, in their order."""
        if not self.snapshots:
            return ()
        due = range(self.snapshots, steps + 1, self.snapshots)
        return tuple(self.snapshot_suffix(step) for step in due)


@dataclass(frozen=True)
class StylePicture:
    """One picture of a style and its share of the whole style; the shares sum to one."""

    sha256: str
    share: float
    data: bytes


@dataclass(frozen=True)
class WorkOrder:
    """Everything a worker needs for one job, by value: it sees no folder of ours."""

    job_id: str
    order: Order
    content: bytes
    styles: tuple[StylePicture, ...]
    checkpoint: bytes | None


@dataclass(frozen=True)
class LossRow:
    """One objective evaluation; `terms` are in the order of the run's term names."""

    step: int
    level: int
    size_px: int
    seconds: float
    terms: tuple[float, ...]

    @property
    def total(self) -> float:
        return sum(self.terms)


@dataclass(frozen=True)
class Progress:
    """How far a job is; `losses` are the rows since the last word."""

    job_id: str
    step: int
    steps: int
    level: int
    levels: int
    size_px: int
    eta_s: float
    device: str
    losses: tuple[LossRow, ...]


@dataclass(frozen=True)
class Checkpoint:
    """All that is needed to go on from `step` (safetensors)."""

    job_id: str
    step: int
    data: bytes


@dataclass(frozen=True)
class Snapshot:
    """The picture as it was after `step`, encoded as the result will be, at its level's size.

    It comes before the checkpoint of its step: who keeps that one has kept the snapshots before it.
    """

    job_id: str
    step: int
    data: bytes


@dataclass(frozen=True)
class ProducedFile:
    """A finished file: how its name ends (`.jpg`, `.losses.csv`), and its bytes."""

    suffix: str
    data: bytes


@dataclass(frozen=True)
class RunFacts:
    """What the worker knows of a finished run, for the record."""

    device: str
    precision: str
    weights_sha256: str
    evaluations: int
    stalled_levels: int
    width: int
    height: int
    seconds_load: float
    seconds_style: float
    seconds_optimise: float
    style_cache: Literal["hit", "miss", "unused"]
    resumed_from_step: int
    peak_memory_bytes: int
    losses_start: dict[str, float]
    losses_end: dict[str, float]
    losses_delivered: dict[str, float]
    versions: dict[str, str]
    reduced_memory: bool = False  # memory ran out, and it was done with a shorter history


@dataclass(frozen=True)
class Finished:
    """The job is computed; the files are as they shall be published."""

    job_id: str
    files: tuple[ProducedFile, ...]
    facts: RunFacts


@dataclass(frozen=True)
class Stopped:
    """The job was left on request, after a checkpoint; it is to be resumed."""

    job_id: str


@dataclass(frozen=True)
class Failed:
    """The job ended badly.

    `fault` says whose fault it is: the `job`'s (never again), the `attempt`'s (try again), or the
    `device`'s (the worker leaves; no attempt is charged).
    """

    job_id: str
    fault: Literal["job", "attempt", "device"]
    sentence: str


Event = Progress | Snapshot | Checkpoint | Finished | Stopped | Failed
