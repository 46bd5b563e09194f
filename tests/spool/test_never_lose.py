"""Never lose a photograph: a studio's days in random order, and what must hold after each step."""

import errno
import shutil
import sys
import tempfile
from pathlib import Path, PurePosixPath

import pytest
from fake_pool import FACTS, checkpoint
from hypothesis import HealthCheck, event, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule
from ledger import Ledger
from mortal import Border
from studio_folders import GIVE_UP_S, ORPHAN_S, REFUSED, TORN, WHOLE, Studio, files_below

from nstd.clock import Now
from nstd.orders import (
    THUMB_SUFFIXES,
    CheckpointLost,
    Failed,
    Finished,
    LossRow,
    Preview,
    ProducedFile,
    Progress,
    RunFacts,
    Snapshot,
    Stopped,
)
from nstd.pool.contract import Ready, WorkerLost
from nstd.spool.requests import MAY, VERBS, Verb, ask

FOLDERS = st.sampled_from(["", "wedding"])
STEMS = st.sampled_from(["a", "b", "c"])
SUFFIXES = st.sampled_from([".jpg", ".jpg", ".jpg", ".png"])
GOOD = (
    "style: waves\n",
    "style: night\n",
    "style: waves\nsnapshots: 1\n",
    "style: waves\npriority: 5\n",
)
BAD = ("style: no-such-style\n", "style: [\n")
BATCHES = ('style: waves\ncontent: ["*.jpg"]\n', "style: waves\ncontent: [a.jpg, b.jpg]\n")
TEXTS = st.sampled_from([*GOOD, *GOOD, *BAD])
PAUSES = st.sampled_from([0.0, 0.0, 0.5, 3.0])
ERRNOS = st.sampled_from([errno.ENOSPC, errno.EIO, errno.EROFS, errno.ESTALE, errno.EACCES])
DAY_S = 86_400.0


