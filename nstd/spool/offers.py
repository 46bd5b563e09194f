"""What the files of a folder amount to: offers, batches, refusals, and what waits for what."""

from collections.abc import Callable, Collection
from dataclasses import dataclass, field
from typing import Literal

from nstd.spool.inbox import Entry
from nstd.spool.names import MANIFEST_SUFFIXES
from nstd.spool.raw import LONE_RAW, RAW_SUFFIXES
from nstd.spool.urgency import Urgency

PLAIN = Urgency()  # one for 200 000 offers


@dataclass(frozen=True, slots=True)
class Look:
    """What a manifest says before its photograph is accepted.

    `members` is its `content:` list, None where it has none. `problem` is what is wrong with it, as
    far as that was asked.
    """

    members: tuple[str, ...] | None = None
    urgency: Urgency = PLAIN
    problem: str | None = None


@dataclass(frozen=True, slots=True)
class Offer:
    """A photograph and the manifest that orders something of it."""

    kind: Literal["pair", "standing"]
    picture: Entry
    manifest: Entry
    ready_marker: Entry | None = None
    urgency: Urgency = PLAIN


@dataclass(frozen=True)
class BatchOffer:
    """A manifest that names its pictures, and those of them that are there."""

    manifest: Entry
    pictures: tuple[Entry, ...]
    priority: int = 0


@dataclass(frozen=True)
class Refusal:
    """Files that can never be a job, and why, in words for their owner."""

    entries: tuple[Entry, ...]
    sentence: str


@dataclass(frozen=True, slots=True)
class Waiting:
    """A file that is not a job yet; `orphan` when something that belongs to it is missing.

    `hint` says what to do where what is missing is there in truth, under another name.
    """

    entry: Entry
    reason: str
    orphan: bool = False
    hint: str = ""


@dataclass
class Sorted:
    """The files of a folder, sorted.

    `unread_pairs` are offers, as far as can be told before their manifests have been read; `unread`
    are manifests without a photograph that are still to be read. `left_alone` are raw files whose
    pictures are painted; `misnamed` are texts of which nothing comes until they are renamed.
    """

    offers: list[Offer] = field(default_factory=list)
    unread_pairs: list[Offer] = field(default_factory=list)
    unread: list[Entry] = field(default_factory=list)
    batches: list[BatchOffer] = field(default_factory=list)
    refusals: list[Refusal] = field(default_factory=list)
    waiting: list[Waiting] = field(default_factory=list)
    left_alone: list[Entry] = field(default_factory=list)
    misnamed: list[Waiting] = field(default_factory=list)


@dataclass(frozen=True)
class Questions:
    """What pairing must know beyond names.

    `settled(entry)`; `lone_enough(entry)`: unchanged for so long that no manifest of its own will
    come; `look(manifest)`: what a settled manifest says, None as long as nobody has read it;
    `painted()`: the stems of the folder's pictures that became jobs, whatever became of those.
    """

    settled: Callable[[Entry], bool]
    lone_enough: Callable[[Entry], bool]
    look: Callable[[Entry], Look | None]
    painted: Callable[[], Collection[str]] = frozenset


def orphan_sentence(item: Waiting, hours: float) -> str:
    """Say what a photograph or a manifest has waited for in vain."""
    entry = item.entry
    waited = f"{entry.name} has waited for {hours:g} hours"
    if entry.suffix in MANIFEST_SUFFIXES:
        return f"{waited} for its photograph: {item.reason}."
    if entry.suffix in RAW_SUFFIXES:
        return f"{waited}: it is {LONE_RAW}."
    if item.hint:
        return f"{waited} without a manifest: {item.hint}. Do that, and drop it again."
    return (
        f"{waited} without a manifest. Put a text file named {entry.stem}.yaml beside it that "
        "names a style, for example:  style: flow-strokes"
    )
