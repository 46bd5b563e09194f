"""What the daemon does beside the jobs: it removes what is old, and tells what needs a person."""

from dataclasses import dataclass
from functools import partial

from nstd.clock import Now
from nstd.config import Config
from nstd.foreman.circuits import Circuits
from nstd.service.hook import Hook
from nstd.spool.journal import Journal
from nstd.spool.outbox import Outbox
from nstd.spool.retention import Keep, Retention
from nstd.spool.showcase import Showcase
from nstd.spool.thumb_sweep import ThumbSweep
from nstd.spool.work import WorkFolder


@dataclass
class Upkeep:
    """One turn is `turn`; nothing in it may hold up or end the daemon."""

    retention: Retention
    hook: Hook
    thumbs: ThumbSweep
    circuits: Circuits

    @classmethod
    def of(
        cls, config: Config, journal: Journal, circuits: Circuits, *, before: "Upkeep | None" = None
    ) -> "Upkeep":
        """Wire it as the configuration says; what was told `before` is not told again."""
        settings = config.settings
        keep = Keep(
            settings.keep_days,
            settings.keep_receipts_days,
            settings.keep_copies_days,
            settings.limits.gram_cache_bytes,
        )
        retention = Retention(journal.remains, WorkFolder(config.work), config.inbox, keep)
        hook = before.hook if before else Hook((), journal)
        hook.command = settings.notify_command or ()
        thumbs = ThumbSweep(journal, Outbox(config.outbox), Showcase(config.outbox))
        return cls(retention, hook, before.thumbs if before else thumbs, circuits)

    def turn(self, now: Now) -> None:
        """To be called at every turn of the daemon."""
        tell, remove = partial(self.hook.turn, now), partial(self.retention.turn, now)
        self.circuits.use("work", now, tell, alone="the notify command")
        self.circuits.use("originals", now, remove, alone="what is old")
        sweep = partial(self.thumbs.turn, now)
        self.circuits.use("outbox", now, sweep, alone="old small pictures")
