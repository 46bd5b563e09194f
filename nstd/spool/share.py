"""Is the inbox the share, or the empty folder that the share is mounted on?

An unmounted share must not read as 'everything was removed', and nothing may be put away into the
folder below it: it would be out of sight when the share comes back.
"""

from pathlib import Path

import structlog

from nstd.errors import WorldError
from nstd.spool.durable import write_new
from nstd.spool.inbox import MARKER
from nstd.spool.journal import Journal

NOTE = "inbox marker"

log = structlog.get_logger()


def require_share(journal: Journal, inbox: Path) -> None:
    """Make sure that the inbox is the one that was marked, if one ever was.

    Raises:
        WorldError: its marker is gone.
    """
    if journal.board.note(NOTE) == str(inbox) and not (inbox / MARKER).exists():
        raise WorldError(
            "inbox",
            f"The inbox {inbox} has lost its marker file {MARKER}: is the share mounted? If the "
            f"folder is the right one, create an empty file {MARKER} in it.",
        )


def mark_share(journal: Journal, inbox: Path) -> None:
    """Mark the inbox, once, with a file that only lies in the share itself."""
    if journal.board.note(NOTE) == str(inbox):
        return
    try:
        write_new(
            inbox / MARKER, b"This file tells nstd that the share is mounted. Leave it here.\n"
        )
    except FileExistsError:
        pass  # by an earlier work folder, or before a crash: it is as good
    except OSError as error:  # a read-only inbox works without it
        log.warning("inbox marker not written", reason=str(error))
        return
    journal.board.set_note(NOTE, str(inbox))