class NeverLose(RuleBasedStateMachine):
    """People, workers and faults act by turns; the ledger watches."""

    def __init__(self) -> None:
        super().__init__()
        self.patch = pytest.MonkeyPatch()
        memory = Path("/dev/shm")  # no power is cut here, and a real disk makes SQLite wait
        self.root = Path(tempfile.mkdtemp(dir=memory if memory.is_dir() else None))
        self.numbers = iter(range(1, 10_000))
        self.deaths_seen = 0

    @initialize(
        originals=st.sampled_from(["move", "keep", "delete"]),
        hard_links=st.booleans(),
        dies_in=st.sampled_from([None, None, *range(12)]),
    )
    def open_the_studio(self, originals: str, hard_links: bool, dies_in: int | None) -> None:
        """Its first day begins with the share mounted; the daemon may die at once."""
        self.ledger = Ledger(originals)
        self.ledger.bad_texts.update(text.encode() for text in BAD)
        styles = self.root / "inbox/styles"
        styles.mkdir(parents=True)
        (styles / "waves.jpg").write_bytes(WHOLE + b"of waves")
        (styles / "night.jpg").write_bytes(WHOLE + b"of the night")
        self.studio = Studio(self.root, originals, self.patch, Border(hard_links=hard_links))
        self.studio.border.dies_in = dies_in
        self.studio.turn()
        self.studio.turn()

    def teardown(self) -> None:
        try:
            if hasattr(self, "studio") and sys.exc_info()[0] is None:
                self.calm()
        finally:
            if hasattr(self, "studio"):
                self.studio.close()
            self.patch.undo()
            shutil.rmtree(self.root)

    # --- people -------------------------------------------------------------------------------

    def put(self, path: str, data: bytes, pause: float = 0.0) -> None:
        if path in self.ledger.there:
            self.ledger.take(path)
        seen = self.studio.write(self.studio.inbox / path, data)
        self.ledger.put(path, seen, now_s=self.studio.now.monotonic_s)
        self.wait(pause)

    def picture(self, kind: bytes = WHOLE) -> bytes:
        return kind + str(next(self.numbers)).encode()

    def wait(self, seconds: float) -> None:
        """Let time pass in a few turns, often not enough for what lies there to settle."""
        for _ in range(3 if seconds else 0):
            self.studio.turn(seconds / 2)
            self.look()

    @precondition(lambda self: self.studio.mounted)
    @rule(
        folder=FOLDERS,
        stem=STEMS,
        suffix=SUFFIXES,
        text=TEXTS,
        end=st.sampled_from([".yaml", ".yaml", ".yml"]),
        ready=st.sampled_from([False, False, True]),
        pause=PAUSES,
    )
    def drop_a_pair(
        self, folder: str, stem: str, suffix: str, text: str, end: str, ready: bool, pause: float
    ) -> None:
        path = PurePosixPath(folder, stem)
        self.put(f"{path}{suffix}", self.picture())
        if ready:
            self.put(f"{path}.ready", b"")
        self.put(f"{path}{end}", text.encode(), pause)

    @precondition(lambda self: self.studio.mounted)
    @rule(
        folder=FOLDERS,
        stem=STEMS,
        suffix=SUFFIXES,
        kind=st.sampled_from([WHOLE, WHOLE, TORN, REFUSED]),
        pause=PAUSES,
    )
    def drop_a_picture(
        self, folder: str, stem: str, suffix: str, kind: bytes, pause: float
    ) -> None:
        self.put(f"{PurePosixPath(folder, stem)}{suffix}", self.picture(kind), pause)

    @precondition(lambda self: self.studio.mounted)
    @rule(folder=FOLDERS, stem=STEMS, text=TEXTS, pause=PAUSES)
    def drop_a_manifest(self, folder: str, stem: str, text: str, pause: float) -> None:
        self.put(f"{PurePosixPath(folder, stem)}.yaml", text.encode(), pause)

    @precondition(lambda self: self.studio.mounted)
    @rule(folder=FOLDERS, text=st.sampled_from(BATCHES), pictures=st.integers(0, 2), pause=PAUSES)
    def drop_a_batch(self, folder: str, text: str, pictures: int, pause: float) -> None:
        for stem in "ab"[:pictures]:
            self.put(f"{PurePosixPath(folder, stem)}.jpg", self.picture())
        self.put(str(PurePosixPath(folder, "list.yaml")), text.encode(), pause)

    @precondition(lambda self: self.studio.mounted)
    @rule(text=st.sampled_from(["style: night # standing\n", BAD[0]]), pause=PAUSES)
    def drop_a_standing_order(self, text: str, pause: float) -> None:
        self.put("wedding/folder.yaml", text.encode(), pause)

    def one_of(self, data: st.DataObject, what: list[str]) -> str:
        return data.draw(st.sampled_from(sorted(what)))

    @precondition(lambda self: self.studio.mounted and self.ledger.there)
    @rule(data=st.data(), pause=PAUSES)
    def take_back(self, data: st.DataObject, pause: float) -> None:
        path = self.one_of(data, list(self.ledger.there))
        self.ledger.take(path)
        (self.studio.inbox / path).unlink()
        self.wait(pause)

    @precondition(lambda self: self.studio.mounted and self.ledger.there)
    @rule(data=st.data(), folder=FOLDERS, stem=STEMS, pause=PAUSES)
    def rename(self, data: st.DataObject, folder: str, stem: str, pause: float) -> None:
        path = self.one_of(data, list(self.ledger.there))
        target = f"{PurePosixPath(folder, stem)}{PurePosixPath(path).suffix}"
        if target in self.ledger.there:
            return
        seen = self.ledger.take(path)
        (self.studio.inbox / target).parent.mkdir(exist_ok=True)
        (self.studio.inbox / path).rename(self.studio.inbox / target)
        self.ledger.put(target, seen, now_s=self.studio.now.monotonic_s)
        self.wait(pause)

    @precondition(lambda self: self.studio.mounted and self.ledger.there)
    @rule(data=st.data(), kind=st.sampled_from([WHOLE, WHOLE, TORN]), pause=PAUSES)
    def change(self, data: st.DataObject, kind: bytes, pause: float) -> None:
        """Save over a photograph: a new one, or the rest of one that was still arriving."""
        pictures = [p for p in self.ledger.there if p.endswith((".jpg", ".png"))]
        if pictures:
            self.put(self.one_of(data, pictures), self.picture(kind), pause)

    @precondition(lambda self: self.studio.mounted and self.ledger.last)
    @rule(data=st.data(), folder=FOLDERS, stem=STEMS, same_place=st.booleans(), pause=PAUSES)
    def drop_again(
        self, data: st.DataObject, folder: str, stem: str, same_place: bool, pause: float
    ) -> None:
        """Drop the photograph and the manifest of an earlier job, there or under another name."""
        jobs = [job for job in self.ledger.last.values() if job.content_sha256]
        if not jobs:
            return
        job = data.draw(st.sampled_from(jobs))
        path = PurePosixPath(job.title if same_place else f"{PurePosixPath(folder, stem)}.jpg")
        self.put(str(path), self.ledger.bytes_of[job.content_sha256])
        if job.batch_id is None and job.manifest_name != "folder.yaml":
            self.put(str(path.with_suffix(".yaml")), job.manifest, pause)

    @precondition(lambda self: self.studio.mounted)
    @rule(
        name=st.sampled_from(["waves", "night"]),
        how=st.sampled_from(["gone", "torn", "new", "same"]),
    )
    def touch_a_style(self, name: str, how: str) -> None:
        path = self.studio.inbox / "styles" / f"{name}.jpg"
        if how == "gone":
            path.unlink(missing_ok=True)
        else:
            kind = TORN if how == "torn" else WHOLE
            path.write_bytes(kind + (b"" if how == "same" else self.picture()))
        if how in ("gone", "torn"):
            named = [text.encode() for text in (*GOOD, *BATCHES) if name in text]
            self.ledger.bad_texts.update([*named, b"style: night # standing\n"])

    # --- the outbox's neighbours ----------------------------------------------------------------

    @rule(
        folder=FOLDERS,
        stem=STEMS,
        style=st.sampled_from(["waves", "night"]),
        end=st.sampled_from([".jpg", ".json", ".losses.csv", "--2.jpg", ".steps"]),
    )
    def put_a_foreign_file(self, folder: str, stem: str, style: str, end: str) -> None:
        name = str(PurePosixPath(folder, f"{stem}--{style}{end}"))
        path = self.studio.outbox / name
        if not path.exists():
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(b"not yours")
            self.ledger.foreign[name] = b"not yours"

    @precondition(lambda self: self.ledger.records)
    @rule(data=st.data())
    def collect_a_result(self, data: st.DataObject) -> None:
        done = [
            job_id
            for job_id, path in self.ledger.records.items()
            if path in self.ledger.committed and self.ledger.last[job_id].state == "done"
        ]
        if done:
            for path in self.ledger.collect(data.draw(st.sampled_from(done))):
                (self.studio.outbox / path).unlink()

    @precondition(lambda self: any(j.state == "finished" for j in self.ledger.last.values()))
    @rule(data=st.data(), end=st.sampled_from([".jpg", ".json", ".losses.csv", ".losses.png"]))
    def put_a_foreign_file_in_the_way(self, data: st.DataObject, end: str) -> None:
        """Just where a result is about to be published."""
        about = [job for job in self.ledger.last.values() if job.state == "finished"]
        job = data.draw(st.sampled_from(sorted(about, key=lambda job: job.id)))
        name = str(PurePosixPath(job.output_folder or "", f"{job.output_stem}{end}"))
        path = self.studio.outbox / name
        if not path.exists():
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(b"not yours")
            self.ledger.foreign[name] = b"not yours"

    # --- the administrator ------------------------------------------------------------------

    @precondition(lambda self: self.ledger.last)
    @rule(data=st.data(), verb=st.sampled_from(VERBS), pause=PAUSES)
    def ask(self, data: st.DataObject, verb: Verb, pause: float) -> None:
        """Anything of any job; mostly of one to which it can be done."""
        jobs = sorted(self.ledger.last.values(), key=lambda job: job.id)
        fit = [job for job in jobs if job.state in MAY[verb]]
        self.request(verb, data.draw(st.sampled_from(fit or jobs)).id)
        self.wait(pause)

    def request(self, verb: Verb, job_id: str) -> None:
        now_s = self.studio.now.wall_s
        (number,) = ask(self.studio.work.journal, verb, [job_id], by="Ann", now_s=now_s)
        self.ledger.ask(number, verb, job_id)

    # --- the worker -----------------------------------------------------------------------------

    def say(self, *words: object, pause: float = 0.5) -> None:
        self.studio.pool.says += words
        self.studio.turn(pause)

    def finish(self, steps: int) -> None:
        order = self.studio.pool.orders[-1]
        for step in range(1, steps + 1):
            if order.order.snapshots and step % order.order.snapshots == 0:
                self.studio.pool.says.append(Snapshot(order.job_id, step, b"step %d" % step))
        results = (".jpg", ".losses.csv", ".losses.png")
        files = tuple(ProducedFile(end, self.picture(b"painted ")) for end in results)
        thumbs = tuple(ProducedFile(end, self.picture(b"small ")) for end in THUMB_SUFFIXES)
        self.ledger.thumbs[order.job_id] = {thumb.suffix: thumb.data for thumb in thumbs}
        facts = RunFacts(**(vars(FACTS) | {"evaluations": steps}))
        self.say(Finished(order.job_id, files, facts, thumbs))

    @precondition(lambda self: self.studio.pool.job_id)
    @rule(steps=st.integers(1, 3))
    def worker_finishes(self, steps: int) -> None:
        self.finish(steps)

    @precondition(lambda self: self.studio.pool.job_id)
    @rule(step=st.integers(1, 3), number=st.none() | ERRNOS)
    def worker_goes_on(self, step: int, number: int | None) -> None:
        """Its checkpoint is written, or its disk failed it."""
        job_id = self.studio.pool.job_id
        if number is None:
            saved = checkpoint(self.studio.pool.orders[-1], step, b"checkpoint %d" % step)
        else:
            saved = CheckpointLost(job_id, step, OSError(number, "A word", "a.part"))
        loss = LossRow(step, 0, 64, 0.1, (1.0,))
        self.say(
            Progress(job_id, step, 3, 0, 1, 64, step / 3, 1.0, "fake", (loss,)),
            Preview(job_id, step, b"live %d" % step),
            saved,
        )

    @precondition(lambda self: self.studio.pool.job_id)
    @rule(fault=st.sampled_from(["job", "attempt", "attempt", "device"]))
    def worker_fails(self, fault: str) -> None:
        job_id = self.studio.pool.job_id
        if fault == "job":
            self.ledger.doomed.add(job_id)
        self.ledger.charges[job_id] += fault == "attempt"
        self.say(Failed(job_id, fault, f"It failed for the {fault}."))

    @precondition(lambda self: self.studio.pool.job_id in self.studio.pool.stopped)
    @rule()
    def worker_leaves_its_job(self) -> None:
        self.say(Stopped(self.studio.pool.job_id))

    @precondition(lambda self: self.studio.pool.job_id)
    @rule()
    def worker_dies(self) -> None:
        job_id = self.studio.pool.job_id
        self.ledger.charges[job_id] += 1
        self.say(WorkerLost("fake", job_id, "The worker was lost."), Ready("fake"))

    # --- time and faults --------------------------------------------------------------------------

    @rule(seconds=st.sampled_from([0.5, 3.0, 3.0, 12.0, 12.0, 70.0, 4000.0]))
    def time_passes(self, seconds: float) -> None:
        self.wait(seconds)

    @rule(seconds=st.sampled_from([-400 * DAY_S, -DAY_S, -30.0, 30.0, DAY_S, 400 * DAY_S]))
    def the_wall_clock_jumps(self, seconds: float) -> None:
        """As when it is set from the network; the daemon sees it in its next turn."""
        now, knew = self.studio.now, self.studio.has_seen_the_clock
        self.studio.now = Now(now.monotonic_s, now.wall_s + seconds)
        self.studio.turn()
        self.ledger.clock_unsure |= not (knew and self.studio.has_seen_the_clock)

    @rule()
    def crash(self) -> None:
        self.studio.crash()

    @rule(changes=st.integers(0, 60), seconds=st.sampled_from([0.5, 3.0]))
    def crash_within(self, changes: int, seconds: float) -> None:
        """The process dies within what it does next; the following rules let it do something."""
        self.studio.border.dies_in = changes
        self.wait(seconds)

    @rule()
    def leave(self) -> None:
        """SIGTERM: the worker stops at a checkpoint, the daemon ends, and is started again."""
        self.studio.daemon.foreman.stop_all()
        for job_id in self.studio.pool.stopped:
            if job_id == self.studio.pool.job_id:
                self.studio.pool.says.append(Stopped(job_id))
        self.studio.turn(leaving=True)
        self.studio.crash()

    @precondition(lambda self: self.studio.mounted)
    @rule(pause=PAUSES)
    def unmount(self, pause: float) -> None:
        self.studio.unmount()
        self.wait(pause)

    @precondition(lambda self: not self.studio.mounted)
    @rule()
    def mount(self) -> None:
        below = self.studio.mount()
        assert not below, f"written under the share: {below}"

    @rule(place=st.sampled_from(["inbox", "outbox", "work/jobs", "work/arriving"]), number=ERRNOS)
    def a_disk_fails(self, place: str, number: int) -> None:
        self.studio.border.broken[self.root / place] = number
        self.ledger.disk_failed = True

    @precondition(lambda self: self.studio.border.broken)
    @rule()
    def disks_work_again(self) -> None:
        self.studio.border.broken.clear()

    # --- what must hold ----------------------------------------------------------------------

    @invariant()
    def look(self) -> None:
        """After every step."""
        if hasattr(self, "studio"):
            self.audit(quiet=False)

    def audit(self, *, quiet: bool) -> None:
        studio, ledger = self.studio, self.ledger
        jobs = studio.journal.jobs(
            "waiting", "queued", "running", "finished", "done", "failed", "held", "cancelled"
        )
        for job in jobs:
            event(f"a job is {job.state}")
        died, self.deaths_seen = studio.deaths > self.deaths_seen, studio.deaths
        ledger.audit_answers(studio.journal.requests.answers(list(ledger.asked)))
        all_heard = not studio.daemon.foreman.unheard
        now_s = studio.now.monotonic_s
        ledger.audit_journal(jobs, died=died, all_heard=all_heard, now_s=now_s)
        planned = {j.id: studio.journal.files_of(j.id) for j in jobs if j.state == "finished"}
        outbox = files_below(studio.outbox)
        shown = {p: outbox.pop(p) for p in list(outbox) if p.startswith(".nstd/")}
        ledger.audit_gallery(shown, quiet=quiet)
        ledger.audit_outbox(outbox, planned, shown)
        tree = {
            path: seen
            for path, seen in files_below(studio.share).items()
            if not path.startswith("styles/") and not PurePosixPath(path).name.startswith(".")
        }
        ledger.audit_inbox(tree, quiet=quiet)
        if studio.mounted:
            ledger.audit_words(tree, jobs)

    def calm(self) -> None:
        """All faults go, workers finish everything, time passes; then nothing is left to do."""
        studio = self.studio
        studio.border.revive()
        studio.border.broken.clear()
        if not studio.mounted:
            self.mount()
        for name in ("waves", "night"):
            path = studio.inbox / f"styles/{name}.jpg"
            path.write_bytes(WHOLE + b"of old")
        studio.crash()  # what a death left in the work folder is swept by the next process
        for seconds in (*[1.0] * 10, *[20.0] * 15, *[GIVE_UP_S] * 5, *[ORPHAN_S] * 8, *[5.0] * 10):
            studio.turn(seconds)
            if studio.pool.job_id:
                self.finish(3)
            for job in studio.journal.jobs("held"):
                self.request("release", job.id)
            self.audit(quiet=False)
        self.audit(quiet=True)
        self.audit_calm()

    def audit_calm(self) -> None:
        studio, journal = self.studio, self.studio.journal
        live = journal.jobs("waiting", "queued", "running", "finished", "held")
        assert not live, f"still live: {live}"
        assert not journal.untidied(), "not put away"
        assert not journal.batches.ended(), "a batch is not put away"
        assert not journal.board.faults(), f"still out of order: {journal.board.faults()}"
        assert not journal.board.arrivals(), f"still waiting: {journal.board.arrivals()}"
        assert studio.daemon.drained, "not drained"
        ended = journal.jobs("done", "failed", "cancelled")
        self.ledger.audit_end(ended)
        self.ledger.audit_words(files_below(studio.inbox), ended)
        hidden = [p for folder in (studio.inbox, studio.outbox) for p in folder.rglob("*.part")]
        assert not hidden, f"left over: {hidden}"
        kept = {job.id for job in journal.with_copy()}
        assert {path.name for path in studio.work.jobs.iterdir()} == kept, "left over in jobs"
        styles = {path.name for path in studio.work.styles.iterdir()}
        used = journal.used_style_pictures()
        assert used <= styles, f"gone, and may be needed for a retry: {used - styles}"
        assert styles <= used, f"left over in styles: {styles - used}"
        assert not list(studio.work.arriving.iterdir()), "left over in arriving"


QUICK = settings(
    derandomize=True,
    database=None,
    deadline=None,
    max_examples=30,
    stateful_step_count=40,
    suppress_health_check=list(HealthCheck),
)
LONG = settings(QUICK, derandomize=False, max_examples=300, stateful_step_count=60)


@pytest.mark.timeout(280)
class TestNeverLose(NeverLose.TestCase):
    """The same days at every run: what is found once stays found."""

    settings = QUICK


@pytest.mark.full
@pytest.mark.timeout(3600)
class TestNeverLoseForLong(NeverLose.TestCase):
    """Other days at every run, many more of them."""

    settings = LONG
