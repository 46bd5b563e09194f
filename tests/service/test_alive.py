"""Whether a daemon lives, as others see it."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from daemon_rig import Studio, until

from nstd.service.alive import SILENT_AFTER_S, give_sign, last_sign


def test_a_daemon_that_gives_signs_runs(tmp_path: Path) -> None:
    """The lock's time is its last sign; after five minutes without one it is silent."""
    lock = tmp_path / "lock"
    lock.write_text(f"{os.getpid()}\n")
    os.utime(lock, (1e9, 1e9))
    give_sign(lock)
    now_s = time.time()
    sign = last_sign(lock, now_s=now_s)

    assert (sign.state, sign.pid) == ("running", os.getpid())
    assert sign.heard_s is not None
    assert abs(sign.heard_s - now_s) < 60
    assert last_sign(lock, now_s=sign.heard_s + SILENT_AFTER_S + 1).state == "silent"


def test_a_daemon_that_has_ended_is_stopped(tmp_path: Path) -> None:
    """It is known when it was last heard of."""
    ended = subprocess.Popen([sys.executable, "-c", ""])
    ended.wait()
    lock = tmp_path / "lock"
    lock.write_text(f"{ended.pid}\n")
    os.utime(lock, (1e9, 1e9))

    assert last_sign(lock, now_s=1e9 + 1) == last_sign(lock, now_s=2e9)
    assert last_sign(lock, now_s=2e9).heard_s == 1e9
    assert last_sign(lock, now_s=2e9).state == "stopped"


def test_where_none_ever_ran_nothing_is_known(tmp_path: Path) -> None:
    """Nor where the lock holds no number; and to give a sign there harms nobody."""
    give_sign(tmp_path / "lock")
    assert last_sign(tmp_path / "lock", now_s=0).state == "stopped"
    (tmp_path / "lock").write_text("")
    assert last_sign(tmp_path / "lock", now_s=0).heard_s is None


@pytest.mark.process
def test_a_daemon_gives_a_sign_at_every_turn(tmp_path: Path) -> None:
    """While it runs; killed, it is known to be dead at once, and when it was last heard of."""
    studio = Studio(tmp_path)
    lock = studio.work / "lock"
    studio.start()
    try:
        until(lambda: last_sign(lock, now_s=time.time()).state == "running")
        os.utime(lock, (1e9, 1e9))
        until(lambda: (last_sign(lock, now_s=time.time()).heard_s or 0) > 1.5e9, seconds=30)
        before_s = time.time()
    finally:
        studio.stop(signal.SIGKILL)
    sign = last_sign(lock, now_s=time.time())

    assert sign.state == "stopped"
    assert sign.heard_s is not None
    assert sign.heard_s > before_s - 60
