"""The lines at the intake: what each folder offers, sorted again only when that may change."""

import math
from collections import Counter
from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass, field
from fnmatch import fnmatchcase

from nstd.formats import PICTURE_SUFFIXES
from nstd.spool.first_look import FirstLook
from nstd.spool.inbox import Entry, Files, Listing, path_of
from nstd.spool.journal import Journal
from nstd.spool.names import MANIFEST_SUFFIXES
from nstd.spool.offers import Offer, Questions, Sorted, Waiting
from nstd.spool.pairing import pair_up
from nstd.spool.raw import left_alone
from nstd.spool.urgency import Urgency

LOOKS_PER_TURN = 1000
COST_OF_JUDGING = 20  # in looks: a manifest that is read whole against one that is skimmed
SHOWN_OF_A_KIND = 20
IN_LINE = "in line to be accepted"
UNREADABLE_S = 30.0  # until a file that could not be read is read again
MISNAMED = "no manifests, for their names end in .txt: rename them"


@dataclass
class Line:
    """What one folder offered when it was last sorted, first come, first served.

    `due_s` is when time alone may change it (monotonic). `shown` tells people of each file that
    waits, `crowds` of those that are too many for that: how many wait for what.
    """

    folder: str
    files: Files
    found: Sorted
    due_s: float
    shown: dict[str, str] = field(init=False)
    crowds: dict[str, int] = field(init=False)

    def __post_init__(self) -> None:
        waiting = self.found.waiting
        reasons = Counter(item.reason for item in waiting if not item.orphan)
        self.crowds = {why: count for why, count in reasons.items() if count > SHOWN_OF_A_KIND}
        self.shown = {
            item.entry.path: item.reason
            for item in waiting
            if item.orphan or item.reason not in self.crowds
        }
        misnamed = self.found.misnamed
        self.shown |= {item.entry.path: item.reason for item in misnamed[:SHOWN_OF_A_KIND]}
        if len(misnamed) > SHOWN_OF_A_KIND:
            self.crowds[MISNAMED] = len(misnamed)
        self._stirs = bool(reasons)

    def is_pending(self, hopeless: int) -> bool:
        """Tell whether anything may come of what waits here, without another file.

        Args:
            hopeless: how many of its offers nothing is expected of.
        """
        found = self.found
        left = (found.unread_pairs, found.unread, found.batches, found.refusals)
        return self._stirs or any(left) or len(found.offers) > hopeless

    @property
    def count(self) -> int:
        """How many photographs are in line."""
        return len(self.found.offers) + len(self.found.unread_pairs)

    def strike(self, accepted: Collection[Entry]) -> None:
        """Take the offers of these photographs out of the line."""
        self.found.offers = [o for o in self.found.offers if o.picture not in accepted]

    def take_overdue(self, paths: Collection[str], most: int) -> list[Waiting]:
        """Take the orphans among these files out of the line."""
        orphans = (item for item in self.found.waiting if item.orphan)
        overdue = [item for item in orphans if item.entry.path in paths][:most]
        taken = {item.entry for item in overdue}
        self.found.waiting = [item for item in self.found.waiting if item.entry not in taken]
        for item in overdue:
            del self.shown[item.entry.path]
        return overdue

    def cannot_read(self, manifest: Entry, words: str, *, again_s: float) -> None:
        """Let a manifest wait that stands alone; nothing tells when it can be read again."""
        self.shown[manifest.path] = f"it cannot be read: {words}"
        self.due_s = min(self.due_s, again_s)

    def arrivals(self) -> dict[str, str]:
        """Tell people what waits here, and why."""
        in_line = [*self.found.offers[:SHOWN_OF_A_KIND], *self.found.unread_pairs[:SHOWN_OF_A_KIND]]
        crowds = dict(self.crowds)
        shown = dict(self.shown)
        if self.count > SHOWN_OF_A_KIND:
            crowds[IN_LINE] = self.count
        else:
            shown.update({offer.picture.path: IN_LINE for offer in in_line})
        if self.found.unread:
            crowds["in line to be read"] = len(self.found.unread)
        words = [f"{count:,} files: {reason}" for reason, count in crowds.items()]
        if self.found.left_alone:
            words.append(left_alone(len(self.found.left_alone)))
        if words:
            shown[path_of(self.folder or ".", "")] = "; ".join(words)
        return shown


