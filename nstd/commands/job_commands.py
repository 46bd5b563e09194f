"""`nstd retry|again|cancel|hold|release`: the command line asks, the daemon acts and answers."""

import argparse
import getpass
import os
import time
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING

from nstd.errors import EX_DATAERR, EX_OK, ConfigError, UsageError

if TYPE_CHECKING:
    from nstd.spool.jobs import Job
    from nstd.spool.journal import Journal
    from nstd.spool.requests import Answer, Verb

WORDS = {
    "retry": "try a failed or cancelled job again, from the beginning",
    "again": "order a job that is done anew; its result is named --2",
    "cancel": "end a job that is not done; its files go to 'failed'",
    "hold": "keep a job from running until it is released",
    "release": "let a held job go on",
}
ANSWER_WAIT_S = 5.0
LOOK_EVERY_S = 0.1
MOST_CANDIDATES = 10


def add_job_arguments(parser: argparse.ArgumentParser, verb: str) -> None:
    """Add what `run_request` reads."""
    parser.add_argument(
        "jobs",
        metavar="JOB",
        nargs="+",
        help="a job's id or its beginning, or the photograph's path as 'nstd status' shows it",
    )
    parser.set_defaults(verb=verb)


def run_request(arguments: argparse.Namespace) -> int:
    """Ask the daemon, wait a moment for its answers, and print them.

    Returns:
        EX_DATAERR if any was refused; a request that is not answered yet is not lost.

    Raises:
        UsageError: a word names no job, or several; nothing was asked.
        WorldError: the queue cannot be written by this user.
    """
    from nstd.config import find_config, load_config
    from nstd.service.alive import last_sign
    from nstd.spool.journal import Journal
    from nstd.spool.requests import ask
    from nstd.spool.work import WorkFolder

    config = load_config(find_config(arguments.config))
    work = WorkFolder(config.work)
    if not work.journal.exists():
        raise ConfigError(f"No queue yet in {config.work}: 'nstd run' has never run there.")
    verb: Verb = arguments.verb
    with closing(Journal(work.journal, read_only=True)) as journal:
        jobs = [
            find_job(journal, _inside(word, config.inbox), verb=verb) for word in arguments.jobs
        ]
        now_s = time.time()
        ids = ask(work.journal, verb, [job.id for job in jobs], by=_asking(), now_s=now_s)
        runs = last_sign(work.lock, now_s=now_s).state != "stopped"
        answers = _wait(lambda: journal.requests.answers(ids), len(ids)) if runs else {}
        for number, job in zip(ids, jobs, strict=True):
            answer = answers.get(number)
            print(answer.words if answer else _unanswered(job, daemon_runs=runs))
    return EX_OK if all(answer.granted for answer in answers.values()) else EX_DATAERR


def find_job(journal: "Journal", word: str, *, verb: "Verb") -> "Job":
    """Return the job that a person means by an id, its beginning or a path.

    Of several jobs of one photograph it is the only one with which this can be done.

    Raises:
        UsageError: it is none, or it could be several; they are listed.
    """
    from nstd.spool.requests import MAY

    found = journal.requests.meant_by(word)
    if not found:
        raise UsageError(f"No job is named {word!r}.{_others(journal)}")
    fitting = [job for job in found if job.state in MAY[verb]]
    for choice in (found, fitting):
        if len(choice) == 1:
            return choice[0]
    raise UsageError(f"{word!r} could be any of these jobs; name one by its id:{_listed(found)}")


def _others(journal: "Journal") -> str:
    live = journal.jobs("running", "queued", "held")
    candidates = [*live, *journal.history.recent(MOST_CANDIDATES)]
    return f" These are the latest:{_listed(candidates)}" if candidates else " There are none yet."


def _listed(jobs: "list[Job]") -> str:
    lines = [f"\n  {job.id}  {job.title}  ({job.state})" for job in jobs[:MOST_CANDIDATES]]
    rest = len(jobs) - len(lines)
    return "".join(lines) + (f"\n  and {rest} more" if rest else "")


def _inside(word: str, inbox: Path) -> str:
    """Return a file's path as the journal knows it, where the word is one of the inbox."""
    path = Path(word).absolute()
    return path.relative_to(inbox).as_posix() if path.is_relative_to(inbox) else word


def _asking() -> str:
    """Return who asks, also behind sudo."""
    return os.environ.get("SUDO_USER") or getpass.getuser()


def _wait(look: "Callable[[], dict[int, Answer]]", count: int) -> "dict[int, Answer]":
    deadline_s = time.monotonic() + ANSWER_WAIT_S
    answers = look()
    while len(answers) < count and time.monotonic() < deadline_s:
        time.sleep(LOOK_EVERY_S)
        answers = look()
    return answers


def _unanswered(job: "Job", *, daemon_runs: bool) -> str:
    if not daemon_runs:
        return f"{job.title}: noted. No daemon runs now; it is done as soon as one does."
    if job.state == "running":
        return f"{job.title}: noted. It is done as soon as the job has left its worker."
    return f"{job.title}: noted. The daemon is busy; 'nstd status' shows when it is done."
