"""From the names of files to links, and where the gallery's own files lie in the outbox."""

from urllib.parse import quote

from nstd.orders import THUMB_SUFFIXES
from nstd.spool.showcase import HIDDEN_FOLDER

BEFORE, AFTER = THUMB_SUFFIXES
THUMBS = f"{HIDDEN_FOLDER}/thumbs"
LIVE = f"{HIDDEN_FOLDER}/live"
PAGES = f"{HIDDEN_FOLDER}/pages"
SEARCH = f"{HIDDEN_FOLDER}/search"


def href(path: str) -> str:
    """Return a path below the outbox as a relative link.

    Everything but letters, digits and `-._~/` is percent-encoded (RFC 3986, 2.1), the colon too:
    no name reads as a scheme.
    """
    return quote(path, safe="/")


def before_thumb(job_id: str) -> str:
    """Return where the small picture of a job's photograph lies below the outbox."""
    return f"{THUMBS}/{job_id}{BEFORE}"


def after_thumb(job_id: str) -> str:
    """Return where the small picture of a job's result lies."""
    return f"{THUMBS}/{job_id}{AFTER}"


def live_picture(job_id: str) -> str:
    """Return where the picture of a running job lies, as it is now."""
    return f"{LIVE}/{job_id}.jpg"


def page_file(number: int) -> str:
    """Return where a page lies; they are numbered from 1, the oldest first."""
    return f"{PAGES}/{number:05d}.html"


def joined(folder: str | None, name: str) -> str:
    """Return the path of a file in a folder of the outbox, or in the outbox itself."""
    return f"{folder}/{name}" if folder else name
