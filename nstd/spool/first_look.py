"""What a manifest says before its photograph is there: its members, and what is wrong with it."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

from nstd.errors import SourceChangedError
from nstd.spool.accept import Reception
from nstd.spool.durable import Signature
from nstd.spool.inbox import Entry
from nstd.spool.names import MANIFEST_SUFFIXES, STANDING_ORDER_STEM
from nstd.spool.pairing import Refusal

_Key = tuple[str, Signature]


@dataclass
class FirstLook:
    """Reads each manifest once as long as it stays the same."""

    reception: Reception
    _members: dict[_Key, tuple[str, ...] | None] = field(default_factory=dict)
    _problems: dict[_Key, str | None] = field(default_factory=dict)

    def forget_all_but(self, entries: Iterable[Entry]) -> None:
        """Drop what is known of files that are gone or changed."""
        present = {(entry.path, entry.signature) for entry in entries}
        self._members = {key: value for key, value in self._members.items() if key in present}
        self._problems = {key: value for key, value in self._problems.items() if key in present}

    def members(self, entry: Entry) -> tuple[str, ...] | None:
        """Return the `content:` list of a manifest, None where it has none or just vanished."""
        key = (entry.path, entry.signature)
        if key not in self._members:
            try:
                self._members[key] = self.reception.members_of(entry)
            except SourceChangedError:
                return None
        return self._members[key]

    def bad_manifests(
        self, entries: Iterable[Entry], settled: Callable[[Entry], bool]
    ) -> list[Refusal]:
        """Say at once what is wrong with a standing order, or with a manifest that is alone.

        A manifest beside its photograph is judged together with it.
        """
        entries = tuple(entries)
        pictured = {(e.folder, e.stem) for e in entries if e.suffix not in MANIFEST_SUFFIXES}
        alone = (
            entry
            for entry in entries
            if entry.suffix in MANIFEST_SUFFIXES
            and (entry.stem == STANDING_ORDER_STEM or (entry.folder, entry.stem) not in pictured)
            and settled(entry)
        )
        return [
            Refusal((entry,), problem)
            for entry in alone
            if (problem := self._problem(entry)) is not None
        ]

    def _problem(self, entry: Entry) -> str | None:
        key = (entry.path, entry.signature)
        if key not in self._problems:
            try:
                self._problems[key] = self.reception.problem_of(entry)
            except SourceChangedError:
                return None
        return self._problems[key]
