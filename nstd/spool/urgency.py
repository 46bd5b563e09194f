"""How soon a job is wanted, as far as its manifest says so."""

from typing import NamedTuple


class Urgency(NamedTuple):
    """A higher priority before a lower one; among equals proofs, for which somebody waits.

    The greater goes first.
    """

    priority: int = 0
    is_proof: bool = False

    @property
    def place(self) -> tuple[int, bool]:
        """A key by which the most urgent is sorted to the front."""
        return -self.priority, not self.is_proof
