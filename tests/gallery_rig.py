"""An outbox with a gallery, and a journal that a test fills by hand."""

import io
import json
import os
from dataclasses import asdict, dataclass, field, replace
from functools import cache
from pathlib import Path

from fake_pool import FACTS
from pictures import picture_bytes
from PIL import Image

from nstd.clock import Now
from nstd.gallery.files import Files
from nstd.gallery.gallery import Gallery
from nstd.gallery.links import after_thumb, before_thumb, live_picture
from nstd.orders import Order, ProducedFile, ProofRow, StyleShare
from nstd.recipe import load_recipe
from nstd.spool.jobs import Fault, JobProgress, NewJob, PlannedFile
from nstd.spool.journal import Journal
from nstd.spool.names import safe_folder, safe_name

NOON_S = 1_790_000_000.0
HEAD = "step,level,size,seconds,total,content,style,tv,style.relu1_1"
LOG = "\n".join(
    [HEAD, *(f"{n},{n // 40},{128 << n // 40},{n / 9},{9 / (n % 40 + 1) + 1},{1 + n / 99},"
             f"{8 / (n % 40 + 1)},{0.01 * n},1" for n in range(1, 80))]
).encode()  # fmt: skip


def order(*styles: str, output_format: str = "jpeg", **fields: object) -> Order:
    """Return what was ordered."""
    values: dict[str, object] = {
        "styles": tuple(StyleShare(name=name, pictures=("00",)) for name in styles or ("waves",)),
        "recipe_name": "studio",
        "recipe": load_recipe("studio"),
        "size_px": None,
        "strength": 1.0,
        "seed": 0,
        "style_scale": 1.0,
        "priority": 0,
        "output_format": output_format,
        "quality": 95,
    }
    return Order.model_validate(values | fields)


def proof_order(*styles: str, strengths: tuple[float, ...] = (0.5, 2.0)) -> Order:
    """Return what a proof of these styles is ordered with."""
    ordered = order(*styles, output_format="png")
    rows = tuple(
        ProofRow(
            style=style,
            strengths=strengths,
            recipe_name=ordered.recipe_name,
            recipe=ordered.recipe,
            seed=0,
            style_scale=1.0,
            color="style",
        )
        for style in ordered.styles
    )
    return ordered.model_copy(update={"proof": rows})


@cache
def plain_order() -> Order:
    """Return what is ordered where a test does not care: it takes a while to make."""
    return order()


@cache
def small(data: bytes) -> bytes:
    """Return a picture as a thumb has it."""
    with Image.open(io.BytesIO(data)) as picture:
        picture.thumbnail((800, 800))
        out = io.BytesIO()
        picture.convert("RGB").save(out, "JPEG", quality=85)
    return out.getvalue()


@cache
def size_of(data: bytes) -> tuple[int, int]:
    with Image.open(io.BytesIO(data)) as picture:
        return picture.size


