"""What people did, and what must therefore be true of disk and journal: knows nothing of the code.

Every `audit` compares what lies there with what people put there, and with what was there before.
"""

import hashlib
import json
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import PurePosixPath

from studio_folders import ORPHAN_S, WHOLE, Seen

from nstd.spool.jobs import Job, PlannedFile
from nstd.spool.requests import Answer
from nstd.spool.resources import PROBE

NEXT_STATES = {
    "waiting": {"queued", "failed", "cancelled"},
    "queued": {"running", "failed", "cancelled"},
    "running": {"queued", "finished", "failed"},
    "finished": {"done"},
    "done": set(),
    "failed": set(),
    "cancelled": set(),
    "held": {"cancelled"},
}
# What a granted request may do besides.
WHEN_ASKED = {
    "retry": {"failed": "queued", "cancelled": "queued"},
    "again": {},
    "cancel": {"waiting": "cancelled", "queued": "cancelled", "held": "cancelled"},
    "hold": {"queued": "held"},
    "release": {"held": "queued"},
}
WORDS = ".error.txt"
ATTEMPTS = 3
PICTURES, MANIFESTS = (".jpg", ".png"), (".yaml", ".yml")


@dataclass
class Ledger:
    """The witness. Paths are relative to the inbox and to the outbox."""

    originals: str
    there: dict[str, Seen] = field(default_factory=dict)
    since: dict[str, float] = field(default_factory=dict)
    disk_failed: bool = False
    clock_unsure: bool = False  # it was set while no daemon could see it
    put_away: dict[str, Seen] = field(default_factory=dict)
    taken: set[str] = field(default_factory=set)
    bytes_of: dict[str, bytes] = field(default_factory=dict)
    foreign: dict[str, bytes] = field(default_factory=dict)
    committed: dict[str, bytes] = field(default_factory=dict)
    records: dict[str, str] = field(default_factory=dict)
    thumbs: dict[str, dict[str, bytes]] = field(default_factory=dict)  # as the worker made them
    collected: Counter[str | None] = field(default_factory=Counter)
    charges: Counter[str] = field(default_factory=Counter)
    doomed: set[str] = field(default_factory=set)
    bad_texts: set[bytes] = field(default_factory=set)
    given_back: set[str] = field(default_factory=set)
    asked: dict[int, tuple[str, str]] = field(default_factory=dict)
    granted: dict[str, set[str]] = field(default_factory=lambda: defaultdict(set))
    ordered_anew: set[str] = field(default_factory=set)
    last: dict[str, Job] = field(default_factory=dict)

    # --- what people do -----------------------------------------------------------------------

    def put(self, path: str, seen: Seen, *, now_s: float) -> None:
        self.since.setdefault(path, now_s)
        self.there[path] = seen
        self.bytes_of[seen.sha256] = seen.data

    def take(self, path: str) -> Seen:
        self.taken.add(path)
        return self.there.pop(path)

    def ask(self, request_id: int, verb: str, job_id: str) -> None:
        self.asked[request_id] = verb, job_id

    def audit_answers(self, answers: Mapping[int, Answer]) -> None:
        """Take note of what was granted; to be called before the journal is audited."""
        for request_id, answer in answers.items():
            verb, job_id = self.asked.pop(request_id)
            assert answer.words, f"{verb} of {job_id} was answered without a word"
            if not answer.granted:
                continue
            self.granted[job_id].add(verb)
            if verb == "retry":  # it begins anew: nothing is charged, its end may be another
                self.charges[job_id] = 0
                self.doomed.discard(job_id)
                self.given_back.discard(job_id)
            if verb == "again":
                new_id = answer.words.split()[-1].rstrip(".")
                assert new_id not in self.ordered_anew, f"{new_id} was ordered anew twice"
                self.ordered_anew.add(new_id)

    # --- the inbox ----------------------------------------------------------------------------

    def audit_inbox(self, tree: Mapping[str, Seen], *, quiet: bool) -> None:
        """Every file that people put lies where it did, or was put away for a reason, unaltered."""
        gone = [path for path, seen in self.put_away.items() if tree.get(path) != seen]
        for path in gone:
            self._judge_leaving(path, tree)
        new = {p: s for p, s in tree.items() if p not in self.there and p not in self.put_away}
        self.since = {path: since_s for path, since_s in self.since.items() if path in tree}
        for path, seen in list(self.there.items()):
            if path in tree:
                assert tree[path] == seen, f"{path} was altered in its place"
                continue
            places = [p for p, s in new.items() if s == seen]
            assert len(places) < 2, f"{path} was put away twice: {places}"
            self._judge_taking(path, seen, places[0] if places else None)
            for place in places:
                self.put_away[place] = new.pop(place)
            del self.there[path]
        for path, seen in new.items():
            self._judge_new(path, seen, quiet=quiet)

    def _judge_leaving(self, path: str, tree: Mapping[str, Seen]) -> None:
        """What a failure has put into `failed` leaves it when a retry is done."""
        seen = self.put_away.pop(path)
        assert path not in tree, f"{path} was put away, and has changed since"
        folder = path.removeprefix("failed/").rpartition("/")[0]
        retried = [
            job
            for job in self.last.values()
            if "retry" in self.granted[job.id] and job.state == "done" and job.folder == folder
        ]
        assert path.startswith("failed/"), f"{path} was put away, and is gone"
        assert retried, f"{path} was put away, and is gone: no retry was done"
        home = f"done/{folder}".rstrip("/") + "/"
        places = [p for p, s in tree.items() if s == seen and p not in self.put_away]
        assert all(p.startswith(home) for p in places), f"{path} went to {places}"
        assert places or self.originals == "delete", f"{path} is LOST after a retry"
        for place in places:
            self.put_away[place] = seen

    def _judge_taking(self, path: str, seen: Seen, place: str | None) -> None:
        if path.endswith(".ready"):
            return
        folder = str(PurePosixPath("/", path).parent)[1:]
        if place is not None and place.startswith("failed/"):
            assert place.startswith(f"failed/{folder}".rstrip("/") + "/"), f"{path} is at {place}"
            assert any(job.folder == folder for job in self._refused()), (
                f"{path} failed without a job"
            )
            return
        assert self.originals != "keep", f"{path} was not kept"
        assert place is not None or self.originals == "delete", f"{path} is LOST"
        assert place is None or self.originals == "move", f"{path} was not deleted"
        home = f"done/{folder}".rstrip("/") + "/"
        assert place is None or place.startswith(home), f"{path} is at {place}"
        jobs = [job for job in self.last.values() if job.state == "done" and job.id in self.records]
        assert any(
            (job.title == path and job.content_sha256 == seen.sha256)
            or (job.folder == folder and job.manifest == seen.data)
            for job in jobs
        ), f"{path} was put away before it was done"

    def _judge_new(self, path: str, seen: Seen, *, quiet: bool) -> None:
        if path.startswith("failed/") and path.endswith(WORDS):
            return
        if not quiet and seen in self.there.values():
            return  # a move that has given the new name and not yet taken the old one
        assert path.startswith("failed/"), f"{path} came from nowhere"
        given_back = any(job.content_sha256 == seen.sha256 for job in self._refused())
        assert given_back, f"{path} came from nowhere"
        self.put_away[path] = seen

    def _refused(self) -> list[Job]:
        """Return the jobs whose photographs belong into `failed`, or have just been there."""
        return [
            job
            for job in self.last.values()
            if job.state == "failed" or job.cancelled_by or "retry" in self.granted[job.id]
        ]

    def audit_words(self, tree: Mapping[str, Seen], jobs: Iterable[Job]) -> None:
        """Every failed job that was put away has its sentence in `failed`, and its photograph."""
        for job in jobs:
            if not (job.state == "failed" or job.cancelled_by) or not job.tidied:
                continue
            folder = f"failed/{job.folder}".rstrip("/")
            texts = [
                seen.data.decode()
                for path, seen in tree.items()
                if path.endswith(WORDS) and str(PurePosixPath(path).parent) == folder
            ]
            assert any(
                (job.reason or "?") in text and job.title.rpartition("/")[2] in text
                for text in texts
            ), f"{job.title} ({job.id}) failed without words in {folder}"
            if job.id not in self.given_back:
                self.given_back.add(job.id)
                somewhere = {seen.sha256 for seen in tree.values()}
                assert job.content_sha256 is None or job.content_sha256 in somewhere, (
                    f"{job.title} is LOST: it failed and was not given back"
                )

    # --- the journal --------------------------------------------------------------------------

    def audit_journal(
        self, jobs: Iterable[Job], *, died: bool, all_heard: bool, now_s: float
    ) -> None:
        """States only go forward, no job vanishes, and nobody is charged who is not to blame.

        Args:
            all_heard: nothing that a worker said waits for a disk to work again.
        """
        now = {job.id: job for job in jobs}
        assert self.last.keys() <= now.keys(), "a job vanished from the journal"
        for job in now.values():
            before = self.last.get(job.id)
            # The turn was cut off before or after the charge; the last of all ends the job instead.
            if died and job.state != "failed":
                charged = self.charges[job.id]
                assert charged - 1 <= job.attempts <= charged, f"{job.title}: a wrong charge"
                self.charges[job.id] = job.attempts
            if before is not None and before.state != job.state:
                self._judge_change(before, job)
            if job.state == "failed" and (before is None or before.state != "failed"):
                self._judge_failure(job, now_s)
            if all_heard and job.state in ("queued", "running", "finished", "done"):
                assert job.attempts == self.charges[job.id], f"{job.title}: a wrong charge"
        self.last = now

    def _judge_change(self, before: Job, job: Job) -> None:
        steps = {state: set(later) for state, later in NEXT_STATES.items()}
        for verb in self.granted[job.id]:
            for state, later in WHEN_ASKED[verb].items():
                steps[state].add(later)
        states, reachable = {before.state}, {before.state}
        while states:  # one turn may make several steps
            states = {later for state in states for later in steps[state]} - reachable
            reachable |= states
        assert job.state in reachable, f"{job.title}: {before.state} -> {job.state}"
        if job.state == "cancelled" and job.cancelled_by:
            assert "cancel" in self.granted[job.id], f"{job.title} was cancelled by nobody"
        elif job.state == "cancelled" and not (job.reason or "").startswith("the same as"):
            assert before.started_s is None, f"{job.title} was cancelled after its start"
            folder = f"{job.folder}/".lstrip("/")
            names = {f"{folder}{name}" for name in (job.content_name, job.manifest_name)}
            assert names & self.taken, f"{job.title} was cancelled and nobody took it back"

    def _judge_failure(self, job: Job, now_s: float) -> None:
        reason = job.reason or ""
        assert reason, f"{job.title} failed without a reason"
        if job.id in self.doomed or self.charges[job.id] >= ATTEMPTS:
            return
        seen = self.there.get(job.title)
        if "has waited for" in reason:
            waited_s = now_s - self.since[job.title]
            assert waited_s >= ORPHAN_S or self.clock_unsure, f"{job.title}: too soon"
            path = PurePosixPath(job.title)
            wanted = PICTURES if path.suffix in MANIFESTS else MANIFESTS
            beside = [p for end in wanted if (p := str(path.with_suffix(end))) in self.there]
            beside = [p for p in beside if not self._is_for_others(p)]
            is_batch = seen is not None and b"content:" in seen.data  # its other pictures lack
            assert is_batch or not beside, (
                f"{job.title} failed for want of {beside}, which lies beside it"
            )
            return
        if "kept failing" in reason and self.disk_failed:
            return
        bad_picture = seen is not None and not seen.data.startswith(WHOLE)
        bad_text = job.manifest in self.bad_texts or (seen and seen.data in self.bad_texts)
        two = reason.startswith(("There are two", "It names two"))
        assert bad_picture or bad_text or two, f"{job.title} failed without a cause: {reason}"

    def _is_for_others(self, path: str) -> bool:
        """Tell of a batch's manifest, of one that was away and is back, and of another job's."""
        seen = self.there[path]
        return (
            b"content:" in seen.data
            or path in self.taken
            or any(
                job.manifest == seen.data and _join(job.folder, job.manifest_name or "") == path
                for job in self.last.values()
            )
        )

    # --- the outbox ---------------------------------------------------------------------------

    def audit_gallery(self, shown: Mapping[str, Seen], *, quiet: bool) -> None:
        """Small pictures are whole, and of jobs that are done or about to be published."""
        for path, seen in shown.items():
            name = PurePosixPath(path).name
            job_id, suffix = name.lstrip(".")[:8], name.lstrip(".")[8:]
            state = self.last[job_id].state if job_id in self.last else "unknown"
            if path.startswith(".nstd/live/"):
                # What a daemon that died has left goes when the next one can use the outbox.
                assert not quiet, f"{path} is shown, and does not run"
            elif path.endswith(".part"):
                assert state == "finished", f"{path} is half a picture of nothing"
            else:
                assert state in ("finished", "done"), f"{path} is of a job that is {state}"
                assert seen.data == self.thumbs[job_id][suffix], f"{path} is not whole"
        for job_id, path in self.records.items():
            assert path not in self.committed or self._shows(job_id, shown), f"{path}: not shown"

    def _shows(self, job_id: str, shown: Mapping[str, Seen]) -> bool:
        return all(f".nstd/thumbs/{job_id}{end}" in shown for end in self.thumbs[job_id])

    def audit_outbox(
        self,
        tree: Mapping[str, Seen],
        planned: Mapping[str, tuple[PlannedFile, ...]],
        shown: Mapping[str, Seen],
    ) -> None:
        """Nothing is replaced or removed, and everything is somebody's.

        `planned` are the files of jobs that are `finished`, by id; `shown` is the gallery's.
        """
        for path, data in (self.committed | self.foreign).items():
            assert path in tree, f"{path} vanished from the outbox"
            assert tree[path].data == data, f"{path} was overwritten"
        for path, seen in tree.items():
            if path not in self.committed and path not in self.foreign and path.endswith(".json"):
                self._judge_record(path, seen, tree)
                assert self._shows(json.loads(seen.data)["job"], shown), f"{path}: not shown"
        ours = {
            _join(job.output_folder, f"{job.output_stem}{file.suffix}"): file.sha256
            for job in self.last.values()
            for file in planned.get(job.id, ())
        }
        for path, seen in tree.items():
            if path not in self.committed and path not in self.foreign:
                part = path.endswith(".part") and any(job_id in path for job_id in planned)
                part |= path == PROBE  # until the next start, or the next try
                assert part or ours.get(path) == seen.sha256, f"{path} is nobody's"
        for job in self.last.values():
            assert job.state != "done" or job.id in self.records, f"{job.title}: no record"

    def _judge_record(self, path: str, seen: Seen, tree: Mapping[str, Seen]) -> None:
        record = json.loads(seen.data)
        job = self.last[record["job"]]
        assert job.state in ("finished", "done"), f"{path}: its job is {job.state}"
        assert job.id not in self.records, f"{job.title} was published twice: {path}"
        assert record["content"]["sha256"] in self.bytes_of, f"{path}: of an unknown photograph"
        self.records[job.id] = path
        self.committed[path] = seen.data
        for file in record["files"]:
            name = _join(job.output_folder, file["name"])
            found = tree.get(name)
            assert found is not None and found.sha256 == file["sha256"], f"{path}: no {name}"
            self.committed[name] = found.data

    def collect(self, job_id: str) -> list[str]:
        """Take a result out of the outbox; returns its files."""
        job = self.last[job_id]
        self.collected[job.receipt] += 1
        prefix = _join(job.output_folder, f"{job.output_stem}.")
        paths = [path for path in self.committed if path.startswith(prefix)]
        for path in paths:
            del self.committed[path]
        return paths

    # --- the end ------------------------------------------------------------------------------

    def audit_end(self, jobs: Iterable[Job]) -> None:
        """All is calm: every photograph has one result, or a reason why not."""
        # What an operator has asked for is painted, also where another job has done it meanwhile.
        results = Counter(
            job.receipt
            for job in jobs
            if job.state == "done"
            and job.id not in self.ordered_anew
            and "retry" not in self.granted[job.id]
        )
        assert not self.asked, f"never answered: {self.asked}"
        assert self.ordered_anew <= {job.id for job in jobs}, "ordered anew, and not to be found"
        for receipt, number in results.items():
            assert number <= 1 + self.collected[receipt], f"{receipt} was painted {number} times"
        for path, seen in self.there.items():
            if path.endswith(".ready") or PurePosixPath(path).stem == "folder":
                continue
            assert self.originals == "keep", f"{path} still lies in the inbox"
            folder = str(PurePosixPath("/", path).parent)[1:]
            assert any(
                (job.title == path and job.content_sha256 == seen.sha256)
                or (job.folder == folder and job.manifest == seen.data)
                for job in jobs
                if job.state == "done"
            ), f"{path} still lies in the inbox, not done"


def sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def _join(folder: str | None, name: str) -> str:
    return f"{folder}/{name}" if folder else name
