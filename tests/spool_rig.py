"""A spool in a temporary folder, its clock turned by hand."""

from dataclasses import dataclass, field
from pathlib import Path

from pictures import put_picture

from nstd.clock import Now
from nstd.spool.accept import Reception
from nstd.spool.decode import DecodeLimits, check_picture
from nstd.spool.intake import Intake, Patience
from nstd.spool.jobs import Job
from nstd.spool.journal import Journal
from nstd.spool.resources import Resources
from nstd.spool.tidy import Tidying
from nstd.spool.work import WorkFolder

LIMITS = DecodeLimits(seconds=30, memory_bytes=2**31, pixels=10_000_000)
PATIENCE = Patience(settle_s=2, pair_wait_s=10, give_up_after_s=60, orphan_after_s=3600)


@dataclass
class Spool:
    """Inbox, work folder and journal; `look` is one scan, `wait` lets time pass between scans."""

    root: Path
    now: Now = field(default_factory=lambda: Now(1000.0, 1_700_000_000.0))
    originals: str = "move"
    published: bool = True
    journal: Journal = field(init=False)
    intake: Intake = field(init=False)

    def __post_init__(self) -> None:
        self.inbox, self.work = self.root / "inbox", WorkFolder(self.root / "work")
        put_picture(self.inbox / "styles" / "waves.jpg", seed=5)
        put_picture(self.inbox / "styles" / "night-sky.png", seed=6)
        self.work.root.mkdir()
        self.start()

    def start(self) -> None:
        """Begin anew with what is on disk, as after a crash."""
        self.work.prepare()
        self.journal = Journal(self.work.journal)
        self.reception = Reception(
            journal=self.journal,
            work=self.work,
            inbox=self.inbox,
            styles_folder=self.inbox / "styles",
            default_recipe="studio",
            most_picture_bytes=1_000_000,
            most_picture_px=LIMITS.pixels,
            check_picture=lambda path, name: check_picture(path, LIMITS, name=name),
            is_published=lambda _: self.originals == "keep" or self.published,
        )
        self.resources = Resources(self.journal, self.work, self.inbox, self.root / "outbox")
        self.intake = Intake(self.reception, PATIENCE, self.resources, turn_s=float("inf"))
        self.tidying = Tidying(self.journal, self.work, self.inbox, self.originals)

    def drop(self, name: str, *, seed: int = 0, manifest: str | None = "style: waves\n") -> Path:
        """Put a picture into the inbox, with a manifest beside it unless that is None."""
        path = put_picture(self.inbox / name, seed=seed)
        if manifest is not None:
            path.with_suffix(".yaml").write_text(manifest)
        return path

    def look(self, seconds: float = 0.0) -> bool:
        """Let seconds pass, then scan once."""
        self.now = Now(self.now.monotonic_s + seconds, self.now.wall_s + seconds)
        return self.intake.turn(self.now)

    def settle(self) -> bool:
        """Scan until what lies there has settled."""
        self.look()
        return self.look(PATIENCE.settle_s)

    def jobs(self, *states: str) -> list[Job]:
        return self.journal.jobs(*states)

    def only(self, state: str) -> Job:
        """Return the one job there is, which must be in this state."""
        every = self.journal.jobs(
            "waiting", "queued", "running", "finished", "done", "failed", "held", "cancelled"
        )
        assert [job.state for job in every] == [state]
        return every[0]

    def waiting(self) -> dict[str, str]:
        return {arrival.path: arrival.reason for arrival in self.journal.board.arrivals()}

    def end(self, job: Job, state: str, reason: str | None = None) -> None:
        """End a job and put its files away."""
        self.journal.end(job.id, state, now_s=self.now.wall_s, reason=reason)
        self.tidying.tidy(self.journal.job(job.id))
        self.tidy_batches()

    def tidy_batches(self) -> None:
        for batch in self.journal.batches.ended():
            self.tidying.tidy_batch(batch)
