"""Kill sweep: a daemon ended by SIGKILL after each of its operations, and started again."""

import random
from pathlib import Path

import pytest
from faults.scripted_pool import LIVE
from faults.shim import Fault
from faults.studio import YEAR_S, judge, outbox_of
from faults.sweep import Sweep

POLICIES = ["move", "keep", "delete"]
REDUCED = 5  # the short form takes every fifth operation


def halves_of(root: Path, reference: dict[str, str]) -> list[str]:
    """Name the pictures of the gallery that a browser would now see cut off."""
    whole = {*reference.values(), LIVE.hex()}
    return [
        name
        for name, text in outbox_of(root).items()
        if name.startswith(".nstd/") and not name.endswith(".part") and text not in whole
    ]


def kill_at(
    sweep: Sweep, at: int, reference: dict[str, str], originals: str, *, hard_links: bool
) -> bool:
    """Kill a daemon after an operation, and judge what the next makes of it; False: none so far."""
    with sweep.studio() as root:
        killed = sweep.live(root, Fault(at), originals=originals, hard_links=hard_links) is None
        if killed:
            assert halves_of(root, reference) == []
            life = sweep.live(root, originals=originals, began_s=YEAR_S, hard_links=hard_links)
            assert life is not None
            assert life.drained
        judge(root, reference, originals=originals)
        return killed


def sweep_kills(sweep: Sweep, originals: str, *, stride: int, hard_links: bool = True) -> None:
    """Kill after the n-th operation for every stride-th n, until a life passes unharmed."""
    reference, life = sweep.reference(originals, hard_links=hard_links)
    writes = life.writes
    at = random.Random(originals).randint(1, stride)
    while kill_at(sweep, at, reference, originals, hard_links=hard_links):
        at += stride
    print(f"{originals}: {writes} writing operations, one in {stride} swept")
    assert writes < at <= writes + stride


@pytest.mark.parametrize("originals", POLICIES)
def test_a_killed_daemon_loses_nothing_and_does_nothing_twice(sweep: Sweep, originals: str) -> None:
    """One result, the original put away once, no part, no orphan, no attempt charged."""
    sweep_kills(sweep, originals, stride=REDUCED)


@pytest.mark.full
@pytest.mark.timeout(3600)
def test_a_daemon_may_be_killed_on_a_share_without_hard_links(sweep: Sweep) -> None:
    """The same where renameat2 gives the names."""
    sweep_kills(sweep, "move", stride=1, hard_links=False)


@pytest.mark.full
@pytest.mark.timeout(3600)
@pytest.mark.parametrize("originals", POLICIES)
def test_a_daemon_may_be_killed_after_any_operation(sweep: Sweep, originals: str) -> None:
    """The same after every single one."""
    sweep_kills(sweep, originals, stride=1)


@pytest.mark.full
@pytest.mark.timeout(3600)
def test_a_daemon_may_be_killed_while_it_recovers(sweep: Sweep) -> None:
    """A second kill, anywhere in the second life, changes nothing either."""
    reference, life = sweep.reference("move")
    writes = life.writes
    chance = random.Random(2015)
    for at in range(1, writes + 1):
        with sweep.studio() as root:
            assert sweep.live(root, Fault(at)) is None
            sweep.live(root, Fault(chance.randint(1, writes)), began_s=YEAR_S)
            sweep.live(root, began_s=2 * YEAR_S)
            judge(root, reference, originals="move")
