"""One turn of the inbox: list, settle, pair, accept; cancel what was taken back."""

from collections.abc import Mapping
from dataclasses import dataclass, field, fields, replace

import structlog

from nstd.clock import Now
from nstd.errors import SourceChangedError, UnfinishedPictureError, WorldError
from nstd.spool.accept import Member, Reception
from nstd.spool.durable import Signature, write_new
from nstd.spool.first_look import FirstLook
from nstd.spool.inbox import MARKER, Entry, Listing, Settling, list_inbox
from nstd.spool.jobs import Job, NewJob
from nstd.spool.names import MANIFEST_SUFFIXES
from nstd.spool.pairing import BatchOffer, Offer, Questions, Refusal, Sorted, Waiting, pair_up
from nstd.spool.resources import Resources, words_of

ACCEPTED_PER_TURN = 16
LONGEST_DELAY_S = 300.0

log = structlog.get_logger()


@dataclass(frozen=True)
class Patience:
    """For how long what is waited for, in seconds."""

    settle_s: float
    pair_wait_s: float
    give_up_after_s: float
    orphan_after_s: float


@dataclass(frozen=True)
class Deferred:
    """A picture that could not be taken, as it was, since when, and when to look at it again."""

    signature: Signature
    since_s: float
    next_look_s: float
    delay_s: float
    waiting: Waiting