@dataclass
class Museum:
    """Jobs are put straight into the journal, as a daemon would have left them."""

    root: Path
    now: Now = field(default_factory=lambda: Now(1000.0, NOON_S))
    faults: tuple[Fault, ...] = ()
    jobs: int = 0
    _by_hand: set[str] = field(default_factory=set)

    def __post_init__(self) -> None:
        self.outbox = self.root / "outbox"
        self.outbox.mkdir(parents=True, exist_ok=True)
        self.journal = Journal(self.root / "journal.sqlite")
        # What is measured here is the gallery, not a disk that is told to keep every word.
        self.journal._db.execute("PRAGMA synchronous = OFF")
        self.gallery = Gallery(self.journal, Files(self.outbox))

    def close(self) -> None:
        self.journal.close()

    # --- jobs ---------------------------------------------------------------------------------

    def enter(
        self,
        name: str,
        folder: str = "",
        *,
        ordered: Order | None = None,
        manifest: bytes = b"style: waves\n",
    ) -> str:
        """Accept a job."""
        self.jobs += 1
        job_id = f"{self.jobs:08x}"
        job = NewJob(
            job_id,
            folder,
            name,
            "it.yaml",
            manifest,
            order=ordered or plain_order(),
            pixels=9,
        )
        self.journal.enter(job, "queued", {}, now_s=self.now.wall_s - 60)
        return job_id

    def run(self, name: str, folder: str = "", *, step: int = 0, **fields: object) -> str:
        """Have a job with a worker; with `step` it has said how far it is."""
        job_id = self.enter(name, folder, **fields)
        self.journal.start(job_id, now_s=self.now.wall_s - 30)
        if step:
            self.at_step(job_id, step)
        return job_id

    def at_step(self, job_id: str, step: int) -> None:
        word = JobProgress(
            job_id, step, 150, 2, 3, 512, 12.5 / step, 90.0, "cuda:0", self.now.wall_s, step / 140
        )
        self.journal.board.set_progress(word)

    def fail(self, name: str, folder: str = "", *, reason: str) -> str:
        job_id = self.enter(name, folder)
        self.journal.end(job_id, "failed", now_s=self.now.wall_s, reason=reason)
        return job_id

    def finish(
        self,
        name: str,
        folder: str = "",
        *,
        ordered: Order | None = None,
        before: bytes | None = None,
        after: bytes | None = None,
        thumbs: bool = True,
        log: bytes = LOG,
        files: tuple[str, ...] = (),
        device: str = FACTS.device,
        **fields: object,
    ) -> str:
        """Finish and publish a job, a second after the one before; pictures are drawn if none."""
        ordered = ordered or plain_order()
        job_id = self.run(name, folder, ordered=ordered, **fields)
        after = after or picture_bytes(seed=self.jobs, width=96, height=64)
        suffix = {"jpeg": ".jpg", "tiff": ".tif"}.get(
            ordered.output_format, f".{ordered.output_format}"
        )
        made = [ProducedFile(suffix, after), ProducedFile(".losses.csv", log)]
        made += [ProducedFile(other, b"other") for other in files]
        folder = safe_folder(folder)
        stem = safe_name(f"{name.rpartition('.')[0]}--{ordered.style_label}")
        width, height = size_of(after)
        facts = asdict(replace(FACTS, width=width, height=height, device=device))
        self.journal.finish(
            job_id,
            [PlannedFile.of(file.suffix, file.data) for file in made],
            facts_json=json.dumps(facts),
            output=(folder, stem),
        )
        for file in made:
            self._publish(folder, f"{stem}{file.suffix}", file.data)
        self._publish(folder, f"{stem}.json", b"{}")
        if thumbs:
            if not ordered.proof:
                before = before or picture_bytes(seed=self.jobs + 7, width=96, height=64)
                self.hang(before_thumb(job_id), small(before))
            self.hang(after_thumb(job_id), small(after))
        self.now = Now(self.now.monotonic_s + 1, self.now.wall_s + 1)
        self.journal.end(job_id, "done", now_s=self.now.wall_s)
        self.journal.set_tidied(job_id, keep_originals=False)
        return job_id

    def show_live(self, job_id: str, picture: bytes) -> None:
        self.hang(live_picture(job_id), picture)

    def hang(self, path: str, data: bytes) -> None:
        """Put a file into the outbox, below its hidden folder."""
        folder, _, name = path.rpartition("/")
        self._publish(folder, name, data)

    def _publish(self, folder: str, name: str, data: bytes) -> None:
        target = self.outbox / folder / name
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(data)
        self._by_hand.add(str(target))

    # --- the gallery --------------------------------------------------------------------------

    def turn(self, seconds: float = 100.0, *, leaving: bool = False) -> None:
        """Let time pass, then let the gallery take a turn."""
        self.now = Now(self.now.monotonic_s + seconds, self.now.wall_s + seconds)
        self.gallery.turn(self.now, self.faults, leaving=leaving)

    def open_again(self) -> None:
        """Begin another process."""
        self.gallery = Gallery(self.journal, Files(self.outbox))

    def read(self, path: str = "index.html") -> str:
        return (self.outbox / path).read_text()

    def written(self) -> dict[str, tuple[int, int]]:
        """Return which file each name of the outbox has (its inode), and how large it is.

        But for what was put there by hand: of ten thousand jobs that is fifty thousand files.
        """
        found = {}
        for folder, _, names in os.walk(self.outbox):
            for name in names:
                if f"{folder}/{name}" not in self._by_hand:
                    path = Path(folder, name)
                    status = path.stat()
                    below = path.relative_to(self.outbox).as_posix()
                    found[below] = (status.st_ino, status.st_size)
        return found
