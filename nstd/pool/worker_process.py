"""One spawned process and the pipe to it: started, spoken to, heard and ended, never waited for."""

import ctypes
import multiprocessing
import os
import signal
import socket
import struct
from collections.abc import Callable
from dataclasses import dataclass
from multiprocessing.connection import Connection
from multiprocessing.context import SpawnProcess
from typing import Any, Generic, TypeVar

from nstd.pool.oom_kills import offer_this_process

PR_SET_PDEATHSIG = 1
MESSAGE_WITHIN_S = 30
END_WITHIN_S = 5.0

Settings = TypeVar("Settings")


@dataclass(frozen=True)
class WorkerProcess(Generic[Settings]):
    """A process of this machine that runs `serve(connection, settings)` until it is ended.

    `serve` is a function of a module: the new process imports it by name.
    """

    process: SpawnProcess
    connection: Connection

    @classmethod
    def start(
        cls, serve: Callable[[Connection, Settings], None], settings: Settings
    ) -> "WorkerProcess[Settings]":
        context = multiprocessing.get_context("spawn")
        ours, theirs = context.Pipe()
        _limit_waiting(ours)
        process = context.Process(target=_child, args=(theirs, settings, serve), daemon=True)
        try:
            process.start()
        except OSError:
            ours.close()
            raise
        finally:
            theirs.close()  # so that the end of the child reads as the end of the pipe
        return cls(process, ours)

    def send(self, message: object) -> None:
        """Say something. Raises: OSError, when it has ended or does not listen."""
        self.connection.send(message)

    def has_word(self) -> bool:
        """Tell whether there is a message, or the end of the pipe."""
        return self.connection.poll()

    def hear(self) -> Any:  # noqa: ANN401 - whatever the other end sends
        """Take a message. Raises: EOFError at its end; OSError, when it stops within one."""
        return self.connection.recv()

    @property
    def has_ended(self) -> bool:
        return not self.process.is_alive()

    def kill(self) -> None:
        """Ask the kernel to end it; `end` waits for that."""
        self.process.kill()

    def end(self) -> int | None:
        """Wait for its end, and kill it if that does not come.

        Returns:
            its exit code; None if it hangs in the kernel: a driver or a share does not answer.
        """
        self.connection.close()
        self.process.join(timeout=END_WITHIN_S)
        if not self.has_ended:
            self.process.kill()
            self.process.join(timeout=END_WITHIN_S)
        return self.process.exitcode


def _limit_waiting(connection: Connection) -> None:
    """Let reading and writing fail where the other end stands still in the middle of a message.

    The daemon would else wait with it for ever (SO_RCVTIMEO and SO_SNDTIMEO in socket(7)).
    """
    limit = struct.pack("ll", MESSAGE_WITHIN_S, 0)
    with socket.socket(fileno=os.dup(connection.fileno())) as pipe:
        pipe.setsockopt(socket.SOL_SOCKET, socket.SO_RCVTIMEO, limit)
        pipe.setsockopt(socket.SOL_SOCKET, socket.SO_SNDTIMEO, limit)


def _child(
    connection: Connection, settings: Settings, serve: Callable[[Connection, Settings], None]
) -> None:
    """Run in the new process: leave with the daemon, and leave Ctrl-C to it."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    # A daemon that is killed cannot tell its workers: the kernel does (prctl(2)).
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    offer_this_process()
    serve(connection, settings)
