"""Which files make a job: pairs, batches, standing orders; what waits for what; what never can be.

A pure function of one listing: `pair_up` reads no file but through `ask`.
"""

from collections import defaultdict
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from typing import Literal

from nstd.formats import PICTURE_SUFFIXES
from nstd.printable import listed, shown
from nstd.spool.inbox import Entry
from nstd.spool.names import (
    MANIFEST_SUFFIXES,
    READY_SUFFIX,
    STANDING_ORDER_STEM,
    normal_form,
    told_apart,
)


@dataclass(frozen=True)
class Offer:
    """A photograph and the manifest that orders something of it."""

    kind: Literal["pair", "standing"]
    picture: Entry
    manifest: Entry
    ready_marker: Entry | None = None


@dataclass(frozen=True)
class BatchOffer:
    """A manifest that names its pictures, and those of them that are there."""

    manifest: Entry
    pictures: tuple[Entry, ...]


@dataclass(frozen=True)
class Refusal:
    """Files that can never be a job, and why, in words for their owner."""

    entries: tuple[Entry, ...]
    sentence: str


@dataclass(frozen=True)
class Waiting:
    """A file that is not a job yet; `orphan` when something that belongs to it is missing."""

    entry: Entry
    reason: str
    orphan: bool = False


@dataclass
class Sorted:
    """The listing, sorted."""

    offers: list[Offer] = field(default_factory=list)
    batches: list[BatchOffer] = field(default_factory=list)
    refusals: list[Refusal] = field(default_factory=list)
    waiting: list[Waiting] = field(default_factory=list)


@dataclass(frozen=True)
class Questions:
    """What pairing must know beyond names.

    `settled(entry)`; `lone_enough(entry)`: unchanged for so long that no manifest of its own will
    come; `members(entry)`: the `content:` list of a settled manifest, None where it has none.
    """

    settled: Callable[[Entry], bool]
    lone_enough: Callable[[Entry], bool]
    members: Callable[[Entry], tuple[str, ...] | None]


def pair_up(entries: Iterable[Entry], ask: Questions) -> Sorted:
    """Sort the files that no job has yet."""
    folders: dict[str, list[Entry]] = defaultdict(list)
    for entry in entries:
        folders[entry.folder].append(entry)
    result = Sorted()
    for files in folders.values():
        _Folder(files, ask, result).sort()
    return result


