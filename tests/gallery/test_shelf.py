"""Which job stands on which page: a full page stays what it is."""

import json

import pytest

from nstd.gallery.shelf import PAGE_JOBS, Shelf
from nstd.spool.history import DoneJob, End


def done(*numbers: int) -> list[DoneJob]:
    return [DoneJob(End(1e9 + number, number), f"{number:08x}") for number in numbers]


def shelf_of(jobs: list[DoneJob]) -> Shelf:
    """Return a shelf on which all that has room is written."""
    shelf = Shelf("1st")
    shelf.take(jobs)
    for number, page in enumerate(shelf.pages):
        ids = [job.job_id for job in jobs[number * PAGE_JOBS : (number + 1) * PAGE_JOBS]]
        shelf.written(page.number, ids)
    return shelf


def test_a_page_is_full_when_another_could_be_filled() -> None:
    """So the first page always shows some."""
    assert Shelf("1st").next_number == 1
    assert len(shelf_of(done(*range(2 * PAGE_JOBS - 1))).pages) == 0
    assert len(shelf_of(done(*range(2 * PAGE_JOBS))).pages) == 1
    assert len(shelf_of(done(*range(10 * PAGE_JOBS))).pages) == 9


def test_a_full_page_is_not_written_again() -> None:
    """Neither when newer ones follow, nor by another process."""
    jobs = done(*range(5 * PAGE_JOBS))
    shelf = shelf_of(jobs[: 3 * PAGE_JOBS])
    shelf = Shelf.from_json(shelf.as_json(), "1st")
    assert shelf.compare(jobs) == []
    shelf.take(jobs[2 * PAGE_JOBS :])

    assert shelf.unwritten() == [3, 4]


def test_when_jobs_are_forgotten_only_their_pages_change() -> None:
    """And the one beside a page that is gone, which led there."""
    jobs = done(*range(6 * PAGE_JOBS))
    shelf = shelf_of(jobs)
    left = jobs[PAGE_JOBS : 3 * PAGE_JOBS] + jobs[3 * PAGE_JOBS + 2 :]

    assert shelf.compare(left) == [1]
    assert shelf.unwritten() == [2, 4]
    assert shelf.neighbours(2).older is None
    assert shelf.job_count == 4 * PAGE_JOBS - 2
    assert shelf.next_number == 6


def test_a_job_that_ended_under_a_clock_set_back_is_on_the_page_of_its_time() -> None:
    """None is shown twice, or not at all."""
    jobs = done(*range(4 * PAGE_JOBS))
    shelf = shelf_of(jobs)
    late = DoneJob(End(jobs[5].end.ended_s, 999), "late")
    shelf.compare(sorted([*jobs, late]))

    assert shelf.unwritten() == [1]
    assert shelf.page(1).jobs == PAGE_JOBS + 1


def test_another_edition_writes_all_pages_anew() -> None:
    """An upgrade changes how they look, and not what stands on them."""
    jobs = done(*range(4 * PAGE_JOBS))
    shelf = Shelf.from_json(shelf_of(jobs).as_json(), "2nd")
    shelf.compare(jobs)

    assert shelf.unwritten() == [1, 2, 3]


@pytest.mark.parametrize(
    "text",
    [
        b"",
        b"null",
        b'{"edition": "1st"}',
        b'{"edition": "1st", "pages": [{"number": 0}]}',
        b"\xff" * 10,
        json.dumps(
            {
                "edition": "1st",
                "pages": [
                    {"number": 1, "jobs": 1, "ended_s": 9.0, "seq": 1, "print": ""},
                    {"number": 2, "jobs": 1, "ended_s": 5.0, "seq": 1, "print": ""},
                ],
            }
        ).encode(),
    ],
)
def test_what_somebody_has_changed_by_hand_is_made_again(text: bytes) -> None:
    """It lies on a share: it is nothing to rely on."""
    assert Shelf.from_json(text, "1st").pages == []
