"""Tells the operator what needs one: a failed job, a resource out of order, one that works again.

How is the operator's own business: a program is called with the message.
"""

import json
import os
import signal
import subprocess
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import IO

import structlog

from nstd.clock import Now
from nstd.service.news import News, message_of
from nstd.spool.jobs import Fault, Job
from nstd.spool.journal import Journal
from nstd.spool.resources import as_world_errors

CALL_LIMIT_S = 30.0
EVERY_S = 60.0
SINGLY = 5  # within EVERY_S; what comes thicker is told together
MOST_AT_ONCE = 1000

log = structlog.get_logger()


@dataclass
class _Call:
    process: subprocess.Popen[bytes]
    errors: IO[bytes]
    began_s: float


@dataclass
class Hook:
    """Calls `command`, one call at a time, and waits for none; empty: nobody is told.

    A failure is told once, also over restarts: the journal knows which were. A call that fails is
    logged, and not repeated.

    Raises:
        WorldError: the journal cannot be read.
    """

    command: Sequence[str]
    journal: Journal
    _call: _Call | None = None
    _called_s: list[float] = field(default_factory=list)
    _news: list[News] = field(default_factory=list)
    _faults: dict[str, Fault] = field(init=False)

    def __post_init__(self) -> None:
        with as_world_errors("work"):
            self._faults = self._faults_now()  # of these, a daemon before this one has told

    def turn(self, now: Now) -> None:
        """To be called at every turn of the daemon: it takes no longer than to start a program."""
        if not self.command:  # nor is anybody told of it later
            self.journal.board.set_told(job.id for job in self._failed())
            return
        self._watch_the_resources()
        self._watch_the_call(now)
        if self._call is not None:
            return
        news = [*self._news, *(News.of_job(job) for job in self._failed())]
        told = self._due(news, now)
        if not told:
            return
        self._start(told, now)
        self._news = self._news[len(told) :]
        self.journal.board.set_told(item.job for item in told if item.job)

    def _due(self, news: list[News], now: Now) -> list[News]:
        """Return what is to be told now: one thing, or all there is when it comes thick."""
        self._called_s = [s for s in self._called_s if now.monotonic_s - s < EVERY_S]
        if len(news) <= SINGLY - len(self._called_s):
            return news[:1]
        return [] if self._called_s else news

    def _failed(self) -> list[Job]:
        return self.journal.board.untold(most=MOST_AT_ONCE)

    def _faults_now(self) -> dict[str, Fault]:
        return {fault.resource: fault for fault in self.journal.board.faults()}

    def _watch_the_resources(self) -> None:
        before, self._faults = self._faults, self._faults_now()
        for name in self._faults.keys() - before.keys():
            self._news.append(News.of_fault(self._faults[name]))
        for name in before.keys() - self._faults.keys():
            self._news.append(News.of_recovery(before[name]))

    def _start(self, told: list[News], now: Now) -> None:
        message = message_of(told)
        words = {f"NSTD_{name.upper()}": text for name, text in message.words.items()}
        self._called_s.append(now.monotonic_s)
        errors = tempfile.TemporaryFile()  # noqa: SIM115 - read when the program has ended
        try:
            # From a file: a program that does not read its input cannot hold us up.
            with tempfile.TemporaryFile() as text:
                text.write(json.dumps(message.facts, ensure_ascii=False).encode())
                text.seek(0)
                process = subprocess.Popen(
                    self.command,
                    stdin=text,
                    stdout=subprocess.DEVNULL,
                    stderr=errors,
                    env=os.environ | words,
                    start_new_session=True,
                )
        except OSError as error:
            errors.close()
            log.error("notify_command cannot be called", reason=str(error), told=message.subject)
            return
        self._call = _Call(process, errors, now.monotonic_s)

    def _watch_the_call(self, now: Now) -> None:
        call = self._call
        if call is None:
            return
        if call.process.poll() is None:
            if now.monotonic_s - call.began_s < CALL_LIMIT_S:
                return
            os.killpg(call.process.pid, signal.SIGKILL)
            call.process.wait()
        code = call.process.returncode
        if code:
            call.errors.seek(0)
            words = call.errors.read(2000).decode(errors="replace").strip()
            log.error("notify_command failed", code=code, words=words)
        call.errors.close()
        self._call = None
