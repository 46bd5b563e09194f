"""A studio whose daemon lives in a process of its own and meets one fault in its life."""

import contextlib
import json
import sqlite3
from collections.abc import MutableMapping
from dataclasses import dataclass, field
from pathlib import Path

import structlog
from faults.scripted_pool import ScriptedPool
from faults.shim import Fault, Shim
from pictures import picture_bytes
from studio_folders import of_the_gallery

import nstd.service.daemon
from nstd.clock import Now
from nstd.config import Config, load_config
from nstd.errors import ConfigError, UnfinishedPictureError, WorldError
from nstd.gallery import gallery
from nstd.service.daemon import Daemon, build
from nstd.service.ownership import opened
from nstd.spool.decode import PictureSize
from nstd.spool.journal import Journal

CONFIG = """\
inbox: inbox
outbox: outbox
work: work
devices: [cpu]
originals: {originals}
scan_interval_s: 1
settle_s: 0.5
pair_wait_s: 1
"""
PHOTOGRAPH = picture_bytes(seed=1)
OTHER_PHOTOGRAPH = picture_bytes(seed=2)
STYLE = picture_bytes(seed=5)
MANIFEST = b"style: waves\nsnapshots: 2\n"
FOLDER, STEM = "wedding", "IMG"
ENDINGS = (
    ".jpg", ".json", ".losses.csv", ".losses.png", ".steps/000002.jpg", ".steps/000004.jpg",
)  # fmt: skip

TURNS = 400  # a whole way takes some twenty
SHORT_TURN_S, SHORT_TURNS, LONG_TURN_S = 0.5, 60, 15.0
SICK_TURNS = 120  # a quarter of an hour
YEAR_S = 3.2e7


def furnish(root: Path, *, originals: str = "move", pairs: int = 1) -> None:
    """Lay out a studio with a style and one pair in a folder of the inbox, or another beside it."""
    (root / "inbox" / "styles").mkdir(parents=True)
    (root / "inbox" / FOLDER).mkdir()
    (root / "config.yaml").write_text(CONFIG.format(originals=originals))
    (root / "inbox/styles/waves.jpg").write_bytes(STYLE)
    (root / "inbox" / FOLDER / f"{STEM}.jpg").write_bytes(PHOTOGRAPH)
    (root / "inbox" / FOLDER / f"{STEM}.yaml").write_bytes(MANIFEST)
    if pairs == 2:
        (root / "inbox/OTHER.jpg").write_bytes(OTHER_PHOTOGRAPH)
        (root / "inbox/OTHER.yaml").write_bytes(MANIFEST)


@dataclass
class Life:
    """What a daemon's life came to; comes back from its process as JSON."""

    drained: bool = False
    refused: str = ""  # why it did not even start
    operations: list[tuple[str, str]] = field(default_factory=list)
    writes: int = 0
    hit: tuple[str, str] | None = None
    sick: str | None = None  # the resource that was hit
    sick_turns: int = 0
    faults: dict[str, float] = field(default_factory=dict)  # that were told, and since when
    shown: list[str] = field(default_factory=list)  # that `nstd status` would have shown
    open_at_end: list[str] = field(default_factory=list)
    status: str = ""  # the line for the service manager while something was out of order
    log: list[dict[str, str]] = field(default_factory=list)

    def tries(self, resource: str) -> int:
        """How often a resource was tried in vain."""
        return sum(
            line["event"] == "resource fails" and line["resource"] == resource for line in self.log
        )


def live(
    root: Path, fault: Fault | None = None, *, began_s: float = 0.0, hard_links: bool = True
) -> Life:
    """Run the daemon until its inbox is drained; a lasting fault is lifted after a minute.

    Args:
        began_s: when this life begins, on the wall clock.
    """
    life = Life()
    config = load_config(root / "config.yaml")
    roots = {name: root / name for name in ("inbox", "outbox", "work")}
    shim = Shim(roots, fault, hard_links)
    shim.install()
    _set_up_borders(life.log)
    try:
        with opened(config) as journal:
            _turn_until_drained(config, journal, shim, life, began_s)
    except (ConfigError, WorldError) as error:
        life.refused = str(error)
    life.operations = [(o.kind, o.path.removeprefix(f"{root}/")) for o in shim.trace]
    life.writes = shim.writes
    if shim.hit:
        life.hit = (shim.hit.kind, shim.hit.path.removeprefix(f"{root}/"))
        life.sick = shim.resource_of(shim.hit.path)
    return life


