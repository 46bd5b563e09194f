"""What each article's loop logs."""

from typing import NamedTuple


class Losses(NamedTuple):
    """Weighted sums of one step, at the picture before the step changes it."""

    total: float
    content: float
    style: float
    tv: float
