"""Who measures a style that is new to the cluster, and who waits."""

import asyncio
from collections.abc import Callable, Coroutine
from pathlib import Path

import pytest
from own_loop import run_in_own_loop

from nstd.pool import measuring
from nstd.pool.gram_shelf import GramShelf
from nstd.pool.measuring import Measuring


class Seats:
    """Seats that begin with a style each, one after another."""

    def __init__(self, folder: Path) -> None:
        self.grams = GramShelf(folder)
        self.measuring = Measuring(self.grams)
        self.begun: list[str] = []
        self._tasks: list[asyncio.Task[None]] = []

    async def begin(self, *seats: str, picture: str = "waves") -> None:
        self._tasks += [asyncio.create_task(self._begin(seat, picture)) for seat in seats]
        await self.settle()

    async def settle(self) -> None:
        """Let all go on that need not wait."""
        for _ in range(20):
            await asyncio.sleep(0)

    async def _begin(self, seat: str, picture: str) -> None:
        await self.measuring.turn([picture, picture], seat)
        self.begun.append(seat)


def played(tmp_path: Path, play: Callable[[Seats], Coroutine[None, None, None]]) -> None:
    async def run() -> None:
        await play(Seats(tmp_path))

    run_in_own_loop(run)


def test_one_measures_a_new_style_and_the_others_wait_until_it_paints(tmp_path: Path) -> None:
    """Whoever comes with another style, or later, waits for nobody."""

    async def play(seats: Seats) -> None:
        await seats.begin("a", "b", "c")
        await seats.begin("d", picture="night")
        assert seats.begun == ["a", "d"]
        seats.measuring.painted("d")
        await seats.settle()
        assert seats.begun == ["a", "d"]
        seats.measuring.painted("a")
        await seats.settle()
        assert seats.begun == ["a", "d", "b", "c"]
        await seats.begin("e")
        assert seats.begun[-1] == "e"

    played(tmp_path, play)


def test_the_next_measures_where_the_first_is_lost(tmp_path: Path) -> None:
    """One of those that wait, not all of them."""

    async def play(seats: Seats) -> None:
        await seats.begin("a", "b", "c")
        seats.measuring.given_up("a")
        await seats.settle()
        assert seats.begun == ["a", "b"]
        seats.measuring.painted("b")
        await seats.settle()
        assert seats.begun == ["a", "b", "c"]

    played(tmp_path, play)


def test_nobody_waits_for_ever(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A host may be slow, or its job a long one without a word."""
    monkeypatch.setattr(measuring, "MEASURED_WITHIN_S", 0.01)

    async def play(seats: Seats) -> None:
        await seats.begin("a", "b")
        assert seats.begun == ["a"]
        async with asyncio.timeout(10):
            while seats.begun != ["a", "b"]:
                await asyncio.sleep(0.001)

    played(tmp_path, play)
