"""What crosses between the spool and the workers: an order one way, events the other.

Vocabulary: no torch, nothing but frozen values, and no paths but those of checkpoints.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field

from nstd.errors import JobError
from nstd.formats import SUFFIX_OF_FORMAT, PictureFormat, Subsampling
from nstd.model import Model
from nstd.recipe import Recipe

RECORD_SUFFIX = ".json"
STEPS_SUFFIX = ".steps"
THUMB_SUFFIXES = ("-before.jpg", "-after.jpg")
SMALLEST_SIDE_PX = 16
PROOF_LABEL = "proof"

ColorChoice = Literal["style", "keep"]
MetadataChoice = Literal["keep", "no-gps", "none"]


class StyleShare(Model):
    """One style of a blend: its name, weight, and its pictures by hash."""

    name: str
    weight: Annotated[float, Field(gt=0, le=1e6)] = 1.0
    pictures: tuple[str, ...] = Field(strict=False)


class ProofRow(Model):
    """A row of a proof: one style, and all that a picture in it alone would be painted with."""

    style: StyleShare
    strengths: tuple[float, ...] = Field(strict=False)
    recipe_name: str
    recipe: Recipe
    seed: int
    style_scale: float
    color: ColorChoice


class Order(Model):
    """A manifest with everything resolved: what the journal keeps and the record repeats.

    With `proof`, it is a contact sheet of these rows; `size_px` is then what the long side of each
    picture has at most, `styles` are those of all rows, and the recipe is the first row's.
    """

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
    proof: tuple[ProofRow, ...] = Field(default=(), strict=False)

    @property
    def style_label(self) -> str:
        """The styles in words, as results are named: `starry-night`, `monet+shipwreck`; `proof`."""
        return PROOF_LABEL if self.proof else "+".join(style.name for style in self.styles)

    @property
    def proof_pictures(self) -> int:
        """How many pictures are painted for a proof; 0 where it is none."""
        return sum(len(row.strengths) for row in self.proof)

    def result_size(self, *, width: int, height: int) -> tuple[int, int]:
        """Return the width and height of the result of a photograph: its own, or as ordered.

        Raises:
            JobError: the result would be too small.
        """
        if self.size_px:
            scale = self.size_px / max(width, height)
            scale = min(1.0, scale) if self.proof else scale
            width, height = max(1, round(width * scale)), max(1, round(height * scale))
        if min(width, height) < SMALLEST_SIDE_PX:
            raise JobError(
                f"The result would be {width} × {height} pixels; both sides must have at least "
                f"{SMALLEST_SIDE_PX} pixels."
            )
        return width, height

    def canvas_pixels(self, *, width: int, height: int) -> int:
        """Return about how many pixels a photograph has on the recipe's own canvas; 0: it has none.

        Of the rows of a proof, that of the largest.
        """
        canvases = [recipe.canvas for recipe in (self.recipe, *(row.recipe for row in self.proof))]
        return max(
            canvas.pixels(width=width, height=height) if canvas else 0 for canvas in canvases
        )

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
    """Everything a worker needs for one job, by value but for what is too large.

    It may write its checkpoints into `folder`, if any, and goes on from the first that is whole.
    """

    job_id: str
    order: Order
    content: bytes
    styles: tuple[StylePicture, ...]
    folder: Path | None = None
    checkpoints: tuple[Path, ...] = ()
    title: str = ""  # the photograph's name, for who shows it


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
    share: float  # of the whole work, by what is looked at: 0 … 1
    eta_s: float
    device: str
    losses: tuple[LossRow, ...]


@dataclass(frozen=True)
class Checkpoint:
    """All that is needed to go on from `step`: a whole, durable file, to be taken away."""

    job_id: str
    step: int
    file: Path


@dataclass(frozen=True)
class CheckpointLost:
    """A checkpoint that could not be written; the job goes on without."""

    job_id: str
    step: int
    error: OSError


@dataclass(frozen=True)
class Snapshot:
    """The picture as it was after `step`, encoded as the result will be, at its level's size.

    It comes before the checkpoint of its step: who keeps that one has kept the snapshots before it.
    """

    job_id: str
    step: int
    data: bytes


@dataclass(frozen=True)
class Preview:
    """The picture as it is after `step`, small, as a JPEG: to be looked at, and soon replaced."""

    job_id: str
    step: int
    data: bytes


@dataclass(frozen=True)
class ProducedFile:
    """A finished file: how its name ends (`.jpg`, `.losses.csv`), and its bytes."""

    suffix: str
    data: bytes


@dataclass(frozen=True)
class ProofPictureFacts:
    """What the worker knows of one picture of a proof, for the record."""

    style: str
    strength: float
    width: int
    height: int
    precision: str
    evaluations: int
    stalled_levels: int
    seconds_style: float
    seconds_optimise: float
    style_cache: Literal["hit", "miss", "unused"]
    losses_start: dict[str, float]
    losses_end: dict[str, float]


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
    reduced_memory: bool = False  # memory was short: it was done in tiles, perhaps forgetful
    helped_by: tuple[str, ...] = ()  # devices that looked at tiles beside its own
    proof: tuple[ProofPictureFacts, ...] = ()  # row by row; the losses are then here alone


@dataclass(frozen=True)
class Finished:
    """The job is computed; the files are as they shall be published.

    `thumbs` are small pictures of photograph and result (`THUMB_SUFFIXES`), of one size, for the
    gallery alone: of a proof that of its sheet, and none where memory was too short for them.
    """

    job_id: str
    files: tuple[ProducedFile, ...]
    facts: RunFacts
    thumbs: tuple[ProducedFile, ...] = ()


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


Event = Progress | Preview | Snapshot | Checkpoint | CheckpointLost | Finished | Stopped | Failed
