"""Which files make a job: pairs, batches, standing orders; what waits for what; what never can be.

A pure function of the files of one folder: `pair_up` reads none of them.
"""

from collections import defaultdict
from collections.abc import Iterable
from fnmatch import fnmatchcase
from functools import cached_property

from nstd.formats import PICTURE_SUFFIXES
from nstd.printable import listed, shown
from nstd.spool.inbox import Entry
from nstd.spool.misnamed import beside, name_meant, rename_it
from nstd.spool.names import (
    MANIFEST_SUFFIXES,
    READY_SUFFIX,
    STANDING_ORDER_STEM,
    normal_form,
    split_name,
    told_apart,
)
from nstd.spool.offers import (
    BatchOffer,
    Look,
    Offer,
    Questions,
    Refusal,
    Sorted,
    Waiting,
)
from nstd.spool.raw import LONE_RAW, RAW_SUFFIXES, SIDECAR_SUFFIX, names_raw, orders_raw
from nstd.spool.urgency import Urgency


def pair_up(files: Iterable[Entry], ask: Questions) -> Sorted:
    """Sort the files of one folder that no job has yet."""
    folder = _Folder(files, ask)
    folder.sort()
    return folder.result


_ByStem = dict[str, tuple[Entry, ...]]  # as a rule one: 200 000 lists would take twice the memory


def _add(files: _ByStem, stem: str, entry: Entry) -> None:
    files[stem] = (*files.get(stem, ()), entry)


