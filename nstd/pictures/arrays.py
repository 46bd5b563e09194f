"""What the numbers of pictures are kept in."""

from typing import Any

import numpy
from numpy.typing import NDArray

Levels = NDArray[numpy.unsignedinteger[Any]]  # as a file holds them: uint8 or uint16
Values = NDArray[numpy.float64]  # from 0 to 1, or beyond
