"""One turn of the inbox: list, settle, pair, accept; cancel what was taken back."""

import heapq
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import chain, islice

import structlog

from nstd.clock import Now
from nstd.errors import SourceChangedError, UnfinishedPictureError
from nstd.spool.accept import Member, Reception
from nstd.spool.deferral import Deferrals
from nstd.spool.first_look import FirstLook
from nstd.spool.inbox import MARKER, Entry, Listing, list_inbox
from nstd.spool.jobs import WaitingMember
from nstd.spool.lines import Lines
from nstd.spool.names import READY_SUFFIX
from nstd.spool.offers import Offer, Refusal, orphan_sentence
from nstd.spool.resources import Resources
from nstd.spool.rota import Ahead, Candidate, Room, Rota
from nstd.spool.share import mark_share, require_share
from nstd.spool.turns import Turns

TAKEN_PER_TURN = 64
REFUSED_PER_TURN = 64
MEMBERS_PER_TURN = 1000  # of a folder, waiting in its batches
SHORT_LOOK_S = 0.25

log = structlog.get_logger()


@dataclass(frozen=True)
class Patience:
    """For how long what is waited for, in seconds."""

    settle_s: float
    pair_wait_s: float
    give_up_after_s: float
    orphan_after_s: float


@dataclass
class Intake:
    """Turns what lies in the inbox into jobs; `turn` is called at every scan.

    What is accepted is copied to the work disk, so no more is accepted than the workers will need
    soon (see `Room`); the rest stays in line in the inbox, and nothing is skipped. One turn takes
    `turn_s` seconds at most, beside the listing, or one picture: the daemon has other work.
    """

    reception: Reception
    patience: Patience
    resources: Resources
    turn_s: float = 1.0
    ahead: Ahead = field(default_factory=Ahead)
    lines: Lines = field(init=False)
    _listing: Listing = field(default=Listing(), init=False)
    look_s: float = field(default=0.0, init=False)
    _gone: set[str] = field(default_factory=set, init=False)
    _turns: Turns = field(default_factory=Turns, init=False)
    _deferrals: Deferrals = field(init=False)
    _shown: dict[str, str] | None = field(default=None, init=False)  # the last process's, at first
    _unlisted: dict[str, float] = field(default_factory=dict, init=False)  # and since when

    def __post_init__(self) -> None:
        self.lines = Lines(
            self.reception.journal,
            FirstLook(self.reception),
            self.patience.settle_s,
            self.patience.pair_wait_s,
            self.resources.words_of_one,
        )
        shortest_s = max(1.0, self.patience.settle_s)
        self._deferrals = Deferrals(shortest_s, self.patience.give_up_after_s)

    def turn(self, now: Now) -> bool:
        """Take one look at the inbox; tell whether anything may come of what lies there.

        Raises:
            WorldError: the inbox or the work folder is out of order.
        """
        if self._is_due(now):
            self._look(now)
        try:
            self.lines.read_ahead(self._listing)
            self._refuse_some(now)
            self._accept_some(now)
            self._freeze_batches(now)
        except Exception:
            self.lines.sort_anew()
            raise
        self._show_arrivals(now)
        hopeless = self._deferrals.hopeless()
        may_heal = any(
            now.monotonic_s - since_s < self.patience.give_up_after_s
            for since_s in self._unlisted.values()
        )
        return (
            may_heal
            or len(self._deferrals) > hopeless.total()
            or any(line.is_pending(hopeless[line.folder]) for line in self.lines)
            or bool(self.reception.journal.queue.member_folders())
        )

    @property
    def in_line(self) -> int:
        """How many photographs lie in the inbox with all they need, and are not accepted yet."""
        return sum(line.count for line in self.lines)

    def _is_due(self, now: Now) -> bool:
        """In a flood a listing takes seconds: half of the time is for what comes of it.

        The second one comes at once: only then can anything that lay there have settled.
        """
        since_s = now.monotonic_s - self._listing.sighting.at_s
        early = self._listing.sighting.number < 2
        return early or self.look_s < SHORT_LOOK_S or since_s >= 2 * self.look_s

    def _look(self, now: Now) -> None:
        began_s = time.monotonic()
        was_there = (self.reception.inbox / MARKER).exists()
        before = self._listing
        listing = list_inbox(self.reception.inbox, before, now.monotonic_s)
        require_share(self.reception.journal, self.reception.inbox)
        mark_share(self.reception.journal, self.reception.inbox)
        self._listing = listing
        for folder, words in listing.unlisted.items():
            if folder not in before.unlisted:
                log.warning("the other folders go on", folder=folder, reason=words)
        self._unlisted = {
            folder: self._unlisted.get(folder, now.monotonic_s) for folder in listing.unlisted
        }
        if before.sighting.number == 0:
            journal = self.reception.journal
            expected = chain(journal.originals.paths(), journal.queue.members_at())
            self._gone = {path for path in expected if listing.is_gone(path)}
        else:
            self._gone.update(listing.gone_since(before))
        del before  # a listing of 200 000 files is large: never two of them while one is sorted
        self._deferrals.keep_only(lambda picture: listing.find(picture.path) is picture)
        if was_there:  # else it may have been listed while the share was away, and is back by now
            self._cancel_the_gone(now)
        self.lines.sort(listing)
        self.look_s = time.monotonic() - began_s

    def _cancel_the_gone(self, now: Now) -> None:
        """Removing the photograph or the manifest before a job starts cancels it."""
        if not self._gone or not (self.reception.inbox / MARKER).exists():
            return
        journal = self.reception.journal
        gone = {path for path in self._gone if self._listing.is_gone(path)}
        self._gone = set()
        journal.originals.forget_gone(gone)
        owners = journal.originals.owners_of(
            path for path in gone if not path.endswith(READY_SUFFIX)
        )
        members = journal.queue.members_at()
        untouched = {job for owner in owners for job in journal.queue.untouched_of(owner)}
        untouched |= {members[path] for path in gone & members.keys()}
        journal.queue.cancel(untouched, now_s=now.wall_s, reason="taken out of the inbox")
        for job_id in untouched:
            log.info("job cancelled", job=job_id, title=journal.job(job_id).title)

    def _refuse_some(self, now: Now) -> None:
        """Write down what can never be a job; a flood of it takes several turns."""
        left = REFUSED_PER_TURN
        for line in self.lines:
            while line.found.refusals and left:
                self._refuse(line.found.refusals.pop(), now)
                left -= 1
        hours = self.patience.orphan_after_s / 3600
        overdue_s = now.wall_s - self.patience.orphan_after_s
        overdue = self.reception.journal.board.arrived_before(overdue_s)
        for line in self.lines if overdue else ():
            for item in line.take_overdue(overdue, left):
                self._refuse(Refusal((item.entry,), orphan_sentence(item, hours)), now)
                left -= 1

    def _freeze_batches(self, now: Now) -> None:
        for line in self.lines:
            while line.found.batches:
                batch = line.found.batches.pop()
                try:
                    batch_id = self.reception.freeze(batch, now_s=now.wall_s)
                except SourceChangedError:  # the next listing shows it as it is then
                    continue
                log.info("batch accepted", batch=batch_id, pictures=len(batch.pictures))

    def _accept_some(self, now: Now) -> None:
        """Let the folders take turns, as far as there is room ahead of the workers."""
        began_s = time.monotonic()
        room = Room(self.reception.journal.queue.ahead(), self.ahead)
        accepted: set[Entry] = set()
        try:
            for candidate in islice(Rota(self._candidates(now), self._turns, room), TAKEN_PER_TURN):
                if self._take(candidate, now):
                    accepted.add(candidate.picture)
                    room.take(candidate.picture.folder, candidate.urgency)
                if time.monotonic() - began_s >= self.turn_s:
                    return
        finally:
            for folder in {picture.folder for picture in accepted}:
                self.lines.at(folder).strike(accepted)

    def _candidates(self, now: Now) -> dict[str, Iterator[Candidate]]:
        """Return what every folder has in line: those first that have not been tried in vain."""
        queue = self.reception.journal.queue
        members = {name: queue.members(name, MEMBERS_PER_TURN) for name in queue.member_folders()}
        folders = members.keys() | {line.folder for line in self.lines if line.found.offers}
        return {name: self._line_of(name, members.get(name, []), now) for name in folders}

    def _line_of(self, folder: str, members: list[WaitingMember], now: Now) -> Iterator[Candidate]:
        files = self._listing.folders.get(folder, {})
        frozen = (
            Candidate(files[member.content_name], member.urgency, member)
            for member in members
            if member.content_name in files
        )
        line = self.lines.find(folder)
        offered = (
            Candidate(offer.picture, offer.urgency, offer)
            for offer in (line.found.offers if line else ())
        )
        again = []
        for candidate in heapq.merge(frozen, offered, key=lambda one: one.urgency.place):
            if candidate.picture not in self._deferrals:
                yield candidate
            elif self._is_due_again(candidate.picture, now):
                again.append(candidate)
        yield from again

    def _is_due_again(self, picture: Entry, now: Now) -> bool:
        return self._deferrals.is_due(picture, now.monotonic_s, final=self._is_final(picture))

    def _is_final(self, picture: Entry) -> bool:
        return self._listing.unchanged_s(picture) >= self.patience.give_up_after_s

    def _take(self, candidate: Candidate, now: Now) -> bool:
        """Try to accept a picture; one that cannot be taken is looked at ever more rarely."""
        picture, journal = candidate.picture, self.reception.journal
        subject: Offer | Member
        if isinstance(candidate.order, WaitingMember):
            subject = Member.of(journal.job(candidate.order.id), picture)
        elif self._is_ordered(candidate.order):
            return True
        else:
            subject = candidate.order
        try:
            accepted = self.reception.accept(
                subject, final=self._is_final(picture), now_s=now.wall_s
            )
        except UnfinishedPictureError:
            self._deferrals.defer(picture, "not complete yet: it does not decode", now.monotonic_s)
            return False
        except SourceChangedError:
            return False
        except OSError as error:
            self._defer_for(error, picture, now)
            return False
        self._deferrals.taken(picture)
        log.info(f"job {accepted.outcome}", job=accepted.job_id, title=picture.path)
        return True

    def _is_ordered(self, offer: Offer) -> bool:
        """Tell whether this very offer has become a job since its folder was sorted.

        A photograph that has a job may be offered with another manifest: that is another job.
        """
        originals, manifest = self.reception.journal.originals, offer.manifest
        return originals.owns(offer.picture.path, offer.picture.signature) and (
            offer.kind == "standing" or originals.owns(manifest.path, manifest.signature)
        )

    def _defer_for(self, error: OSError, picture: Entry, now: Now) -> None:
        """Let one picture wait that alone cannot be taken.

        Raises:
            WorldError: it is not alone.
        """
        words = self.resources.words_of_one(error)
        log.warning("picture cannot be taken", title=picture.path, reason=words)
        self._deferrals.defer(picture, f"it cannot be taken: {words}", now.monotonic_s)

    def _refuse(self, refusal: Refusal, now: Now) -> None:
        job_id = self.reception.refuse(refusal, now_s=now.wall_s)
        log.warning("refused", job=job_id, title=refusal.entries[0].path, reason=refusal.sentence)

    def _show_arrivals(self, now: Now) -> None:
        shown: dict[str, str] = {}
        for line in self.lines:
            shown |= line.arrivals()
        shown |= self._deferrals.arrivals()
        shown |= self._listing.notices()
        if shown != self._shown:
            self.reception.journal.board.set_arrivals(shown, now_s=now.wall_s)
            self._shown = shown