class _Folder:
    """One folder of the listing; each method settles one kind of manifest and strikes its files."""

    def __init__(self, files: Iterable[Entry], ask: Questions) -> None:
        self.ask, self.result, self.all_read = ask, Sorted(), True
        self.files = tuple(files)
        self.manifests: _ByStem = {}
        self.pictures: _ByStem = {}
        self.markers: dict[str, Entry] = {}
        self.raws: _ByStem = {}
        self.companions: set[str] = set()
        self.misnamed: dict[str, Entry] = {}
        self.others: _ByStem = {}
        for entry in self.files:
            stem, suffix = split_name(entry.name)
            if suffix in MANIFEST_SUFFIXES:
                _add(self.manifests, stem, entry)
            elif suffix in PICTURE_SUFFIXES:
                _add(self.pictures, stem, entry)
            elif suffix == READY_SUFFIX:
                self.markers[stem] = entry
            elif suffix in RAW_SUFFIXES:
                _add(self.raws, stem, entry)
            elif meant := name_meant(entry.name):
                self.misnamed[split_name(meant)[0]] = entry
            elif suffix != SIDECAR_SUFFIX:  # which belongs to its raw file, and is nobody's matter
                _add(self.others, stem, entry)

    def sort(self) -> None:
        painted = self.ask.painted() if self.raws else ()
        self.companions = {stem for stem in self.raws if stem in self.pictures or stem in painted}
        self._misnamed_manifests()
        standing = self.manifests.pop(STANDING_ORDER_STEM, ())
        batches: list[tuple[Entry, Look]] = []
        for stem, manifests in self.manifests.items():
            if len(manifests) > 1 or len(self.pictures.get(stem, ())) > 1:
                self._two_of_a_kind(stem, manifests)
            elif not self._is_settled(manifests[0], stem):
                self._arriving(stem, manifests[0])
            elif (look := self.ask.look(manifests[0])) is None:
                self._unread(stem, manifests[0])
            elif look.problem is not None:
                self.result.refusals.append(Refusal((manifests[0],), look.problem))
            elif look.members is not None:
                batches.append((manifests[0], look))
            else:
                self._pair(stem, manifests[0], look.urgency)
        for manifest, look in batches:
            self._batch(manifest, look)
        self._lone_pictures(standing)
        self._lone_raws()

    def _misnamed_manifests(self) -> None:
        """Tell of them, but of those that lie beside what they were meant to be."""
        self.misnamed = {s: e for s, e in self.misnamed.items() if s not in self.manifests}
        self.result.misnamed += [Waiting(e, rename_it(e)) for e in self.misnamed.values()]

    def _is_settled(self, entry: Entry, stem: str) -> bool:
        return stem in self.markers or self.ask.settled(entry)

    @cached_property
    def _all_settled(self) -> bool:
        return all(self.ask.settled(entry) for entry in self.files)

    def _two_of_a_kind(self, stem: str, manifests: Iterable[Entry]) -> None:
        pictures = _by_name(self.pictures.pop(stem, ()))
        manifests = _by_name(manifests)
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
            for picture in self.pictures.pop(stem, ())
        ]

    def _unread(self, stem: str, manifest: Entry) -> None:
        """Strike a photograph of its name: as a rule they are a pair."""
        pictures = self.pictures.pop(stem, ())
        if not pictures:
            self.result.unread.append(manifest)
        elif self._is_settled(pictures[0], stem):
            marker = self.markers.get(stem)
            self.result.unread_pairs.append(Offer("pair", pictures[0], manifest, marker))
        else:
            self.result.waiting.append(Waiting(pictures[0], "still arriving"))
        self.all_read = False

    def _pair(self, stem: str, manifest: Entry, urgency: Urgency) -> None:
        pictures = self.pictures.pop(stem, ())
        if not pictures and stem in self.raws:
            self._raw_pair(stem, manifest)
        elif not pictures:
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
            marker = self.markers.get(stem)
            self.result.offers.append(Offer("pair", pictures[0], manifest, marker, urgency))

    def _raw_pair(self, stem: str, manifest: Entry) -> None:
        """Refuse a raw file that is ordered, unless its picture may be on its way as well."""
        raws = () if stem in self.companions else self.raws.pop(stem)
        if stem in self.markers or self._all_settled:
            sentence = orders_raw(self.raws.get(stem, raws)[0].name, stem)
            self.result.refusals.append(Refusal((*raws, manifest), sentence))
        else:
            self.result.waiting += [
                Waiting(entry, "its folder is still filling") for entry in (*raws, manifest)
            ]

    def _lone_raws(self) -> None:
        """Leave raw files beside a picture of their name alone, be it here or painted before."""
        for stem, entries in self.raws.items():
            if stem in self.companions:
                self.result.left_alone += entries
            elif stem not in self.manifests:  # which is still to be read
                self.result.waiting += [Waiting(entry, LONE_RAW, orphan=True) for entry in entries]

    def _batch(self, manifest: Entry, look: Look) -> None:
        files = _by_name(entry for entries in self.pictures.values() for entry in entries)
        chosen: dict[str, Entry] = {}
        missing = []
        for pattern in look.members or ():
            named = [(e, normal_form(e.name)) for e in files]
            found = [e for e, name in named if name == pattern or fnmatchcase(name, pattern)]
            if not found:
                missing.append(pattern)
            chosen.update({entry.name: entry for entry in found})
        if raws := [name for name in missing if split_name(name)[1] in RAW_SUFFIXES]:
            self.result.refusals.append(Refusal((manifest,), names_raw(raws)))
        elif missing:
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
        elif not self.all_read:  # another batch's manifest may have a picture of its name, ours
            self.result.waiting.append(Waiting(manifest, "its folder is still being read"))
        else:
            pictures = tuple(chosen.values())
            self.result.batches.append(BatchOffer(manifest, pictures, look.urgency.priority))
        for entry in chosen.values():
            twins = self.pictures[entry.stem]
            self.pictures[entry.stem] = tuple(twin for twin in twins if twin is not entry)
            if missing:
                self.result.waiting.append(Waiting(entry, f"{manifest.name} is not complete"))

    def _lone_pictures(self, standing: tuple[Entry, ...]) -> None:
        order, look = self._standing_order(standing)
        for entry in (entry for entries in self.pictures.values() for entry in entries):
            if order is None or look is None:
                self.result.waiting.append(self._without_manifest(entry, orphan=not standing))
            elif self.ask.lone_enough(entry):
                marker = self.markers.get(entry.stem)
                self.result.offers.append(Offer("standing", entry, order, marker, look.urgency))
            else:
                self.result.waiting.append(Waiting(entry, "may still get a manifest of its own"))

    def _without_manifest(self, picture: Entry, *, orphan: bool) -> Waiting:
        reason = f"no manifest {picture.stem}.yaml"
        meant = self.misnamed.get(picture.stem) or self.misnamed.get(STANDING_ORDER_STEM)
        hint = beside(meant) if meant else ""
        return Waiting(picture, f"{reason}; {hint}" if hint else reason, orphan, hint)

    def _standing_order(self, standing: tuple[Entry, ...]) -> tuple[Entry | None, Look | None]:
        if len(standing) > 1:
            names = " and ".join(entry.name for entry in _by_name(standing))
            self.result.refusals.append(
                Refusal(tuple(standing), f"There are two standing orders, {names}. Keep one.")
            )
        if len(standing) != 1 or not self.ask.settled(standing[0]):
            return None, None
        look = self.ask.look(standing[0])
        if look is None:
            self.result.unread.append(standing[0])
        elif look.problem is not None:
            self.result.refusals.append(Refusal((standing[0],), look.problem))
            return None, None
        return standing[0], look


def _by_name(entries: Iterable[Entry]) -> list[Entry]:
    return sorted(entries, key=lambda entry: entry.name)


def _same_stem(entries: Iterable[Entry]) -> tuple[Entry, ...]:
    stems: dict[str, list[Entry]] = defaultdict(list)
    for entry in entries:
        stems[entry.stem].append(entry)
    return next((tuple(twins) for twins in stems.values() if len(twins) > 1), ())