class _Folder:
    """One folder of the listing; each method settles one kind of manifest and strikes its files."""

    def __init__(self, files: list[Entry], ask: Questions, result: Sorted) -> None:
        self.ask, self.result = ask, result
        self.manifests: dict[str, list[Entry]] = defaultdict(list)
        self.pictures: dict[str, list[Entry]] = defaultdict(list)
        self.markers: dict[str, Entry] = {}
        self.others: dict[str, list[Entry]] = defaultdict(list)
        for entry in files:
            if entry.suffix in MANIFEST_SUFFIXES:
                self.manifests[entry.stem].append(entry)
            elif entry.suffix in PICTURE_SUFFIXES:
                self.pictures[entry.stem].append(entry)
            elif entry.suffix == READY_SUFFIX:
                self.markers[entry.stem] = entry
            else:
                self.others[entry.stem].append(entry)

    def sort(self) -> None:
        standing = self.manifests.pop(STANDING_ORDER_STEM, [])
        batches: list[tuple[Entry, tuple[str, ...]]] = []
        for stem, manifests in list(self.manifests.items()):
            if len(manifests) > 1 or len(self.pictures.get(stem, ())) > 1:
                self._two_of_a_kind(stem, manifests)
            elif not self._is_settled(manifests[0], stem):
                self._arriving(stem, manifests[0])
            elif (members := self.ask.members(manifests[0])) is not None:
                batches.append((manifests[0], members))
            else:
                self._pair(stem, manifests[0])
        for manifest, members in batches:
            self._batch(manifest, members)
        self._lone_pictures(standing)

    def _is_settled(self, entry: Entry, stem: str) -> bool:
        return stem in self.markers or self.ask.settled(entry)

    def _two_of_a_kind(self, stem: str, manifests: list[Entry]) -> None:
        pictures = self.pictures.pop(stem, [])
        kind, twins = ("pictures", pictures) if len(pictures) > 1 else ("manifests", manifests)
        files = (*manifests, *pictures)
        if not all(self.ask.settled(entry) for entry in files):
            self.result.waiting += [Waiting(entry, "still arriving") for entry in files]
            return
        names = told_apart([entry.name for entry in twins])
        self.result.refusals.append(
            Refusal(
                files,
                f"There are two {kind} named '{shown(stem)}': {names}. It is not clear which one "
                f"is meant. Keep one, and drop it again with its "
                f"{'manifest' if kind == 'pictures' else 'photograph'}.",
            )
        )

    def _arriving(self, stem: str, manifest: Entry) -> None:
        self.result.waiting.append(Waiting(manifest, "still arriving"))
        self.result.waiting += [
            Waiting(picture, "its manifest is still arriving")
            for picture in self.pictures.pop(stem, [])
        ]

    def _pair(self, stem: str, manifest: Entry) -> None:
        pictures = self.pictures.pop(stem, [])
        if not pictures:
            beside = ", ".join(entry.name for entry in self.others.get(stem, ()))
            hint = f" (found {beside}, which is no kind of picture that can be read)"
            self.result.waiting.append(
                Waiting(
                    manifest, f"no photograph named {stem}{hint if beside else ''}", orphan=True
                )
            )
        elif not self._is_settled(pictures[0], stem):
            self.result.waiting.append(Waiting(pictures[0], "still arriving"))
        else:
            self.result.offers.append(Offer("pair", pictures[0], manifest, self.markers.get(stem)))

    def _batch(self, manifest: Entry, members: tuple[str, ...]) -> None:
        files = [entry for entries in self.pictures.values() for entry in entries]
        chosen: dict[str, Entry] = {}
        missing = []
        for pattern in members:
            named = [(e, normal_form(e.name)) for e in files]
            found = [e for e, name in named if name == pattern or fnmatchcase(name, pattern)]
            if not found:
                missing.append(pattern)
            chosen.update({entry.name: entry for entry in found})
        if missing:
            names = listed(missing)
            self.result.waiting.append(
                Waiting(manifest, f"these of its pictures are not there: {names}", orphan=True)
            )
        elif twins := _same_stem(chosen.values()):
            names = " and ".join(entry.name for entry in twins)
            self.result.refusals.append(
                Refusal((manifest,), f"It names two pictures of one name: {names}. Keep one.")
            )
        elif not all(self.ask.settled(entry) for entry in files):
            self.result.waiting.append(Waiting(manifest, "its folder is still filling"))
        else:
            self.result.batches.append(BatchOffer(manifest, tuple(chosen.values())))
        for entry in chosen.values():
            self.pictures[entry.stem] = [e for e in self.pictures[entry.stem] if e is not entry]
            if missing:
                self.result.waiting.append(Waiting(entry, f"{manifest.name} is not complete"))

    def _lone_pictures(self, standing: list[Entry]) -> None:
        order = standing[0] if len(standing) == 1 and self.ask.settled(standing[0]) else None
        if len(standing) > 1:
            names = " and ".join(entry.name for entry in standing)
            self.result.refusals.append(
                Refusal(tuple(standing), f"There are two standing orders, {names}. Keep one.")
            )
        for entry in (entry for entries in self.pictures.values() for entry in entries):
            if order is None:
                self.result.waiting.append(
                    Waiting(entry, f"no manifest {entry.stem}.yaml", orphan=not standing)
                )
            elif self.ask.lone_enough(entry):
                self.result.offers.append(
                    Offer("standing", entry, order, self.markers.get(entry.stem))
                )
            else:
                self.result.waiting.append(Waiting(entry, "may still get a manifest of its own"))


def _same_stem(entries: Iterable[Entry]) -> tuple[Entry, ...]:
    stems: dict[str, list[Entry]] = defaultdict(list)
    for entry in entries:
        stems[entry.stem].append(entry)
    return next((tuple(twins) for twins in stems.values() if len(twins) > 1), ())