@dataclass
class Intake:
    """Turns what lies in the inbox into jobs; `turn` is called at every scan."""

    reception: Reception
    patience: Patience
    resources: Resources
    settling: Settling = field(init=False)
    first_look: FirstLook = field(init=False)
    _deferred: dict[str, Deferred] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.settling = Settling(self.patience.settle_s)
        self.first_look = FirstLook(self.reception)

    def turn(self, now: Now) -> bool:
        """Take one look at the inbox; tell whether anything may come of what lies there.

        Raises:
            WorldError: the inbox or the work folder is out of order.
        """
        was_there = (self.reception.inbox / MARKER).exists()
        listing = list_inbox(self.reception.inbox)
        self._require_the_share()
        self.settling.observe(listing, now.monotonic_s)
        self._forget_the_gone(listing)
        if was_there:  # else it may have been listed while the share was away, and is back by now
            self._cancel_the_gone(listing, now)
        waiting: list[Waiting] = []
        more = self._accept_members(listing, now, waiting)
        found = self._sort(listing, now)
        for refusal in found.refusals:
            self._refuse(refusal, now)
        for batch in found.batches:
            more |= self._freeze(batch, now)
        more |= self._accept_offers(found.offers, now, waiting)
        waiting += found.waiting
        self._set_arrivals(waiting, listing.unread, now)
        return more or any(not item.orphan for item in waiting)

    def _require_the_share(self) -> None:
        """An unmounted share is an empty folder: it must not read as 'everything was removed'."""
        journal, marker = self.reception.journal, self.reception.inbox / MARKER
        if marker.exists():
            return
        if journal.board.note("inbox marker") == str(self.reception.inbox):
            raise WorldError(
                "inbox",
                f"The inbox {self.reception.inbox} has lost its marker file {MARKER}: is the share "
                f"mounted? If the folder is the right one, create an empty file {MARKER} in it.",
            )
        try:
            write_new(marker, b"This file tells nstd that the share is mounted. Leave it here.\n")
        except OSError as error:  # a read-only inbox works without it
            log.warning("inbox marker not written", reason=str(error))
            return
        journal.board.set_note("inbox marker", str(self.reception.inbox))

    def _forget_the_gone(self, listing: Listing) -> None:
        self.first_look.forget_all_but(listing.entries)
        paths = {entry.path for entry in listing.entries}
        self._deferred = {key: value for key, value in self._deferred.items() if key in paths}

    def _cancel_the_gone(self, listing: Listing, now: Now) -> None:
        """Removing the photograph or the manifest before a job starts cancels it."""
        journal = self.reception.journal
        missing = journal.owned().keys() - {entry.path for entry in listing.entries}
        gone = {path for path in missing if not listing.is_unread(path)}
        if not gone or not (self.reception.inbox / MARKER).exists():
            return
        journal.forget_gone(gone)
        owners = journal.owners_of(gone)
        for job in journal.jobs("queued", "waiting", "held"):
            untouched = job.started_s is None
            if untouched and (job.id in owners or job.batch_id in owners):
                journal.end(job.id, "cancelled", now_s=now.wall_s, reason="taken out of the inbox")
                log.info("job cancelled", job=job.id, title=job.title)

    def _sort(self, listing: Listing, now: Now) -> Sorted:
        owned = self.reception.journal.owned()
        entries = [e for e in listing.entries if owned.get(e.path) != e.signature]

        def settled(entry: Entry) -> bool:
            return self.settling.is_settled(entry, now.monotonic_s)

        def lone_enough(entry: Entry) -> bool:
            unchanged_s = self.settling.unchanged_s(entry, now.monotonic_s)
            return settled(entry) and unchanged_s >= self.patience.pair_wait_s

        refused = self.first_look.bad_manifests(entries, settled)
        bad = {entry for refusal in refused for entry in refusal.entries}
        found = pair_up(
            [entry for entry in entries if entry not in bad],
            Questions(settled, lone_enough, self.first_look.members),
        )
        found.refusals += [*refused, *self._overdue(found.waiting, now)]
        overdue = {entry for refusal in found.refusals for entry in refusal.entries}
        found.waiting = [item for item in found.waiting if item.entry not in overdue]
        return found

    def _overdue(self, waiting: list[Waiting], now: Now) -> list[Refusal]:
        since = {a.path: a.since_s for a in self.reception.journal.board.arrivals()}
        hours = self.patience.orphan_after_s / 3600
        return [
            Refusal((item.entry,), _orphan_sentence(item, hours))
            for item in waiting
            if item.orphan
            and now.wall_s - since.get(item.entry.path, now.wall_s) >= self.patience.orphan_after_s
        ]

    def _freeze(self, batch: BatchOffer, now: Now) -> bool:
        try:
            batch_id = self.reception.freeze(batch, now_s=now.wall_s)
        except SourceChangedError:
            return False
        log.info("batch accepted", batch=batch_id, pictures=len(batch.pictures))
        return True

    def _accept_offers(self, offers: list[Offer], now: Now, waiting: list[Waiting]) -> bool:
        taken = 0
        for offer in offers:
            if taken == ACCEPTED_PER_TURN:
                waiting.append(Waiting(offer.picture, "in line to be accepted"))
            else:
                taken += self._take(offer, now, waiting)
        return taken > 0

    def _accept_members(self, listing: Listing, now: Now, waiting: list[Waiting]) -> bool:
        entries = {entry.path: entry for entry in listing.entries}
        taken = 0
        for job in self.reception.journal.jobs("waiting"):
            picture = entries.get(job.title)
            if picture is not None and taken < ACCEPTED_PER_TURN:
                taken += self._take(Member(_as_new(job), picture), now, waiting)
        return taken > 0

    def _take(self, subject: Offer | Member, now: Now, waiting: list[Waiting]) -> bool:
        """Try to accept a picture; one that cannot be taken is looked at ever more rarely."""
        picture = subject.picture
        unchanged_s = self.settling.unchanged_s(picture, now.monotonic_s)
        final = unchanged_s >= self.patience.give_up_after_s
        before = self._deferred.get(picture.path)
        if (
            before
            and before.signature == picture.signature
            and now.monotonic_s < before.next_look_s
            and not (final and not before.waiting.orphan)
        ):
            waiting.append(before.waiting)
            return False
        try:
            accepted = self.reception.accept(subject, final=final, now_s=now.wall_s)
        except UnfinishedPictureError:
            waiting.append(self._defer(picture, "not complete yet: it does not decode", now))
            return False
        except SourceChangedError:
            waiting.append(Waiting(picture, "still arriving"))
            return False
        except OSError as error:
            waiting.append(self._defer_for(error, picture, now))
            return False
        log.info(f"job {accepted.outcome}", job=accepted.job_id, title=picture.path)
        return True

    def _defer_for(self, error: OSError, picture: Entry, now: Now) -> Waiting:
        """Let one picture wait that alone cannot be taken.

        Raises:
            WorldError: it is not alone.
        """
        fault = self.resources.fault_behind(error, used="inbox")
        if fault and fault.resource != "outbox":  # which only tells if the same has been published
            raise fault from error
        reason = f"it cannot be taken: {words_of(error)}"
        log.warning("picture cannot be taken", title=picture.path, reason=words_of(error))
        return self._defer(picture, reason, now)

    def _defer(self, picture: Entry, reason: str, now: Now) -> Waiting:
        now_s, before = now.monotonic_s, self._deferred.get(picture.path)
        if before is None or before.signature != picture.signature:
            before = Deferred(picture.signature, now_s, now_s, 0.0, Waiting(picture, reason))
        shortest_s = max(1.0, self.patience.settle_s)
        delay_s = min(max(shortest_s, 2 * before.delay_s), LONGEST_DELAY_S)
        hopeless = now_s - before.since_s >= self.patience.give_up_after_s
        waiting = Waiting(picture, reason, orphan=hopeless)
        self._deferred[picture.path] = replace(
            before, next_look_s=now_s + delay_s, delay_s=delay_s, waiting=waiting
        )
        return waiting

    def _refuse(self, refusal: Refusal, now: Now) -> None:
        job_id = self.reception.refuse(refusal, now_s=now.wall_s)
        log.warning("refused", job=job_id, title=refusal.entries[0].path, reason=refusal.sentence)

    def _set_arrivals(self, waiting: list[Waiting], unread: Mapping[str, str], now: Now) -> None:
        reasons = {item.entry.path: item.reason for item in waiting}
        for folder, why in unread.items():
            reasons[folder] = f"this folder cannot be listed: {why}"
        self.reception.journal.board.set_arrivals(reasons, now_s=now.wall_s)


def _as_new(job: Job) -> NewJob:
    """Return the waiting entry of a batch's picture as what it will be written down as."""
    shared = {field.name for field in fields(NewJob)} & {field.name for field in fields(Job)}
    return NewJob(**{name: getattr(job, name) for name in shared})


def _orphan_sentence(item: Waiting, hours: float) -> str:
    entry = item.entry
    waited = f"{entry.name} has waited for {hours:g} hours"
    if entry.suffix in MANIFEST_SUFFIXES:
        return f"{waited} for its photograph: {item.reason}."
    return (
        f"{waited} without a manifest. Put a text file named {entry.stem}.yaml beside it that "
        "names a style, for example:  style: flow-strokes"
    )
