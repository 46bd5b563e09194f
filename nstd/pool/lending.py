"""How idle workers' devices are lent to jobs of large pictures, and come back when they are needed.

A worker whose job can use help says so. Whoever has been idle for a while then lends its device,
and still counts as idle: an order for it is held until the borrower has given the device back.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import count

from nstd.orders import WorkOrder
from nstd.pool.place import Loan, Place

LEND_AFTER_S = 2.0  # or a device is lent between two orders of a full inbox


@dataclass(frozen=True)
class HelpWanted:
    """From a worker: so many other devices could help with its job, until that ends."""

    most: int


@dataclass(frozen=True)
class Lend:
    """To a worker: its job may use this device, too, until it is called back."""

    number: int
    device: str


@dataclass(frozen=True)
class CallBack:
    """To a worker: what was lent is needed. `GivenBack` follows, unless the job ends before."""

    number: int


@dataclass(frozen=True)
class GivenBack:
    """From a worker: nothing of its job is on the lent device any more."""

    number: int


@dataclass(frozen=True)
class MakeRoom:
    """To a worker: another is about to use its device; it keeps no more there than it must."""


@dataclass
class Lending:
    """Who has lent what to whom, among the places of a pool."""

    places: Sequence[Place]
    _numbers: Iterator[int] = field(default_factory=lambda: count(1))

    def turn(self) -> None:
        """Lend what has been idle for long enough to the jobs that want help."""
        for place in self.places:
            if place.is_idle and place.loan is None and place.idle_s >= LEND_AFTER_S:
                self._lend(place)

    def hand(self, order: WorkOrder, place: Place) -> None:
        """Give a place an order; where the device is lent, as soon as it is back."""
        place.job_id, place.silent_s = order.job_id, 0.0
        if place.loan is None:
            place.tell(order)
            return
        place.held = order
        self.call_back(place)

    def call_back(self, place: Place) -> None:
        """Ask for a place's device, if it is lent; once, because it is answered once."""
        if place.loan and not place.loan.is_called_back:
            place.loan.is_called_back = True
            place.loan.borrower.tell(CallBack(place.loan.number))

    def given_back(self, number: int) -> None:
        """Note that a borrower has done with a device; what is not lent any more is no matter."""
        for place in self.places:
            if place.loan and place.loan.number == number:
                self._end(place)

    def borrower_ended(self, borrower: Place) -> None:
        """Note that a job, or its worker, has come to its end: nothing is lent to it any more."""
        for place in self.places:
            if place.loan and place.loan.borrower is borrower:
                self._end(place)

    def _lend(self, place: Place) -> None:
        able = [borrower for borrower in self.places if self._may_borrow(borrower, place)]
        if not able:
            return
        borrower = min(able, key=self._helpers)
        place.loan = Loan(next(self._numbers), borrower)
        place.tell(MakeRoom())
        borrower.tell(Lend(place.loan.number, place.settings.device))

    def _may_borrow(self, borrower: Place, place: Place) -> bool:
        """Tell whether a device is of use to a job; processors are, of which each has its share."""
        kinds = {one.settings.device.partition(":")[0] for one in (borrower, place)}
        if len(kinds) > 1 or (kinds == {"cpu"} and not place.settings.threads):
            return False
        return borrower.job_id is not None and self._helpers(borrower) < borrower.helpers_wanted

    def _helpers(self, borrower: Place) -> int:
        return sum(bool(place.loan and place.loan.borrower is borrower) for place in self.places)

    def _end(self, place: Place) -> None:
        place.loan, order, place.held = None, place.held, None
        if order is not None:
            place.silent_s = 0.0
            place.tell(order)