@dataclass
class Lines:
    """A line a folder.

    A folder of 200 000 files is sorted when its listing has changed, when one of its files may have
    settled meanwhile, or when a job has given one of them back; and not at every scan.
    """

    journal: Journal
    first_look: FirstLook
    settle_s: float
    pair_wait_s: float
    alone: Callable[[OSError], str]  # says it of one file, or raises what is wrong with all
    _lines: dict[str, Line] = field(default_factory=dict)

    def __iter__(self) -> Iterator[Line]:
        return iter(self._lines.values())

    def at(self, folder: str) -> Line:
        """Return the line of a folder of the last listing."""
        return self._lines[folder]

    def find(self, folder: str) -> Line | None:
        """Return the line of a folder, None where the last listing had no such folder."""
        return self._lines.get(folder)

    def sort(self, listing: Listing) -> None:
        """Bring the lines up to date with a listing."""
        for folder in self._lines.keys() - listing.folders.keys():
            del self._lines[folder]
            self.first_look.keep_only(folder, {})
        released = {path.rpartition("/")[0] for path in self.journal.originals.released()}
        for folder, files in listing.folders.items():
            line = self._lines.get(folder)
            if line is None or line.files is not files:
                self.first_look.keep_only(folder, files)
            elif listing.sighting.at_s < line.due_s and folder not in released:
                continue
            del line  # a line of 100 000 offers is large: never two of them
            self._sort_folder(folder, listing)

    def sort_anew(self) -> None:
        """Sort all folders at the next listing: an error came before what was taken was done."""
        for line in self._lines.values():
            line.due_s = -math.inf

    def read_ahead(self, listing: Listing) -> None:
        """Read some of the manifests that nobody has read yet, of every folder some.

        What lies in the inbox is as urgent as its manifest says from then on, and plain before: of
        100 000 manifests the last is read after a hundred turns.
        """
        unread = {
            folder: line
            for folder, line in self._lines.items()
            if line.found.unread or line.found.unread_pairs
        }
        share = max(1, LOOKS_PER_TURN // max(1, len(unread)))
        left = LOOKS_PER_TURN
        for folder, line in unread.items():
            looks, again = self._read_some(line, min(share, left), listing.sighting.at_s)
            left -= looks
            if again:
                self._sort_folder(folder, listing)
            if left <= 0:
                return

    def _read_some(self, line: Line, share: int, now_s: float) -> tuple[int, bool]:
        """Read manifests; return at what cost, and whether the folder is to be sorted again."""
        found, looks, again = line.found, 0, False
        while found.unread and looks < share:
            manifest = found.unread.pop()
            looks += COST_OF_JUDGING
            try:
                again |= self.first_look.read(manifest, judged=True) is not None
            except OSError as error:
                again_s = now_s + UNREADABLE_S
                line.cannot_read(manifest, self.alone(error), again_s=again_s)
        while found.unread_pairs and looks < share:
            pair = found.unread_pairs.pop()
            looks += 1
            try:
                look = self.first_look.read(pair.manifest, judged=False)
            except OSError as error:
                self.alone(error)
                found.offers.append(pair)  # who takes it lets it wait, and says why
                continue
            if look is None:
                line.due_s = -math.inf
            elif look.members is not None:
                again = True
            else:
                found.offers.append(_with_urgency(pair, look.urgency))
        if looks and not again:
            _in_order(found.offers)
        return looks, again

    def _sort_folder(self, folder: str, listing: Listing) -> None:
        self._lines.pop(folder, None)
        files = listing.folders[folder]
        owned = {
            name
            for name, signature in self.journal.originals.in_folder(folder)
            if (entry := files.get(name)) and entry.signature == signature
        }
        owned |= self.journal.queue.member_names(folder) & files.keys()
        clock = _Clock(listing, self.settle_s, self.pair_wait_s)
        free = self._unowned(files, owned)
        ask = Questions(
            clock.settled,
            clock.lone_enough,
            self.first_look.at,
            lambda: self.journal.queue.painted_stems(folder),
        )
        found = pair_up(free, ask)
        _in_order(found.offers)
        _in_order(found.unread_pairs)
        found.unread_pairs.reverse()  # they are taken from the end
        self._lines[folder] = Line(folder, files, found, clock.due_s)

    def _unowned(self, files: Files, owned: Collection[str]) -> list[Entry]:
        """Return what is new or changed, and what stayed the same that it makes a new job with.

        A manifest that is written anew orders its photographs anew, and a photograph that is
        replaced is ordered by the manifest beside it.
        """
        new = [entry for name, entry in files.items() if name not in owned]
        if not new or not owned:
            return new
        old = [files[name] for name in owned]
        manifests = [entry for entry in new if entry.suffix in MANIFEST_SUFFIXES]
        ordered = {entry.stem for entry in manifests}
        named = {name for entry in manifests for name in self._members(entry)}
        kept = {entry.stem for entry in old if entry.suffix in PICTURE_SUFFIXES}
        alone = {e.stem for e in new if e.suffix in PICTURE_SUFFIXES} - ordered - kept
        for entry in old:
            if entry.suffix in PICTURE_SUFFIXES:
                wanted = entry.stem in ordered or any(fnmatchcase(entry.name, n) for n in named)
            else:
                wanted = entry.stem in alone and not self._members(entry)
            if wanted:
                new.append(entry)
        return new

    def _members(self, manifest: Entry) -> tuple[str, ...]:
        look = self.first_look.at(manifest)
        return (look.members or ()) if look else ()


@dataclass
class _Clock:
    """Answers what depends on time, and notes when an answer may change."""

    listing: Listing
    settle_s: float
    pair_wait_s: float
    due_s: float = math.inf

    def settled(self, entry: Entry) -> bool:
        return self._is_settled(entry, self.settle_s)

    def lone_enough(self, entry: Entry) -> bool:
        return self._is_settled(entry, max(self.settle_s, self.pair_wait_s))

    def _is_settled(self, entry: Entry, seconds: float) -> bool:
        if self.listing.is_settled(entry, seconds):
            return True
        self.due_s = min(self.due_s, entry.since.at_s + seconds)
        return False


def _in_order(offers: list[Offer]) -> None:
    """Put offers in the order of their line: the more urgent first, then first come, then by name.

    Three times, since a key of three would be another 100 000 objects.
    """
    offers.sort(key=lambda offer: offer.picture.name)
    offers.sort(key=_came)
    offers.sort(key=lambda offer: offer.urgency.place)


def _came(offer: Offer) -> int:
    if offer.kind == "standing":
        return offer.picture.since.number
    return max(offer.picture.since.number, offer.manifest.since.number)


def _with_urgency(pair: Offer, urgency: Urgency) -> Offer:
    if urgency == pair.urgency:
        return pair
    return Offer(pair.kind, pair.picture, pair.manifest, pair.ready_marker, urgency)
