"""Is there room on the disks for what a job makes? Asked before one is accepted or handed out."""

from dataclasses import dataclass
from pathlib import Path

from nstd.clock import Now
from nstd.errors import WorldError
from nstd.foreman.circuits import Circuits
from nstd.formats import PictureFormat, result_format
from nstd.orders import Order
from nstd.recipe import AdamChoice, OptimizerChoice, Recipe
from nstd.spool.disk import free_bytes, gigabytes
from nstd.spool.jobs import Job
from nstd.spool.journal import Journal
from nstd.spool.names import split_name
from nstd.spool.work import WorkFolder

ASK_AGAIN_S = 60.0
# A checkpoint is kept, the one before it too, while the next is written.
CHECKPOINTS = 3
FLOAT_PICTURE_BYTES = 3 * 4  # of a pixel in an optimiser's state: three channels in fp32
# Of a pixel in a file, at the worst: JPEG of quality 95 and WebP; PNG and TIFF hardly pack paint,
# and may have four channels of sixteen bits.
FILE_BYTES: dict[PictureFormat, int] = {"jpeg": 2, "webp": 2, "png": 8, "tiff": 8}
LOG_BYTES = 2_000_000
# Of a photograph as cameras and programs write it: for jobs whose size was not written down.
PIXELS_PER_BYTE: dict[PictureFormat, float] = {"jpeg": 4, "webp": 6, "png": 0.7, "tiff": 0.4}


def outbox_bytes(order: Order, pixels: int) -> int:
    """Return how much a job may publish, for a photograph of so many pixels."""
    result_px = order.size_px**2 if order.size_px else pixels
    count = 1 + (order.recipe.steps // order.snapshots if order.snapshots else 0)
    if order.proof:  # its sheet: the photograph, every painting, and the pictures
        count += len(order.proof) + order.proof_pictures
    return count * result_px * FILE_BYTES[order.output_format] + LOG_BYTES


def work_bytes(order: Order, pixels: int) -> int:
    """Return how much a job may write into the work folder: its results, and its checkpoints."""
    result_px = order.size_px**2 if order.size_px else pixels
    recipes = [row.recipe for row in order.proof] or [order.recipe]
    state = max(
        state_bytes(recipe, recipe.canvas.px**2 if recipe.canvas else result_px)
        for recipe in recipes
    )
    # The checkpoint of a proof holds, besides, the pictures that are painted already.
    painted = order.proof_pictures * result_px * FILE_BYTES["png"]
    return CHECKPOINTS * (state + painted) + outbox_bytes(order, pixels)


def state_bytes(recipe: Recipe, pixels: int) -> int:
    """Return the size of the largest checkpoint: an optimiser keeps several pictures in fp32.

    At most, for a picture of any shape with so many pixels.
    """
    pictures = 2 if recipe.average else 0
    if recipe.refine is None:
        return (_pictures(recipe.optimizer) + pictures) * pixels * FLOAT_PICTURE_BYTES
    below_px = min(pixels, recipe.refine.above_px**2)
    below = (_pictures(recipe.optimizer) + pictures) * below_px
    above = (_pictures(recipe.refine.optimizer) + pictures) * pixels
    return max(below, above) * FLOAT_PICTURE_BYTES


def _pictures(choice: OptimizerChoice) -> int:
    """Adam keeps the variable and two moments; L-BFGS a pair for each step that it remembers.

    Besides, it keeps its place, its direction, the gradient there and those of two trials.
    """
    if isinstance(choice, AdamChoice):
        return 3
    of_pair = 1 if choice.history_precision == "bf16" else 2
    return 5 + of_pair * choice.history


@dataclass(frozen=True)
class Gate:
    """Lets jobs in and on while there is room.

    Below `min_free_bytes` everything waits, and the disk's circuit is open. A job that would take
    the disk below waits alone: others may be smaller.
    """

    journal: Journal
    work: WorkFolder
    outbox: Path
    min_free_bytes: int
    circuits: Circuits

    def may_accept(self, now: Now) -> bool:
        """Tell whether the work folder has room for arrivals."""
        return self._has_reserve("work space", "work folder", self.work.root, now)

    def may_start(self, now: Now) -> bool:
        """Tell whether any job may be handed out."""
        return self.may_accept(now) and self._has_reserve(
            "outbox space", "outbox", self.outbox, now
        )

    def has_room_for(self, job: Job, now: Now) -> bool:
        """Tell whether this job may be handed out; if not, it is put back, with the reason."""
        pixels = job.pixels or self._guessed_pixels(job)
        for name, folder, need in (
            ("work folder", self.work.root, work_bytes(job.order, pixels)),
            ("outbox", self.outbox, outbox_bytes(job.order, pixels)),
        ):
            free = self._free(folder)
            if free is not None and free < need + self.min_free_bytes:
                reason = (
                    f"The {name} {folder} has {gigabytes(free)} free; this job may need "
                    f"{gigabytes(need)}, and {gigabytes(self.min_free_bytes)} must stay free "
                    "(min_free_bytes)."
                )
                self.journal.requeue(
                    job.id,
                    attempts=job.attempts,
                    next_try_s=now.wall_s + ASK_AGAIN_S,
                    reason=reason,
                )
                return False
        return True

    def _guessed_pixels(self, job: Job) -> int:
        suffix = split_name(job.content_name or "")[1]
        size = self.work.content(job.id).stat().st_size
        return int(size * PIXELS_PER_BYTE[result_format(suffix)])

    def _has_reserve(self, resource: str, name: str, folder: Path, now: Now) -> bool:
        if not self.circuits.may_try(resource, now):
            return False
        free = self._free(folder)
        if free is not None and free < self.min_free_bytes:
            sentence = (
                f"The {name} {folder} has {gigabytes(free)} free; "
                f"{gigabytes(self.min_free_bytes)} are needed (min_free_bytes). Jobs wait."
            )
            self.circuits.failed(WorldError(resource, sentence), now)
            return False
        self.circuits.works(resource)
        return True

    def _free(self, folder: Path) -> int | None:
        """Return the free bytes; None where nobody wants to know, or nobody can.

        A share that is away has a circuit of its own, and painting goes on without it.
        """
        if not self.min_free_bytes:
            return None
        try:
            return free_bytes(folder)
        except OSError:
            return None
