"""The daemon as a service: a real process that talks to a real socket of a service manager."""

import os
import signal
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from daemon_rig import Studio, manifest
from pictures import put_picture

from nstd.service.lock_holder import Holder

pytestmark = pytest.mark.process


class Manager:
    """Hears as systemd does; every message is one dictionary of its lines."""

    def __init__(self, address: str) -> None:
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.socket.bind(address)
        self.socket.settimeout(60)

    def hear(self) -> dict[str, str]:
        lines = self.socket.recv(100_000).decode().splitlines()
        return dict(line.split("=", 1) for line in lines)

    def hear_until(self, wanted: Callable[[dict[str, str]], object]) -> list[dict[str, str]]:
        """Return what is said, up to what is waited for."""
        heard = [self.hear()]
        while not wanted(heard[-1]):
            heard.append(self.hear())
        return heard

    def drain(self) -> None:
        """Forget what has been said so far."""
        self.socket.setblocking(False)
        try:
            while self.socket.recv(100_000):
                pass
        except BlockingIOError:
            self.socket.settimeout(60)


@pytest.fixture
def manager(tmp_path: Path) -> Iterator[Manager]:
    manager = Manager(str(tmp_path / "notify"))
    yield manager
    manager.socket.close()


@pytest.fixture
def studio(tmp_path: Path, manager: Manager) -> Iterator[Studio]:
    studio = Studio(tmp_path)
    # One that is stopped within these long messages is another matter (test_process_pool.py).
    config = studio.root / "config.yaml"
    config.write_text(config.read_text().replace("every_s: 0.2", "every_s: 1000"))
    studio.start(NOTIFY_SOCKET=str(tmp_path / "notify"))
    yield studio
    studio.end()


def test_a_service_tells_what_it_does_and_reloads_under_a_running_job(
    studio: Studio, manager: Manager
) -> None:
    """Ready, alive with the queue in words, reloading and ready again, stopping; one worker."""
    assert manager.hear()["READY"] == "1"
    picture = put_picture(studio.inbox / "long.jpg", width=96, height=72)
    picture.with_suffix(".yaml").write_text(manifest(steps=5000))
    heard = manager.hear_until(lambda words: words.get("STATUS") == "1 running, 0 queued")
    assert all("WATCHDOG" in words for words in heard)
    manager.hear_until(lambda _: studio.is_at_step(3))
    workers, config = studio.workers(), studio.root / "config.yaml"
    assert studio.daemon is not None

    for text, log, status in (
        (config.read_text() + "setle_s: 3\n", "configuration not reloaded", "The old one stays."),
        (config.read_text() + "originals: keep\n", "configuration reloaded", "0 queued"),
    ):
        config.write_text(text)
        manager.drain()
        studio.daemon.send_signal(signal.SIGHUP)
        before = manager.hear_until(lambda words: "RELOADING" in words)[-1]
        ready = manager.hear_until(lambda words: "READY" in words)[-1]
        assert int(before["MONOTONIC_USEC"]) > 0
        assert ready["STATUS"].startswith("1 running, 0 queued")
        assert ready["STATUS"].endswith(status)
        assert log in studio.log()
    assert "setle_s: unknown key" in studio.log()

    step = studio.progress()
    assert step is not None
    manager.hear_until(lambda _: studio.is_at_step(step.step + 3))
    assert studio.workers() == workers
    assert studio.stop() == 0
    assert manager.hear_until(lambda words: "STOPPING" in words)[-1]["EXTEND_TIMEOUT_USEC"]
    assert studio.has_checkpoint()


def test_a_second_daemon_at_the_same_inbox_leaves_and_may_follow_a_dead_one(
    studio: Studio, manager: Manager, tmp_path: Path
) -> None:
    """With a work folder and an outbox of its own; 75 is 'try again', which systemd does."""
    manager.hear_until(lambda words: "READY" in words)
    first = studio.daemon
    assert first is not None
    config = studio.root / "config.yaml"
    text = config.read_text()
    config.write_text(text.replace(": work", ": work2").replace(": outbox", ": outbox2"))
    studio.start()
    assert studio.daemon is not None
    assert studio.daemon.wait(timeout=30) == 75
    assert f"(process {first.pid} on " in studio.log()

    first.kill()
    first.wait()
    studio.start(NOTIFY_SOCKET=str(tmp_path / "notify"))
    manager.hear_until(lambda words: "READY" in words)
    assert "a dead daemon was taken over" in studio.log()
    assert studio.stop() == 0
    assert not (studio.inbox / ".nstd-lock").exists()


def test_a_daemon_that_has_lost_its_inbox_leaves(studio: Studio, manager: Manager) -> None:
    """It was cut off from the share, and another machine has taken over."""
    manager.hear_until(lambda words: "READY" in words)
    assert studio.stop() == 0
    manager.drain()
    program = (
        "import sys, nstd.service.inbox_lock as lock; lock.BEAT_EVERY_S = 0.2;"
        "from nstd.cli import main; sys.exit(main(sys.argv[1:]))"
    )
    lock = studio.inbox / ".nstd-lock"
    with (studio.root / "log").open("ab") as log:
        words = [sys.executable, "-c", program, *studio.command("run")[3:]]
        env = os.environ | {"NOTIFY_SOCKET": manager.socket.getsockname()}
        studio.daemon = subprocess.Popen(words, stdout=log, stderr=log, env=env)
    manager.hear_until(lambda words: "READY" in words)
    holder = Holder.of_this_process().model_copy(update={"host": "nas"})
    lock.write_text(holder.model_dump_json())

    assert studio.daemon.wait(timeout=30) == 75
    assert "on nas) works on the inbox" in studio.log()
    assert lock.exists()


def test_the_second_sigterm_does_not_wait_for_the_checkpoint(
    studio: Studio, manager: Manager
) -> None:
    """A worker that does not answer is waited for after the first only; nothing is left behind."""
    picture = put_picture(studio.inbox / "long.jpg", width=96, height=72)
    picture.with_suffix(".yaml").write_text(manifest(steps=5000))
    manager.hear_until(lambda _: studio.is_at_step(1))
    (worker,) = studio.workers()
    assert studio.daemon is not None
    stopped = Path(f"/proc/{worker}/stat")

    os.kill(worker, signal.SIGSTOP)
    manager.drain()
    studio.daemon.send_signal(signal.SIGTERM)
    manager.hear_until(lambda words: "STOPPING" in words)
    assert "leaving" in manager.hear_until(lambda words: "WATCHDOG" in words)[-1]["STATUS"]

    assert studio.stop(seconds=8) == 75
    assert not stopped.exists()
    assert "left at once" in studio.log()
