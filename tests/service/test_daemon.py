"""The daemon's wheel, turned by hand: a real spool, a fake pool, a clock of our own."""

from pathlib import Path

import pytest
from daemon_rig import CONFIG, until
from fake_pool import finished
from pictures import put_picture
from wheel import Wheel, drop

from nstd.clock import Now
from nstd.config import load_config
from nstd.errors import AlreadyRunningError
from nstd.foreman import space
from nstd.orders import Failed
from nstd.service.ownership import opened
from nstd.service.service import reloaded
from nstd.spool.work import WorkFolder


@pytest.fixture
def root(tmp_path: Path) -> Path:
    (tmp_path / "config.yaml").write_text(CONFIG)
    put_picture(tmp_path / "inbox/styles/waves.jpg", seed=5)
    return tmp_path


def test_the_whole_way_of_a_job_by_hand(root: Path) -> None:
    """Seen, settled, accepted, handed out, finished, published, put away, drained."""
    drop(root, "IMG.jpg")
    with opened(load_config(root / "config.yaml")) as journal:
        wheel = Wheel(root, journal)
        assert not wheel.daemon.drained
        wheel.turn(3)
        (order,) = wheel.pool.orders
        assert wheel.daemon.status == "1 running, 0 queued"
        wheel.pool.says.append(finished(order.job_id))
        wheel.turn(4)

        assert wheel.daemon.drained
    assert (root / "outbox/IMG--waves.json").exists()
    assert (root / "inbox/done/IMG.jpg").exists()


def test_a_file_event_brings_the_scan_forward_but_not_at_every_event(root: Path) -> None:
    """Events wake the daemon; a storm of them does not make it scan all the time."""
    with opened(load_config(root / "config.yaml")) as journal:
        wheel = Wheel(root, journal)
        scans: list[float] = []
        turn = wheel.daemon.intake.turn
        wheel.daemon.intake.turn = lambda now: (scans.append(now.monotonic_s), turn(now))[1]  # type: ignore[method-assign]
        for step in range(100):
            moment = Now(200.0 + step / 20, 0.0)
            wheel.daemon.tick(moment, inbox_changed=True)

    assert len(scans) == 10


def test_without_any_event_the_interval_alone_finds_everything(root: Path) -> None:
    """On network file systems no event comes: only latency changes."""
    with opened(load_config(root / "config.yaml")) as journal:
        wheel = Wheel(root, journal)
        wheel.turn(10)
        drop(root, "IMG.jpg")
        wheel.turn(4)

        assert len(wheel.pool.orders) == 1


def test_an_inbox_that_vanishes_and_comes_back_loses_nothing(root: Path) -> None:
    """The fault is shown meanwhile; the queued job goes on."""
    drop(root, "IMG.jpg")
    with opened(load_config(root / "config.yaml")) as journal:
        wheel = Wheel(root, journal)
        wheel.turn(3)
        (root / "inbox").rename(root / "away")
        wheel.turn(4)
        for _ in range(40):
            assert "cannot be listed" in wheel.daemon.status
            wheel.turn()
        (root / "away").rename(root / "inbox")
        wheel.pool.says.append(finished(wheel.pool.orders[0].job_id))
        wheel.turn(80)

        assert wheel.daemon.status == "0 running, 0 queued"
        assert wheel.daemon.drained
    assert (root / "inbox/done/IMG.jpg").exists()


def test_a_work_folder_out_of_order_is_shown_until_it_works_again(root: Path) -> None:
    """Nothing is accepted meanwhile, nothing is charged, and nothing stays marked as broken."""
    drop(root, "IMG.jpg")
    with opened(load_config(root / "config.yaml")) as journal:
        wheel = Wheel(root, journal)
        (root / "work/arriving").rmdir()
        wheel.turn(8)
        assert "The work folder cannot be used" in wheel.daemon.status
        assert journal.counts() == {}
        (root / "work/arriving").mkdir()
        wheel.turn(40)

        assert wheel.daemon.status == "1 running, 0 queued"


