"""Turns: where several folders wait, the one goes first that was last served longest ago."""

MOST_FOLDERS = 100_000


class Turns:
    """Remembers in which order folders were served; a restart forgets it, which harms nobody."""

    def __init__(self) -> None:
        self._last: dict[str, int] = {}  # the longest ago first
        self._served = 0

    def last(self, folder: str) -> int:
        """Return the number of the folder's last turn; 0 if it has had none."""
        return self._last.get(folder, 0)

    def took(self, folder: str) -> None:
        """Note that the folder has just had its turn."""
        self._served += 1
        self._last.pop(folder, None)
        self._last[folder] = self._served
        if len(self._last) > MOST_FOLDERS:
            del self._last[next(iter(self._last))]
