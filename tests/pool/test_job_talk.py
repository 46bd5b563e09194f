"""What a worker says and hears within a job: a stop is a stop, and nothing else is one."""

import multiprocessing
from collections.abc import Iterator
from dataclasses import dataclass, field
from multiprocessing.connection import Connection

import pytest

from nstd.pool.contract import Alive, StopJob
from nstd.pool.job_talk import JobTalk
from nstd.pool.lending import CallBack, GivenBack, HelpWanted, Lend


@dataclass
class Ends:
    """Both ends of a job's pipe: the pool's is the test's."""

    pool: Connection
    worker: Connection
    left: list[str] = field(default_factory=list)

    def talk(self, *, on_processor: bool) -> JobTalk:
        return JobTalk(self.worker, on_processor, self.left.append)

    def tell(self, *messages: object) -> None:
        for message in messages:
            self.pool.send(message)

    def heard(self) -> list[object]:
        said: list[object] = []
        while self.pool.poll():
            said.append(self.pool.recv())
        return said


@pytest.fixture
def ends() -> Iterator[Ends]:
    """Return a pipe's two ends."""
    pool, worker = multiprocessing.Pipe()
    with pool, worker:
        yield Ends(pool, worker)


def test_only_a_stop_is_a_stop(ends: Ends) -> None:
    """What is lent, or called back, ends no job; a stop stays one."""
    talk = ends.talk(on_processor=True)
    ends.tell(Lend(1, "cpu"), CallBack(1))
    assert not talk.stop()
    ends.tell(StopJob("a"))
    talk.alive()

    assert talk.stop()
    assert talk.stop()
    assert ends.heard() == [GivenBack(1), Alive()]


def test_help_is_wanted_once_and_used_as_long_as_it_is_lent(ends: Ends) -> None:
    """Whatever comes between two looks is there for the next."""
    talk = ends.talk(on_processor=True)
    with talk.held(3) as devices:
        assert devices() == ()
        ends.tell(Lend(1, "cpu"))
        assert devices() == ("cpu",)
        ends.tell(Lend(2, "cpu"))
        assert devices() == ("cpu", "cpu")
    with talk.held(3) as devices:
        assert devices() == ("cpu", "cpu")

    assert ends.heard() == [HelpWanted(3)]
    assert talk.used == ("cpu",)


def test_processors_go_back_between_two_looks(ends: Ends) -> None:
    """Not while they look: a sign of life is given then, too."""
    talk = ends.talk(on_processor=True)
    ends.tell(Lend(1, "cpu"), Lend(2, "cpu"))
    with talk.held(2) as devices:
        assert len(devices()) == 2
        ends.tell(CallBack(1))
        talk.alive()
        assert ends.heard() == [HelpWanted(2), Alive()]
        assert len(devices()) == 1
        assert ends.heard() == [GivenBack(1)]


def test_a_device_with_its_own_memory_stays_until_the_evaluation_is_made(ends: Ends) -> None:
    """It has graphs that no other can use; none joins within one either."""
    talk = ends.talk(on_processor=False)
    ends.tell(Lend(1, "cuda:1"))
    with talk.held(2) as devices:
        assert devices() == ("cuda:1",)
        ends.tell(CallBack(1), Lend(2, "cuda:2"))
        talk.alive()
        assert devices() == ("cuda:1",)
        assert ends.heard() == [HelpWanted(2), Alive()]
        assert ends.left == []
    assert ends.heard() == [GivenBack(1)]
    assert ends.left == ["cuda:1"]
    with talk.held(2) as devices:
        assert devices() == ("cuda:2",)

    assert talk.used == ("cuda:1", "cuda:2")


def test_a_job_that_fails_within_an_evaluation_holds_nothing(ends: Ends) -> None:
    """What was called back meanwhile goes back, and so does what is called back later."""
    talk = ends.talk(on_processor=False)
    ends.tell(Lend(1, "cuda:1"), Lend(2, "cuda:2"))
    with pytest.raises(MemoryError), talk.held(2):
        ends.tell(CallBack(1))
        talk.alive()
        raise MemoryError
    ends.tell(CallBack(2))
    talk.alive()

    assert ends.heard() == [HelpWanted(2), Alive(), GivenBack(1), Alive(), GivenBack(2)]


def test_at_the_end_of_a_job_all_that_is_lent_is_left(ends: Ends) -> None:
    """Before the end is told, which gives it back."""
    talk = ends.talk(on_processor=False)
    ends.tell(Lend(1, "cuda:1"))
    talk.stop()
    talk.end()

    assert ends.left == ["cuda:1"]
    assert ends.heard() == []