def _turn_until_drained(
    config: Config, journal: Journal, shim: Shim, life: Life, began_s: float
) -> None:
    daemon = build(config, journal, ScriptedPool())
    at_s = 0.0
    for turn in range(TURNS):
        at_s += SHORT_TURN_S if turn < SHORT_TURNS else LONG_TURN_S
        daemon.tick(Now(at_s, 1.7e9 + began_s + at_s))
        if shim.hit and not shim.lifted:
            life.sick_turns += 1
            _note_faults(daemon, life)
            lasts = shim.fault is not None and shim.fault.scope == "file"
            shim.lifted = life.sick_turns == SICK_TURNS and not lasts
        if daemon.drained and not daemon.circuits.faults:
            life.drained = shim.lifted = True  # what follows is no part of a job's way
            break
    life.open_at_end = [fault.resource for fault in daemon.circuits.faults]


def _note_faults(daemon: Daemon, life: Life) -> None:
    for fault in daemon.circuits.faults:
        if life.faults.setdefault(fault.resource, fault.since_s) == fault.since_s:
            life.status = max(life.status, daemon.status, key=len)
    with contextlib.suppress(sqlite3.Error):
        known = {fault.resource for fault in daemon.journal.board.faults()}
        life.shown = sorted({*life.shown, *known})


def accept_whole_pictures(path: Path, *_: object, name: str) -> PictureSize:
    """Stand in for the child process that decodes: a JPEG is whole if its end is there."""
    if not path.read_bytes().endswith(b"\xff\xd9"):
        raise UnfinishedPictureError(f"{name} is not complete.")
    return PictureSize(64, 48)


def _set_up_borders(log: list[dict[str, str]]) -> None:
    """No child process decodes, no rest is taken, and the log is kept."""

    nstd.service.daemon.check_picture = accept_whole_pictures
    gallery.REST = 0  # how long it rests would else depend on how busy the machine is

    def keep(_logger: object, _method: str, event: MutableMapping[str, object]) -> str:
        log.append({key: str(value) for key, value in event.items()})
        raise structlog.DropEvent

    structlog.configure(processors=[structlog.processors.add_log_level, keep])


# --- judging what is left -------------------------------------------------------------------


def judge(root: Path, reference: dict[str, str], *, originals: str) -> None:
    """Hold a studio at rest against the promise: one job, done once, and nothing else anywhere."""
    assert outbox_of(root) == reference
    assert inbox_of(root) == expected_inbox(originals)
    work = {str(p.relative_to(root / "work")) for p in (root / "work").rglob("*")}
    assert work - {"journal.sqlite-wal", "journal.sqlite-shm"} == {
        "arriving", "gram", "jobs", "journal.sqlite", "lock", "styles",
    }  # fmt: skip
    with sqlite3.connect(root / "work" / "journal.sqlite") as db:
        rows = db.execute("SELECT state, attempts, tidied FROM jobs").fetchall()
        faults = db.execute("SELECT * FROM faults").fetchall()
    db.close()
    assert rows == [("done", 0, 1)]
    assert faults == []


def outbox_of(root: Path) -> dict[str, str]:
    """Return what lies in the outbox: of each file its bytes, of the record what must not vary.

    A small picture is named after the result that it belongs to; one that belongs to none keeps the
    id of its job, by which it is found.
    """
    found, stems = {}, {}
    for path in sorted((root / "outbox").rglob("*")):
        if path.is_dir() or of_the_gallery(path.relative_to(root / "outbox")):
            continue
        text = path.read_bytes().hex()
        if path.suffix == ".json":
            record = json.loads(path.read_text())
            text = str({key: record[key] for key in ("content", "order", "files", "attempts")})
            stems[record["job"]] = path.stem
        found[str(path.relative_to(root / "outbox"))] = text
    for job_id, stem in stems.items():
        for name in [name for name in found if name.startswith(f".nstd/thumbs/{job_id}")]:
            found[name.replace(job_id, stem)] = found.pop(name)
    return found


def inbox_of(root: Path) -> dict[str, bytes]:
    files = (path for path in (root / "inbox").rglob("*") if path.is_file())
    found = {str(path.relative_to(root / "inbox")): path.read_bytes() for path in files}
    assert found.pop("styles/waves.jpg") == STYLE
    found.pop(".nstd-inbox", None)
    return found


def expected_inbox(originals: str) -> dict[str, bytes]:
    """Return where the pair lies when its job is done."""
    folder = {"move": f"done/{FOLDER}", "keep": FOLDER}.get(originals)
    if folder is None:
        return {}
    return {f"{folder}/{STEM}.jpg": PHOTOGRAPH, f"{folder}/{STEM}.yaml": MANIFEST}