def test_nothing_is_accepted_below_the_reserve(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The status says how much is free; what arrives waits in the inbox."""
    free = [10]
    monkeypatch.setattr(space, "free_bytes", lambda folder: free[0])
    drop(root, "IMG.jpg")
    with opened(load_config(root / "config.yaml")) as journal:
        wheel = Wheel(root, journal)
        wheel.turn(8)
        assert "has 0.0 GB free; 1.0 GB are needed (min_free_bytes)" in wheel.daemon.status
        assert journal.counts() == {}
        free[0] = 10**12
        wheel.turn(12)

        assert wheel.daemon.status == "1 running, 0 queued"


def test_a_reload_takes_the_new_limits_and_forgets_no_second(root: Path) -> None:
    """Of a job that runs; what was told before is not told again."""
    drop(root, "IMG.jpg")
    with opened(load_config(root / "config.yaml")) as journal:
        wheel = Wheel(root, journal)
        wheel.turn(3)
        (order,) = wheel.pool.orders
        wheel.now_s += 500
        wheel.turn()
        hook = wheel.daemon.upkeep.hook
        (root / "config.yaml").write_text(CONFIG + "job_limit_s: 400\n")
        wheel.daemon = reloaded(wheel.daemon, wheel.pool)
        wheel.turn()

        assert wheel.pool.stopped == [order.job_id]
        assert wheel.daemon.upkeep.hook is hook


def test_a_reload_changes_the_rights_of_results_and_refuses_a_group_that_is_not_there(
    root: Path,
) -> None:
    """A wrong one is told as a fault of the configuration, and the old rights stay."""
    with opened(load_config(root / "config.yaml")) as journal:
        wheel = Wheel(root, journal)
        (root / "config.yaml").write_text(CONFIG + "result_mode: '0640'\n")
        wheel.daemon = reloaded(wheel.daemon, wheel.pool)
        assert wheel.daemon.foreman.publishing.outbox.rights.mode == 0o640
        (root / "config.yaml").write_text(CONFIG + "result_group: no-such-group\n")
        wheel.daemon = reloaded(wheel.daemon, wheel.pool)

        (fault,) = wheel.daemon.circuits.faults
        assert "there is no group of that name" in fault.sentence
        assert wheel.daemon.foreman.publishing.outbox.rights.mode == 0o640


def test_results_get_the_configured_mode(root: Path) -> None:
    """Picture, log, plot, record and their folder, as the daemon publishes them."""
    (root / "config.yaml").write_text(CONFIG + "result_mode: '0640'\n")
    drop(root, "smith/IMG.jpg")
    with opened(load_config(root / "config.yaml")) as journal:
        wheel = Wheel(root, journal)
        wheel.turn(3)
        (order,) = wheel.pool.orders
        wheel.pool.says.append(finished(order.job_id))
        wheel.turn(4)
        folder = root / "outbox" / "smith"

        assert {path.stat().st_mode & 0o777 for path in folder.iterdir()} == {0o640}
        assert folder.stat().st_mode & 0o777 == 0o750
        gallery = [root / "outbox/index.html", *(root / "outbox/.nstd").glob("*.js")]
        assert {path.stat().st_mode & 0o777 for path in gallery} == {0o640}
        assert (root / "outbox/.nstd").stat().st_mode & 0o777 == 0o750


def test_the_copy_of_a_failed_job_outlives_the_daemon(root: Path) -> None:
    """The sweep at the start leaves it: it can be tried again."""
    drop(root, "IMG.jpg")
    config = load_config(root / "config.yaml")
    with opened(config) as journal:
        wheel = Wheel(root, journal)
        wheel.turn(3)
        (order,) = wheel.pool.orders
        wheel.pool.says.append(Failed(order.job_id, "job", "no luck"))
        wheel.turn()
    with opened(config) as journal:
        assert [job.id for job in journal.with_copy()] == [order.job_id]

        assert WorkFolder(config.work).content(order.job_id).exists()
        assert WorkFolder(config.work).style(order.styles[0].sha256).exists()


def test_what_is_old_goes_and_who_is_to_be_told_is_told(root: Path) -> None:
    """As the configuration says: the daemon's turn includes both."""
    told = root / "told"
    words = f"keep_days: 1\nnotify_command: [sh, -c, 'cat > {told}']\n"
    (root / "config.yaml").write_text(CONFIG + words)
    drop(root, "IMG.jpg")
    with opened(load_config(root / "config.yaml")) as journal:
        wheel = Wheel(root, journal)
        wheel.turn(3)
        wheel.pool.says.append(finished(wheel.pool.orders[0].job_id))
        wheel.turn(2)
        assert (root / "inbox/done/IMG.jpg").exists()
        drop(root, "bad.jpg").write_text("stile: waves\n")
        wheel.turn(4)
        until(lambda: told.exists() and "bad.jpg failed" in told.read_text())
        wheel.now_s += 200_000
        wheel.turn()

        assert not (root / "inbox/done/IMG.jpg").exists()
        assert (root / "inbox/failed/bad.jpg").exists()


def test_a_leaving_daemon_accepts_and_hands_out_nothing(root: Path) -> None:
    """It only hears its workers out."""
    drop(root, "IMG.jpg")
    with opened(load_config(root / "config.yaml")) as journal:
        wheel = Wheel(root, journal)
        for step in range(10):
            wheel.daemon.tick(Now(float(step), 0.0), leaving=True)

        assert journal.counts() == {}


def test_the_work_folder_has_one_owner(root: Path) -> None:
    """The lock is the kernel's: it ends with its process, however that ends."""
    config = load_config(root / "config.yaml")
    with opened(config), pytest.raises(AlreadyRunningError, match="Stop it first"), opened(config):
        pass
    with opened(config):
        pass
