"""Error sweep: every operation of a job's way meets every error, once, late, or until it heals."""

import errno
import random
from collections.abc import Iterator

import pytest
from faults.shim import MEETS, Fault, Scope
from faults.studio import SICK_TURNS, YEAR_S, Life, judge
from faults.sweep import Sweep

NUMBERS = sorted(MEETS, key=lambda number: errno.errorcode[number])
SCOPES: tuple[Scope, ...] = ("once", "late", "resource")
REDUCED = 16  # cases an error number in the short form
MOST_TRIES = 12  # in a quarter of an hour: 2, 4, 8 … 256, 300 s apart


def cases(life: Life, number: int) -> Iterator[Fault]:
    """Name all faults that the operations of a life can meet."""
    for at, (kind, _) in enumerate(life.operations, start=1):
        if kind in MEETS[number]:
            yield from (Fault(at, number, scope) for scope in SCOPES)


def meet(sweep: Sweep, fault: Fault, reference: dict[str, str], originals: str) -> None:
    """Let a daemon meet a fault, and judge what it makes of it."""
    with sweep.studio() as root:
        life = sweep.live(root, fault, originals=originals)
        assert life is not None
        if life.refused:
            life = sweep.live(root, originals=originals, began_s=YEAR_S)
            assert life is not None
        assert life.drained
        judge(root, reference, originals=originals)
        if fault.scope == "resource" and life.sick_turns == SICK_TURNS:
            is_told(life)


def is_told(life: Life) -> None:
    """Hold what a person is told of a resource out of order, and how often it was tried."""
    names = {life.sick, "originals"} if life.sick == "inbox" else {life.sick}
    told = names & life.faults.keys()
    assert told
    for resource in told:
        assert 0 < life.tries(resource or "") <= MOST_TRIES
    assert any(word in life.status for word in ("nbox", "utbox", "ork folder", "journal"))
    if life.sick != "work":  # in which the journal lies
        assert told & set(life.shown)


def sweep_errors(sweep: Sweep, number: int, originals: str, *, count: int | None) -> None:
    """Meet an error everywhere, or at so many places drawn by lot."""
    reference, life = sweep.reference(originals)
    every = list(cases(life, number))
    chosen = every if count is None else random.Random(number).sample(every, count)
    name = errno.errorcode[number]
    print(f"{name}, {originals}: {len(chosen)} of {len(every)} faults met")
    bad: list[str] = []
    for fault in chosen:
        try:
            meet(sweep, fault, reference, originals)
        except AssertionError as error:
            kind, path = life.operations[fault.at - 1]
            bad.append(f"{fault.scope} {name} at {fault.at} ({kind} {path}): {error}")
    assert not bad, "\n".join(bad)


@pytest.mark.parametrize("number", NUMBERS, ids=lambda number: errno.errorcode[number])
def test_an_error_anywhere_costs_no_photograph_and_no_attempt(sweep: Sweep, number: int) -> None:
    """The job waits, the resource is told of and probed; when it works again, the job is done."""
    sweep_errors(sweep, number, "move", count=REDUCED)


@pytest.mark.full
@pytest.mark.timeout(3600)
@pytest.mark.parametrize("number", NUMBERS, ids=lambda number: errno.errorcode[number])
def test_every_operation_may_meet_every_error(sweep: Sweep, number: int) -> None:
    """The same at every single operation."""
    sweep_errors(sweep, number, "move", count=None)


@pytest.mark.full
@pytest.mark.timeout(3600)
@pytest.mark.parametrize("originals", ["keep", "delete"])
@pytest.mark.parametrize("number", NUMBERS, ids=lambda number: errno.errorcode[number])
def test_the_policy_of_originals_changes_nothing(sweep: Sweep, number: int, originals: str) -> None:
    """The same where originals stay, or are deleted."""
    sweep_errors(sweep, number, originals, count=4 * REDUCED)
