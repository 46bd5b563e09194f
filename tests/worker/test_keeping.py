"""From each block on, the most tiles that fit."""

from nstd.worker.keeping import Keeping, keepings

BYTES = {1: 120, 2: 60, 3: 26, 4: 10}  # that a tile keeps, from that block on


def those_of(room: int, *, tiles: int = 8) -> list[tuple[int, int]]:
    """Return what can be kept in a room, beside a tile of 100 that is looked at as a whole."""

    def fits(keeping: Keeping) -> bool:
        beside = 100 if keeping.kept < tiles else 0
        return keeping.kept * BYTES[keeping.kept_from] + beside <= room

    return [(keeping.kept, keeping.kept_from) for keeping in keepings(tiles, 4, fits)]


def test_the_deeper_the_more_tiles_keep_what_is_less() -> None:
    """As many as fit; one more would not."""
    assert those_of(950) == [(7, 1), (8, 2)]
    assert those_of(179) == [(0, 1), (1, 2), (3, 3), (8, 4)]


def test_nothing_is_kept_where_there_is_no_room() -> None:
    """Not a single tile."""
    assert those_of(79) == [(0, 1), (0, 2), (0, 3), (0, 4)]


def test_none_is_deeper_than_where_all_fit() -> None:
    """It would only be looked at more. With all, no tile is looked at as a whole again."""
    assert those_of(300) == [(1, 1), (3, 2), (8, 3)]
    assert those_of(8 * 26) == [(0, 1), (1, 2), (8, 3)]
    assert those_of(960) == [(8, 1)]
