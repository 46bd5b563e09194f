"""What can be chosen from a proof, and the manifest that orders it."""

from dataclasses import dataclass
from pathlib import PurePosixPath

from nstd.orders import Order
from nstd.printable import printable
from nstd.spool.jobs import Job
from nstd.strict_yaml import YamlMapping, YamlTextError, load_yaml, yaml_text

OF_THE_PROOF = ("proof", "size", "content")  # which its final does without


@dataclass(frozen=True)
class Row:
    """A style, and the strengths that it is shown in, as a manifest names them."""

    style: str
    strengths: tuple[str, ...]


@dataclass(frozen=True)
class Choice:
    """A proof's sheet, to choose from.

    `sheet` is its path below the outbox; `manifest` the name and `text` the lines of what orders
    the final of its first picture: those of the others say another style or strength.
    """

    sheet: str
    rows: tuple[Row, ...]
    manifest: str
    text: str

    @property
    def label(self) -> str:
        """How many there are, in words."""
        styles = f"{len(self.rows)} styles" if len(self.rows) > 1 else "one style"
        counts = {len(row.strengths) for row in self.rows}
        if counts == {1}:
            return styles
        return f"{styles} × {counts.pop()} strengths" if len(counts) == 1 else styles


def choice_of(job: Job, order: Order, sheet: str) -> Choice:
    """Return what a finished proof lets choose; `sheet` is its path below the outbox."""
    rows = tuple(
        Row(printable(row.style.name), tuple(f"{strength:g}" for strength in row.strengths))
        for row in order.proof
    )
    name = PurePosixPath(job.content_name or job.id).stem
    return Choice(sheet, rows, printable(f"{name}.yaml"), printable(_final(job, order), keep="\n"))


def _final(job: Job, order: Order) -> str:
    """Return the proof's own manifest, with one style and one strength: so the final is painted."""
    row = order.proof[0]
    strength = row.strengths[0]
    number = int(strength) if strength.is_integer() else strength
    fields: YamlMapping = {"style": row.style.name, "strength": number}
    try:
        proof = load_yaml(job.manifest or b"")
        others = {key: proof[key] for key in proof if key not in (*fields, *OF_THE_PROOF)}
        return yaml_text(fields | others)
    except YamlTextError:  # it was read when it was accepted, by another version of nstd
        return yaml_text(fields)
